/**
 * The plan of a KVM host: what is missing there, and what must not be done. Pure. In: the desired networks, and one
 * observation. Out: actions for the batch, changes and findings in words, and how many devices are right.
 */
import type { DesiredNetwork } from '../../reconcile/model.ts'
import type { Change, Finding } from '../driver.ts'
import { conflictOf } from './conflict.ts'
import type { HostFacts, Link } from './facts.ts'
import { type GrowingLinks, indexLinks } from './links.ts'
import { defaultGroup, fits, isPlainName, longestName, type Pair, pairOf } from './names.ts'
import { needOf } from './need.ts'
import { madeForOrphan } from './orphans.ts'
import { type PutBack, putBack } from './setAside.ts'
import { type Uplink, uplinkOf } from './uplink.ts'

export type Action =
  | { readonly do: 'createBridge'; readonly device: string }
  | {
      readonly do: 'createVlan'
      readonly device: string
      readonly uplink: string
      readonly id: number
      readonly bridge: string
    }
  | { readonly do: 'enslave'; readonly device: string; readonly bridge: string }
  | { readonly do: 'turnIpv6Off'; readonly device: string }
  | { readonly do: 'setUp'; readonly device: string }
  /** `device` is the name that it gets back. */
  | { readonly do: 'rename'; readonly device: string; readonly from: string }

export interface Plan {
  /** In the order in which they must happen. */
  readonly actions: readonly Action[]
  /** One for each desired network that lacks something; networks that share a device share its actions. */
  readonly changes: readonly Change[]
  readonly findings: readonly Finding[]
  /** Devices that are wanted and need no action; one that serves two networks counts once. */
  readonly devices: number
}

type Wanted = { readonly pair: Pair } | Pick<Finding, 'reason' | 'detail'> | null

/**
 * | The network, the host                                         | What the plan says                                   |
 * |---------------------------------------------------------------|------------------------------------------------------|
 * | `untagged`, 4095, PVLAN, GRE                                  | nothing: CloudStack needs no device (FACTS A4)       |
 * | a range, VXLAN, any other URI                                 | finding Unsupported                                  |
 * | the label leads to no uplink, or to several                   | finding UplinkMissing, UplinkAmbiguous (FACTS B1)    |
 * | the names would be longer than 15 characters                  | finding NameTooLong (FACTS B2)                       |
 * | an uplink whose name cannot stand in a batch                  | finding Unsupported                                  |
 * | our name on a device of another kind, parent, id or master    | finding Conflict                                     |
 * | our bridge's name on a bridge that joins another uplink       | finding Conflict                                     |
 * | the tag under another name on the uplink, or above it         | finding Conflict                                     |
 * | neither device                                                | create bridge, create VLAN in it, IPv6 off, up       |
 * | bridge without VLAN                                           | create VLAN in it, IPv6 off, up                      |
 * | VLAN without bridge                                           | create bridge, enslave, IPv6 off, up                 |
 * | both, VLAN without a master                                   | enslave                                              |
 * | a device with IPv6 on, a device that is down                  | IPv6 off, up: as CloudStack's script does (FACTS B3) |
 * | both right, whoever made them                                 | nothing; they count as devices                       |
 * | a pair of ours that a removal left half-made                  | as setAside.ts has it                                |
 * | two networks that lead to one pair                            | one pair of devices serves both                      |
 * | two networks of which one would take the tag from the other   | the first is made, the second is a Conflict          |
 */
export function plan(desired: readonly DesiredNetwork[], facts: HostFacts, group: number = defaultGroup): Plan {
  const uplinkFor = uplinksOf(desired, facts)
  const networks = desired.map((network) => ({ network, wanted: wantedOf(network, uplinkFor) }))
  const restored = putBack(facts, bridgesOf(networks), group)
  const links = indexLinks(restored.links)
  const planned = new Map<string, readonly Action[]>()
  const changes: Change[] = []
  const findings: Finding[] = []
  for (const { network, wanted } of networks) {
    const { physicalNetwork, uri } = network
    if (wanted === null) continue
    if ('reason' in wanted) {
      findings.push({ physicalNetwork, uri, reason: wanted.reason, detail: wanted.detail })
      continue
    }
    const { pair } = wanted
    if (!planned.has(pair.vlan)) {
      const detail = conflictOf(pair, links)
      if (detail !== null) {
        findings.push({ physicalNetwork, uri, reason: 'Conflict', detail })
        continue
      }
      planned.set(pair.vlan, [...(restored.pairs.get(pair.vlan)?.actions ?? []), ...missingOf(pair, links)])
      putRight(pair, links)
    }
    const steps = (planned.get(pair.vlan) ?? []).map(inWords)
    if (steps.length > 0) changes.push({ physicalNetwork, uri, devices: [pair.bridge, pair.vlan], steps })
  }
  const actions = [...planned.values()].flat()
  const devices = 2 * planned.size - new Set(actions.map((action) => action.device)).size
  const unplanned = othersRestored(networks, restored)
  return {
    actions: [...actions, ...unplanned.flatMap((one) => one.actions)],
    changes: [...changes, ...unplanned.map(({ change }) => change)],
    findings,
    devices,
  }
}

