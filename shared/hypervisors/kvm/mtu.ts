/**
 * Whether a pair's MTU is what it would be if it were made now (docs/kernel.md). Pure. In: a pair, the links of its host. Out:
 * the difference in words, or null. It is told and never repaired: a VM may be using the device.
 *
 * | the device                              | is told where                                                     |
 * |-----------------------------------------|-------------------------------------------------------------------|
 * | a VLAN device: it inherits, and follows its uplink down but not up | its MTU is not its uplink's            |
 * | a VXLAN device: it follows neither way  | its MTU is not its underlay's less the 50 bytes around each frame |
 * | a bridge: it takes the least of its ports | it is less than that of each port: somebody set it              |
 */
import type { Links } from './links.ts'
import type { Pair } from './names.ts'

/** Outer Ethernet, IPv4, UDP and VXLAN headers. */
const vxlanOverhead = 50

export function mtuDiffers({ kind, device, bridge, uplink }: Pair, links: Links): string | null {
  const [own, below] = [links.holder(device)?.mtu, links.holder(uplink)?.mtu]
  if (own == null || below == null) return null
  const wanted = kind === 'vxlan' ? below - vxlanOverhead : below
  if (own !== wanted) return `${device} has MTU ${own}; on ${uplink}, which has ${below}, it would now get ${wanted}.`
  const ofBridge = links.holder(bridge)?.mtu
  const ports = links.portsOf(bridge).flatMap(({ mtu }) => (mtu === null ? [] : [mtu]))
  if (ofBridge == null || ports.length === 0 || ofBridge >= Math.min(...ports)) return null
  return `${bridge} has MTU ${ofBridge}, less than each of its ports: it would get ${Math.min(...ports)} by itself.`
}
