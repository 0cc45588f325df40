/**
 * Whether a network's two devices are as CloudStack's own script leaves them (FACTS B2 to B4), judged by what the kernel shows
 * and by names written out here: nothing of the driver's plan is asked. In: a network, a kernel's state. Out: what is wrong.
 */
import type { KernelState } from './kernelState.ts'

export interface ProofNetwork {
  readonly kind: 'vlan' | 'vxlan'
  readonly id: number
  readonly uri: string
  /** The device below. */
  readonly uplink: string
  readonly device: string
  readonly bridge: string
}

export const vlanNetwork = (id: number, uplink = 'eth1'): ProofNetwork => ({
  kind: 'vlan',
  id,
  uri: `vlan://${id}`,
  uplink,
  device: `${uplink}.${id}`,
  bridge: `br${uplink}-${id}`,
})

export const vxlanNetwork = (id: number, uplink = 'cloudbr1'): ProofNetwork => ({
  kind: 'vxlan',
  id,
  uri: `vxlan://${id}`,
  uplink,
  device: `vxlan${id}`,
  bridge: `brvx-${id}`,
})

/** 239 and the three bytes of the VNI. */
export const groupOf = (vni: number): string =>
  `239.${Math.floor(vni / 65_536)}.${Math.floor(vni / 256) % 256}.${vni % 256}`

/** A line for `ip -batch` that makes a network's device as CloudStack's script does. @param more its group, its master */
export const linkLine = ({ kind, id, uplink }: ProofNetwork, name: string, more = ''): string =>
  kind === 'vlan'
    ? `link add link ${uplink} name ${name} ${more} type vlan id ${id}`
    : `link add name ${name} ${more} type vxlan id ${id} group ${groupOf(id)} ttl 10 dev ${uplink} dstport 0`

/** Nothing: both devices are there, of the right kind, id and parent, one in the other, up, without IPv6. */
export function wrongWith(network: ProofNetwork, { links, routes }: KernelState): readonly string[] {
  const { kind, id, uplink } = network
  const [device, bridge] = [links.get(network.device), links.get(network.bridge)]
  if (device === undefined) return [`${network.device} is missing`]
  if (bridge === undefined) return [`${network.bridge} is missing`]
  const data = { device: infoOf(device), bridge: infoOf(bridge) }
  const expected: readonly (readonly [string, unknown, unknown])[] = [
    [`${network.device}: kind`, data.device.kind, kind],
    [`${network.device}: id`, data.device.data.id, id],
    [`${network.device}: parent`, kind === 'vlan' ? device.link : data.device.data.link, uplink],
    [`${network.device}: master`, device.master, network.bridge],
    [`${network.device}: up`, isUp(device), true],
    [`${network.device}: IPv6 off`, isWithoutIpv6(device), true],
    [`${network.bridge}: kind`, data.bridge.kind, 'bridge'],
    [`${network.bridge}: master`, bridge.master, undefined],
    [`${network.bridge}: up`, isUp(bridge), true],
    [`${network.bridge}: IPv6 off`, isWithoutIpv6(bridge), true],
    ...(kind === 'vlan'
      ? [[`${network.device}: protocol`, data.device.data.protocol, '802.1Q'] as const]
      : [
          [`${network.device}: group`, data.device.data.group, groupOf(id)] as const,
          [`${network.device}: port`, data.device.data.port, 8472] as const,
          [`${network.device}: ttl`, data.device.data.ttl, 10] as const,
          [
            `${network.device}: a route to ${groupOf(id)}`,
            routes.some((line) => line.startsWith(`${groupOf(id)} dev `)),
            true,
          ] as const,
        ]),
  ]
  return expected.flatMap(([what, is, should]) =>
    is === should ? [] : [`${what} is ${JSON.stringify(is)}, not ${JSON.stringify(should)}`],
  )
}

interface Info {
  readonly kind: unknown
  readonly data: Readonly<Record<string, unknown>>
}

function infoOf(link: Readonly<Record<string, unknown>>): Info {
  const info = recordOf(link.linkinfo)
  return { kind: info.info_kind, data: recordOf(info.info_data) }
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}

const isUp = ({ flags }: Readonly<Record<string, unknown>>): boolean => Array.isArray(flags) && flags.includes('UP')

/** The least MTU with which IPv6 works: below it the kernel has no IPv6 on a device, and no switch. */
const leastIpv6Mtu = 1280

const isWithoutIpv6 = ({ disable_ipv6, mtu }: Readonly<Record<string, unknown>>): boolean =>
  disable_ipv6 === '1' || (disable_ipv6 === null && typeof mtu === 'number' && mtu < leastIpv6Mtu)
