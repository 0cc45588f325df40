/**
 * The plan of a VMware host: what is missing for it, and what must not be done. Pure. In: the desired networks, one reading of its
 * datacenter and, where labels name standard switches, of its own networks. Out: steps by group, changes and findings in words, and
 * how many groups are right for this host.
 *
 * | The network, the datacenter, the host                                | What the plan says                              |
 * |----------------------------------------------------------------------|-------------------------------------------------|
 * | VXLAN, GRE; a range or a private VLAN on a standard switch           | finding Unsupported (names.ts)                  |
 * | the host has no such standard switch                                 | finding UplinkMissing                           |
 * | the datacenter has no such distributed switch, or the host is not on it | finding UplinkMissing                        |
 * | standard: no group of the name on the host                           | add it to the host                              |
 * | distributed: none of the name in the datacenter                      | add it to the switch                            |
 * | the name is of a group on another switch, or of another kind         | finding Conflict                                |
 * | the group has another VLAN or another shaping than its name says     | reconfigure it, as CloudStack does              |
 * | the group has another security policy                                | nothing: a VM's own settings are set there      |
 * | the group is right                                                   | nothing; it counts                              |
 * | private VLAN: the switch has no such pair                            | add the pair, its primary first, then the group |
 * | private VLAN: its secondary is of another primary, or its primary is a secondary | finding Conflict                    |
 * | offerings of two rates on one URI                                    | a group for each rate                           |
 * | two networks that lead to one group                                  | one serves both                                 |
 */
import type { DesiredNetwork } from '../../reconcile/model.ts'
import type { Change, Finding } from '../driver.ts'
import type {
  DatacenterFacts,
  GroupSeen,
  HostNetworks,
  PrivateEntry,
  PrivateVlans,
  ShapingSeen,
  VimHost,
  VimSwitch,
} from './facts.ts'
import { type Group, shapingOf, shown, type Vlan, wantedGroup } from './names.ts'
import type { Ref } from './xml.ts'

/** On this host alone. */
export type HostAction = { readonly do: 'addHostGroup' | 'updateHostGroup'; readonly group: Group }

/** In the datacenter, and so under its lease. */
export type SharedAction =
  | { readonly do: 'addPrivateVlan'; readonly on: VimSwitch; readonly entries: readonly PrivateEntry[] }
  | { readonly do: 'addGroup'; readonly on: VimSwitch; readonly group: Group }
  | {
      readonly do: 'reconfigureGroup'
      readonly on: VimSwitch
      readonly network: Ref
      readonly configVersion?: string
      readonly group: Group
    }

export interface Step {
  readonly name: string
  /** What the group is for. */
  readonly uri: string
  readonly here: readonly HostAction[]
  readonly shared: readonly SharedAction[]
}

export interface Plan {
  readonly steps: readonly Step[]
  readonly changes: readonly (Change & { readonly names: readonly string[] })[]
  readonly findings: readonly Finding[]
  /** Groups that are present and right for this host; one that serves two networks counts once. */
  readonly devices: number
}

/** What was seen. */
export interface Seen {
  readonly datacenter: DatacenterFacts
  readonly host: VimHost
  /** Undefined where no label names a standard switch. */
  readonly own: HostNetworks | undefined
  /** By the id of the switch, where a private VLAN is desired on it. */
  readonly privateVlans: ReadonlyMap<string, PrivateVlans>
}

type Problem = Pick<Finding, 'reason' | 'detail'>

/** The groups that one desired network takes, one for each rate; or why there are none. */
export function groupsOf({ label, uri, rates = [0] }: DesiredNetwork): readonly (Group | Problem)[] {
  return rates.map((rate) => wantedGroup(label, uri, rate))
}

export function plan(desired: readonly DesiredNetwork[], seen: Seen): Plan {
  const planned = new Map<string, Planned>()
  const changes: (Change & { readonly names: readonly string[] })[] = []
  const findings: Finding[] = []
  for (const network of desired) {
    const { physicalNetwork, uri } = network
    const steps: string[] = []
    const names: string[] = []
    for (const group of groupsOf(network)) {
      const one = 'reason' in group ? problem(group) : (planned.get(group.name) ?? planOne(group, uri, seen))
      if (!('reason' in group)) planned.set(group.name, one)
      if (one.problem !== undefined) findings.push({ physicalNetwork, uri, ...one.problem })
      const words = [...one.shared, ...one.here].map(inWords)
      if (words.length === 0) continue
      steps.push(...words)
      names.push(one.name)
    }
    if (steps.length > 0) changes.push({ physicalNetwork, uri, devices: names, names, steps })
  }
  const all = [...planned.values()]
  return {
    steps: all.filter(({ here, shared }) => here.length + shared.length > 0),
    changes,
    findings,
    devices: all.filter(({ isRight }) => isRight).length,
  }
}

interface Planned extends Step {
  readonly problem?: Problem
  readonly isRight: boolean
}

const problem = (one: Problem, name = ''): Planned => ({
  name,
  uri: '',
  here: [],
  shared: [],
  isRight: false,
  problem: { reason: one.reason, detail: one.detail },
})

const planOne = (group: Group, uri: string, seen: Seen): Planned =>
  group.on.kind === 'standard' ? planStandard(group, uri, seen) : planDistributed(group, uri, seen)

