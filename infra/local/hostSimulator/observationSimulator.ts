/**
 * The simulated host's answer to the observe command. In: its kernel, hostname, boot id and agent.properties. Out: what the
 * real command prints with iproute2 6.1, its fields in that order; fields that nobody reads are left out.
 */
import {
  kernelFiles,
  marker,
  readable,
  sameMarker,
  withoutGroupNames,
} from '../../../shared/hypervisors/kvm/commands.ts'
import { digestOf } from '../../../shared/hypervisors/kvm/digest.ts'
import type { VxlanScript } from '../../../shared/hypervisors/kvm/facts.ts'
import { readListing } from '../../../shared/hypervisors/kvm/observe.ts'
import type { RemovalStep } from '../../../shared/hypervisors/kvm/removalCommand.ts'
import type { SimulatedKernel, SimulatedLink, SimulatedRoute } from './kernel.ts'

export interface ObservedHost {
  readonly hostname: string
  readonly bootId: string
  readonly kernel: SimulatedKernel
  /** The device keys of agent.properties, line by line; null where there is no such file. */
  readonly agentProperties: readonly string[] | null
  /** Its boot clock, in hundredths of a second; one that stands still unless given. */
  readonly uptime?: () => number
  /** What it has for modifyvxlan.sh; absent unless given. */
  readonly vxlanScript?: VxlanScript
  /** The bridges that libvirt domains name, whether they run or not; none unless given. Null: it cannot be read. */
  readonly domainBridges?: readonly string[] | null
  /** Called at each step of a removal: to attach something in its midst, or to end it there by `throw new Killed()`. */
  readonly atRemovalStep?: (step: RemovalStep) => void
}

const standing = 123_456

export const uptimeOf = (host: ObservedHost): number => host.uptime?.() ?? standing

/** With the digest of an earlier listing on stdin it lists only where it would make another one of itself. */
export function simulateObservation(host: ObservedHost, input = ''): string {
  const listing = simulateListing(host)
  const [known = ''] = input.split('\n')
  if (known === '' || digestOf(readListing(listing)) !== known) return listing
  return ['', marker('host'), host.hostname, host.bootId, sameMarker, ''].join('\n')
}

function simulateListing(host: ObservedHost): string {
  const [links, routes] = [host.kernel.links(), host.kernel.routes()]
  const { igmpMaxMemberships, optmemMax } = host.kernel.limits
  const ipv6 = links.map((link) => `${link.name}/disable_ipv6:${link.disableIpv6 ? 1 : 0}`)
  return [
    '',
    marker('host'),
    host.hostname,
    host.bootId,
    marker('links'),
    JSON.stringify(links.map(linkAsPrinted)),
    marker('kernel'),
    withoutGroupNames,
    ...['all/disable_ipv6:0', 'default/disable_ipv6:0', ...ipv6].sort(),
    `${kernelFiles.igmpMaxMemberships}:${igmpMaxMemberships}`,
    `${kernelFiles.optmemMax}:${optmemMax}`,
    `${kernelFiles.uptime}:${(uptimeOf(host) / 100).toFixed(2)} 0.00`,
    marker('routes'),
    ...(routes.length === 0 ? [] : [JSON.stringify(routes.map(routeAsPrinted))]),
    marker('vxlanScript'),
    host.vxlanScript ?? 'absent',
    marker('agent'),
    ...(host.agentProperties === null ? [] : [readable, ...host.agentProperties]),
    marker('openVswitch'),
    marker('end'),
    '',
  ].join('\n')
}

function linkAsPrinted(link: SimulatedLink): object {
  return {
    ifindex: link.index,
    ...(link.parent === null || link.kind === 'vxlan' ? {} : { link: link.parent }),
    ifname: link.name,
    flags: ['BROADCAST', 'MULTICAST', ...(link.up ? ['UP', 'LOWER_UP'] : [])],
    mtu: link.mtu,
    qdisc: 'noqueue',
    ...(link.master === null ? {} : { master: link.master }),
    operstate: link.up ? 'UP' : 'DOWN',
    group: link.group === 0 ? 'default' : `${link.group}`,
    link_type: link.name === 'lo' ? 'loopback' : 'ether',
    ...(link.kind === null ? {} : { linkinfo: { info_kind: link.kind, ...tagAsPrinted(link) } }),
  }
}

function tagAsPrinted(link: SimulatedLink): object {
  if (link.vni != null) return { info_data: { id: link.vni, ...groupAsPrinted(link), link: link.parent, port: 8472 } }
  if (link.kind === 'tun') return { info_data: { type: 'tap' } }
  return link.vlanId === null ? {} : { info_data: { protocol: '802.1Q', id: link.vlanId, flags: ['REORDER_HDR'] } }
}

const groupAsPrinted = ({ multicast }: SimulatedLink): object => (multicast == null ? {} : { group: multicast })

/** The protocol `boot` is not printed. */
const routeAsPrinted = ({ destination, device, protocol }: SimulatedRoute): object => ({
  dst: destination,
  dev: device,
  ...(protocol === 3 ? {} : { protocol: `${protocol}` }),
  scope: 'link',
  flags: [],
})
