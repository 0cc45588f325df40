/**
 * From a traffic label to the physical interface that CloudStack's agent would put VLAN devices on, on this one host
 * (FACTS B1). In: the label and the host's facts. Out: the uplink's name, or why there is none; never a guess.
 */
import type { AgentDevices, HostFacts, Link } from './facts.ts'

export type Uplink =
  | { readonly uplink: string }
  | { readonly reason: 'UplinkMissing' | 'UplinkAmbiguous' | 'Unsupported'; readonly detail: string }

/** The agent's own default for private.network.device (FACTS B6). */
export const defaultPrivateDevice = 'cloudbr1'

/** Whether the agent would take a bridge's port for its uplink (FACTS B1 step 2); case matters. */
export function looksPhysical(port: string): boolean {
  return /^(eth|bond|vlan|vx|em|ens|eno|enp|team|enx|dummy|lo|p\d+p\d+)/.test(port)
}

/** FACTS B1 steps 1 to 6 and 8. @param label null where CloudStack has none for this hypervisor. */
export function uplinkOf(label: string | null, facts: HostFacts): Uplink {
  if (label === null) return withoutLabel(facts)
  const candidates = new Set([...uplinksOfBridge(label, facts.links), ...uplinksOfKey(label, facts)])
  const [uplink, second] = candidates
  if (second !== undefined) {
    return { reason: 'UplinkAmbiguous', detail: `The bridge ${label} has the uplinks ${[...candidates].join(', ')}.` }
  }
  if (uplink !== undefined) return { uplink }
  return labelItself(label, facts.links)
}

/**
 * VXLAN stands on the label's own device, a bridge as a rule, where there is one; else on the uplink (FACTS B1 steps 7 and 8).
 * @param label null where CloudStack has none for this hypervisor.
 */
export function underlayOf(label: string | null, facts: HostFacts): Uplink {
  const name = label ?? (facts.agent === null ? null : (facts.agent.private ?? defaultPrivateDevice))
  const found = facts.links.find((link) => link.name === name)
  return found === undefined || found.kind === 'openvswitch' ? uplinkOf(label, facts) : { uplink: found.name }
}

function withoutLabel(facts: HostFacts): Uplink {
  if (facts.agent === null) {
    const detail = 'The traffic label is empty, and private.network.device cannot be read from agent.properties.'
    return { reason: 'UplinkMissing', detail }
  }
  return uplinkOf(facts.agent.private ?? defaultPrivateDevice, facts)
}

/** A port that is a VLAN device stands for its parent, one level only (FACTS B1 step 3); out of sight, for nothing. */
function uplinksOfBridge(bridge: string, links: readonly Link[]): readonly string[] {
  if (!links.some((link) => link.name === bridge && link.kind === 'bridge')) return []
  return links
    .filter((link) => link.master === bridge && looksPhysical(link.name))
    .flatMap((port) => (port.vlan === null ? [port.name] : port.parent === null ? [] : [port.parent]))
}

/** `public` and `private` are keys of the agent's table beside the bridges' names (FACTS B1 step 5). */
function uplinksOfKey(label: string, facts: HostFacts): readonly string[] {
  const device = deviceOfKey(label, facts.agent)
  if (device === undefined) return []
  const found = facts.links.find((link) => link.name === device)
  if (found?.kind === 'bridge') return uplinksOfBridge(device, facts.links)
  return found !== undefined && label === 'private' ? [device] : []
}

function deviceOfKey(label: string, agent: AgentDevices | null): string | undefined {
  if (agent === null) return undefined
  if (label === 'public') return agent.public
  return label === 'private' ? (agent.guest ?? agent.private ?? defaultPrivateDevice) : undefined
}

function labelItself(label: string, links: readonly Link[]): Uplink {
  const found = links.find((link) => link.name === label)
  if (found === undefined) {
    return { reason: 'UplinkMissing', detail: `There is no bridge and no interface called ${label}.` }
  }
  if (found.kind === 'bridge') {
    const ports = links.filter((link) => link.master === label).map((link) => link.name)
    const detail = `None of the ports of the bridge ${label} is an uplink by CloudStack's rule: ${ports.join(', ') || 'it has none'}.`
    return { reason: 'UplinkMissing', detail }
  }
  if (found.kind === 'openvswitch') {
    return { reason: 'Unsupported', detail: `${label} is an Open vSwitch bridge, where CloudStack prepares nothing.` }
  }
  return { uplink: label }
}