function planStandard(group: Group, uri: string, { datacenter, host, own }: Seen): Planned {
  const { name, on, vlan, rate } = group
  const none = { name, uri, here: [], shared: [], isRight: false } as const
  if (own?.switches.includes(on.name) !== true)
    return problem({ reason: 'UplinkMissing', detail: `${host.name} has no standard switch ${shown(on.name)}.` }, name)
  const distributed = datacenter.networks.find((network) => network.name === name && network.group !== undefined)
  if (distributed !== undefined)
    return problem({ reason: 'Conflict', detail: `${name} is a distributed group of the datacenter.` }, name)
  const found = own.groups.find((one) => one.name === name)
  if (found === undefined) return { ...none, here: [{ do: 'addHostGroup', group }] }
  if (found.on !== on.name)
    return problem({ reason: 'Conflict', detail: `${name} is on the switch ${shown(found.on)} of ${host.name}.` }, name)
  const isRight = vlan.is === 'id' && found.vlan === vlan.id && isSameShaping(found.shaping, rate)
  return isRight ? { ...none, isRight } : { ...none, here: [{ do: 'updateHostGroup', group }] }
}

function planDistributed(group: Group, uri: string, { datacenter, host, privateVlans }: Seen): Planned {
  const { name, on, vlan } = group
  const none = { name, uri, here: [], shared: [], isRight: false } as const
  const dvs = datacenter.switches.find((one) => one.name === on.name)
  if (dvs === undefined)
    return problem(
      { reason: 'UplinkMissing', detail: `The datacenter has no distributed switch ${shown(on.name)}.` },
      name,
    )
  if (!dvs.hosts.has(host.ref.id))
    return problem({ reason: 'UplinkMissing', detail: `${host.name} is not on the switch ${shown(on.name)}.` }, name)
  const named = datacenter.networks.filter((network) => network.name === name)
  const found = named.find((network) => network.group?.on === dvs.ref.id)
  const [other] = named
  if (found === undefined && other !== undefined)
    return problem({ reason: 'Conflict', detail: `${name} is not on the switch ${shown(on.name)}.` }, name)
  const pair = vlan.is === 'private' ? pairMissing(vlan, dvs, privateVlans.get(dvs.ref.id)) : []
  if ('reason' in pair) return problem(pair, name)
  const first = pair.length === 0 ? [] : [{ do: 'addPrivateVlan', on: dvs, entries: pair } as const]
  if (found?.group === undefined) return { ...none, shared: [...first, { do: 'addGroup', on: dvs, group }] }
  const isRight = isSameVlan(found.group.vlan, vlan) && isSameShaping(found.group.shaping, group.rate)
  if (isRight) return { ...none, shared: first, isRight: first.length === 0 }
  const { configVersion } = found.group
  const version = configVersion === undefined ? {} : { configVersion }
  return {
    ...none,
    shared: [...first, { do: 'reconfigureGroup', on: dvs, network: found.ref, ...version, group }],
  }
}

/** As CloudStack: a primary is its own promiscuous secondary, and comes first. */
function pairMissing(
  { primary, secondary, type }: Vlan & { readonly is: 'private' },
  dvs: VimSwitch,
  known: PrivateVlans | undefined,
): readonly PrivateEntry[] | Problem {
  const entries = known?.entries ?? []
  const conflict = (detail: string): Problem => ({ reason: 'Conflict', detail })
  const asSecondary = (id: number) => entries.find((entry) => entry.secondary === id)
  const first = asSecondary(primary)
  if (first !== undefined && first.primary !== primary)
    return conflict(`${primary} is a secondary of ${first.primary} on ${dvs.name}, and cannot be a primary.`)
  const second = asSecondary(secondary)
  if (second !== undefined && second.primary !== primary)
    return conflict(`${secondary} is a secondary of ${second.primary} on ${dvs.name}, not of ${primary}.`)
  return [
    ...(first === undefined ? [{ primary, secondary: primary, type: 'promiscuous' }] : []),
    ...(second === undefined && secondary !== primary ? [{ primary, secondary, type }] : []),
  ]
}

/** CloudStack sets a trunk of 0 where untagged is meant; id 0 is the same on the wire, and is left. */
function isSameVlan(seen: GroupSeen['vlan'], wanted: Vlan): boolean {
  if (seen === undefined) return false
  if (wanted.is === 'private') return seen.is === 'secondary' && seen.id === wanted.secondary
  if (wanted.is === 'id') return seen.is === 'id' && seen.id === wanted.id
  const isUntagged = JSON.stringify(wanted.ranges) === '[[0,0]]'
  if (isUntagged && seen.is === 'id' && seen.id === 0) return true
  return seen.is === 'trunk' && JSON.stringify(seen.ranges) === JSON.stringify(wanted.ranges)
}

function isSameShaping(seen: ShapingSeen | undefined | null, rate: number): boolean {
  const wanted = shapingOf(rate)
  if (seen === null) return false
  if (seen === undefined || wanted === undefined) return seen === wanted
  return seen.average === wanted.average && seen.peak === wanted.peak && seen.burst === wanted.burst
}

function inWords(action: HostAction | SharedAction): string {
  switch (action.do) {
    case 'addHostGroup':
      return `add the port group ${action.group.name} to ${action.group.on.name} of the host`
    case 'updateHostGroup':
      return `set the VLAN and the shaping of the port group ${action.group.name} of the host`
    case 'addPrivateVlan':
      return `add ${action.entries.map(({ primary, secondary }) => `the private VLAN ${primary}/${secondary}`).join(' and ')} to ${action.on.name}`
    case 'addGroup':
      return `add the port group ${action.group.name} to ${action.on.name} of the datacenter`
    case 'reconfigureGroup':
      return `set the VLAN and the shaping of the port group ${action.group.name} of the datacenter`
  }
}
