/**
 * What is not Bridgekeeper's on a host: an operator's bridge, VLAN devices, VMs' taps, addresses. In: a host, which bridges of
 * ours have a tap or an address. Out: the lines that make it, or that it stands. Nothing that Bridgekeeper does may change it.
 */
import type { Bed, BedHost } from '../../infra/local/bed/bed.ts'
import { force } from './proofHost.ts'
import { stateOf } from './settled.ts'

/** Foreign devices that stand on the host all the time, and the lines that make them; a line whose device is there fails. */
export const foreign = {
  /** An operator's bridge with an address, over a VLAN device with a name of its own. */
  bridge: 'br-op',
  vlan: 'op3800',
  /** A VM's tap on a bridge of ours, and one on the operator's. */
  tap: 'vnet1',
  otherTap: 'vnet2',
  /** The host's own address on a tag of the label bridge. */
  addressed: 'cloudbr1.3801',
} as const

/** @param tapOn the bridge of ours with the VM's tap @param addressOn the bridge of ours with an address */
export const foreignLines = (tapOn: string, addressOn: string): readonly string[] => [
  `link add name ${foreign.bridge} type bridge`,
  `link add link eth1 name ${foreign.vlan} type vlan id 3800`,
  `link set dev ${foreign.vlan} master ${foreign.bridge} mtu 1400`,
  `addr add 198.51.100.1/24 dev ${foreign.bridge}`,
  `link add link cloudbr1 name ${foreign.addressed} type vlan id 3801`,
  `addr add 203.0.113.1/24 dev ${foreign.addressed}`,
  `tuntap add dev ${foreign.tap} mode tap`,
  `link set dev ${foreign.tap} master ${tapOn}`,
  `tuntap add dev ${foreign.otherTap} mode tap`,
  `link set dev ${foreign.otherTap} master ${foreign.bridge}`,
  `addr add 192.0.2.1/24 dev ${addressOn}`,
  ...[foreign.bridge, foreign.vlan, foreign.addressed, foreign.tap, foreign.otherTap].map(
    (device) => `link set dev ${device} up`,
  ),
]

/** All of it, with the taps on the operator's own bridge. @throws Error when one could not be made */
export async function standForeign(
  host: BedHost,
  kind: Bed['kind'],
  addressOn: string = foreign.bridge,
): Promise<void> {
  await force(host, foreignLines(foreign.bridge, addressOn))
  // This machine's own kernel may have no VLAN devices.
  const expected = kind === 'uml' ? Object.values(foreign) : [foreign.bridge, foreign.tap, foreign.otherTap]
  const { links } = await stateOf(host)
  const absent = expected.filter((name) => !links.has(name))
  if (absent.length > 0) throw new Error(`nothing foreign to compare: ${absent.join(', ')} could not be made`)
}
