/**
 * The simulated host's answer to the observe command. In: its kernel, hostname, boot id and agent.properties. Out: what the
 * real command prints with iproute2 6.1, its fields in that order; fields that nobody reads are left out.
 */
import { marker, readable } from '../../../shared/hypervisors/kvm/commands.ts'
import type { SimulatedKernel, SimulatedLink } from './kernel.ts'

export interface ObservedHost {
  readonly hostname: string
  readonly bootId: string
  readonly kernel: SimulatedKernel
  /** The device keys of agent.properties, line by line; null where there is no such file. */
  readonly agentProperties: readonly string[] | null
}

export function simulateObservation(host: ObservedHost): string {
  const links = host.kernel.links()
  const ipv6 = links.map((link) => `${link.name}/disable_ipv6:${link.disableIpv6 ? 1 : 0}`)
  return [
    '',
    marker('host'),
    host.hostname,
    host.bootId,
    marker('links'),
    JSON.stringify(links.map(linkAsPrinted)),
    marker('ipv6'),
    ...['all/disable_ipv6:0', 'default/disable_ipv6:0', ...ipv6].sort(),
    marker('agent'),
    ...(host.agentProperties === null ? [] : [readable, ...host.agentProperties]),
    marker('end'),
    '',
  ].join('\n')
}

function linkAsPrinted(link: SimulatedLink): object {
  return {
    ifindex: link.index,
    ...(link.parent === null ? {} : { link: link.parent }),
    ifname: link.name,
    flags: ['BROADCAST', 'MULTICAST', ...(link.up ? ['UP', 'LOWER_UP'] : [])],
    mtu: 1500,
    qdisc: 'noqueue',
    ...(link.master === null ? {} : { master: link.master }),
    operstate: link.up ? 'UP' : 'DOWN',
    group: link.group === 0 ? 'default' : `${link.group}`,
    link_type: link.name === 'lo' ? 'loopback' : 'ether',
    ...(link.kind === null ? {} : { linkinfo: { info_kind: link.kind, ...tagAsPrinted(link) } }),
  }
}

function tagAsPrinted(link: SimulatedLink): object {
  return link.vlanId === null ? {} : { info_data: { protocol: '802.1Q', id: link.vlanId, flags: ['REORDER_HDR'] } }
}