interface Considered {
  readonly network: DesiredNetwork
  readonly wanted: Wanted
}

function bridgesOf(networks: readonly Considered[]): ReadonlySet<string> {
  return new Set(
    networks.flatMap(({ network: { uri }, wanted }) => {
      const bridge = wanted !== null && 'pair' in wanted ? wanted.pair.bridge : madeForOrphan({ uri })?.bridge
      return bridge === undefined ? [] : [bridge]
    }),
  )
}

/** Pairs that get their names back although no network here is planned for them: somebody was cut off. */
function othersRestored(
  networks: readonly Considered[],
  { pairs }: PutBack,
): readonly { readonly change: Change; readonly actions: readonly Action[] }[] {
  const own = new Set(networks.flatMap(({ wanted }) => (wanted !== null && 'pair' in wanted ? [wanted.pair.vlan] : [])))
  return [...pairs.values()]
    .filter(({ made }) => !own.has(made.device))
    .map(({ made, actions }) => {
      const physicalNetwork = networks.find(({ network }) => network.uri === made.uri)?.network.physicalNetwork ?? ''
      const devices = [made.bridge, made.device]
      return { change: { physicalNetwork, uri: made.uri, devices, steps: actions.map(inWords) }, actions }
    })
}

/** Each label is resolved once: a zone has few of them, and thousands of networks. */
function uplinksOf(desired: readonly DesiredNetwork[], facts: HostFacts): (label: string | null) => Uplink {
  const found = new Map([...new Set(desired.map(({ label }) => label))].map((label) => [label, uplinkOf(label, facts)]))
  return (label) => found.get(label) ?? uplinkOf(label, facts)
}

function wantedOf(network: DesiredNetwork, uplinkFor: (label: string | null) => Uplink): Wanted {
  const need = needOf(network.uri)
  if (need.need === 'nothing') return null
  if (need.need === 'unsupported') return { reason: 'Unsupported', detail: need.detail }
  const found = uplinkFor(network.label)
  if ('reason' in found) return found
  const pair = pairOf(found.uplink, need.id)
  const tooLong = [pair.bridge, pair.vlan].find((name) => !fits(name))
  if (tooLong !== undefined)
    return { reason: 'NameTooLong', detail: `${tooLong} is longer than ${longestName} characters.` }
  if (!isPlainName(pair.vlan) || !isPlainName(pair.bridge)) {
    return {
      reason: 'Unsupported',
      detail: `The uplink ${pair.uplink} has a character in its name that a batch cannot carry.`,
    }
  }
  return { pair }
}

function missingOf(pair: Pair, links: GrowingLinks): readonly Action[] {
  const bridge = links.holder(pair.bridge)
  const vlan = links.holder(pair.vlan)
  const actions: Action[] = []
  if (bridge === undefined) actions.push({ do: 'createBridge', device: pair.bridge })
  if (vlan === undefined) {
    actions.push({ do: 'createVlan', device: pair.vlan, uplink: pair.uplink, id: pair.id, bridge: pair.bridge })
  } else if (vlan.master === null) {
    actions.push({ do: 'enslave', device: pair.vlan, bridge: pair.bridge })
  }
  // A device that does not exist yet is born with IPv6 on, and down.
  if (vlan?.ipv6 ?? true) actions.push({ do: 'turnIpv6Off', device: pair.vlan })
  if (bridge?.ipv6 ?? true) actions.push({ do: 'turnIpv6Off', device: pair.bridge })
  if (!bridge?.up) actions.push({ do: 'setUp', device: pair.bridge })
  if (!vlan?.up) actions.push({ do: 'setUp', device: pair.vlan })
  return actions
}

/** The pair as it will be, so that the networks after it see its tag and its names as taken. */
function putRight(pair: Pair, links: GrowingLinks): void {
  const right: Omit<Link, 'name'> = {
    alternativeNames: [],
    kind: 'bridge',
    parent: null,
    master: null,
    vlan: null,
    vni: null,
    group: 0,
    mtu: null,
    up: true,
    ipv6: false,
  }
  const vlan = { id: pair.id, protocol: '802.1Q' }
  links.put({ ...right, name: pair.bridge })
  links.put({ ...right, name: pair.vlan, kind: 'vlan', parent: pair.uplink, master: pair.bridge, vlan })
}

function inWords(action: Action): string {
  switch (action.do) {
    case 'createBridge':
      return `create the bridge ${action.device}`
    case 'createVlan':
      return `create ${action.device}, VLAN ${action.id} on ${action.uplink}, in ${action.bridge}`
    case 'enslave':
      return `put ${action.device} into ${action.bridge}`
    case 'turnIpv6Off':
      return `turn IPv6 off on ${action.device}`
    case 'rename':
      return `give ${action.from} its name ${action.device} back`
    case 'setUp':
      return `set ${action.device} up`
  }
}
