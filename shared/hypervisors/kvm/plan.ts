/**
 * The plan of a KVM host: what is missing there, and what must not be done. Pure. In: the desired networks, and one
 * observation. Out: actions for the batch, changes and findings in words, and how many devices are right.
 */
import type { DesiredNetwork } from '../../reconcile/model.ts'
import type { Change, Finding } from '../driver.ts'
import { scriptConflictOf, scriptMissingOf } from './byScript.ts'
import { conflictOf } from './conflict.ts'
import type { HostFacts, Link } from './facts.ts'
import { type GrowingLinks, indexLinks } from './links.ts'
import { hasJoined, type MembershipLimit, membershipLimits, membershipsOf } from './memberships.ts'
import { mtuDiffers } from './mtu.ts'
import { defaultGroup, type Pair, vxlanGroup, vxlanPort } from './names.ts'
import { madeForOrphan } from './orphans.ts'
import { type PutBack, putBack } from './setAside.ts'
import { type Considered, considered, type VxlanMode } from './wanted.ts'

export type Action =
  | { readonly do: 'createBridge'; readonly device: string }
  | {
      /** `runScript`: the host's own modifyvxlan.sh makes both devices, or completes them. */
      readonly do: 'createVlan' | 'createVxlan' | 'runScript'
      readonly device: string
      readonly uplink: string
      readonly id: number
      readonly bridge: string
    }
  | { readonly do: 'enslave'; readonly device: string; readonly bridge: string }
  | { readonly do: 'turnIpv6Off'; readonly device: string }
  | { readonly do: 'setUp'; readonly device: string }
  /** To the multicast group of the VNI, for the VXLAN device. */
  | { readonly do: 'addRoute'; readonly device: string; readonly uplink: string; readonly id: number }
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

/**
 * | The network, the host                                         | What the plan says                                   |
 * |---------------------------------------------------------------|------------------------------------------------------|
 * | `untagged`, 4095, PVLAN, GRE                                  | nothing: CloudStack needs no device (FACTS A4)       |
 * | a range, any other URI                                        | finding Unsupported                                  |
 * | guest traffic on Open vSwitch                                 | as openVswitch.ts has it: nothing is created (FACTS C) |
 * | VXLAN, and the host's modifyvxlan.sh is not CloudStack's      | finding Unsupported (FACTS B4), naming the setting   |
 * | VXLAN, and the setting says that the host's script makes it   | as byScript.ts has it                                |
 * | the label is a bridge, an interface, a bond or a VLAN device  | the pair is named after the uplink there (FACTS B1)  |
 * | the label leads to no uplink, or to several                   | finding UplinkMissing, UplinkAmbiguous (FACTS B1)    |
 * | the names would be longer than 15 characters                  | finding NameTooLong (FACTS B2)                       |
 * | an uplink whose name cannot stand in a batch                  | finding Unsupported                                  |
 * | our name on a device of another kind, parent, id or master    | finding Conflict                                     |
 * | VXLAN: our name on one of another VNI or multicast group      | finding Conflict                                     |
 * | VXLAN: the VNI under another name, on the same UDP port       | finding Conflict                                     |
 * | our bridge's name on a bridge that joins another uplink       | finding Conflict                                     |
 * | the tag under another name on the uplink, or above it         | finding Conflict                                     |
 * | neither device (VXLAN: in all of this as VLAN)                | create bridge, create VLAN in it, IPv6 off, up       |
 * | bridge without VLAN                                           | create VLAN in it, IPv6 off, up                      |
 * | VLAN without bridge                                           | create bridge, enslave, IPv6 off, up                 |
 * | both, VLAN without a master                                   | enslave                                              |
 * | a device with IPv6 on, a device that is down                  | IPv6 off, up: as CloudStack's script does (FACTS B3) |
 * | no IPv6 in the kernel, or `default/disable_ipv6` is 1         | the same: turning it off once more changes nothing   |
 * | VXLAN, more than the kernel lets join their groups            | finding KernelLimit; the first ones that fit are made |
 * | VXLAN, no route to its group                                  | add it, on the underlay (FACTS B4)                   |
 * | VXLAN, a route to its group on another device                 | nothing: the device sends on its underlay all the same |
 * | both right, whoever made them                                 | nothing; they count as devices                       |
 * | an MTU that they would not get if they were made now          | finding MtuDiffers, which leaves the host in sync    |
 * | a pair of ours that a removal left half-made                  | as setAside.ts has it                                |
 * | two networks that lead to one pair (by URI, uplink or both)   | one pair of devices serves both                      |
 * | two networks of which one would take the tag from the other   | the first is made, the second is a Conflict          |
 */
export function plan(
  desired: readonly DesiredNetwork[],
  facts: HostFacts,
  group: number = defaultGroup,
  vxlan: VxlanMode = 'native',
): Plan {
  const networks = considered(desired, facts, vxlan)
  const restored = putBack(facts, bridgesOf(networks), group)
  const links = indexLinks(restored.links)
  const joined = membershipsOf(restored.links)
  const limits = membershipLimits(facts.kernel)
  const room = Math.min(...limits.map((limit) => limit.room)) - joined
  const routed = new Set(facts.routes.map(({ destination }) => destination))
  const joining = new Set<string>()
  const planned = new Map<string, Planned>()
  const changes: Change[] = []
  const findings: Finding[] = []
  const beyond: Considered[] = []
  for (const one of networks) {
    const { network, wanted } = one
    const { physicalNetwork, uri } = network
    if (wanted === null) continue
    if ('reason' in wanted) {
      findings.push({ physicalNetwork, uri, reason: wanted.reason, detail: wanted.detail })
      continue
    }
    const { pair, byScript } = wanted
    const key = `${pair.device} on ${pair.uplink}`
    if (!planned.has(key)) {
      const detail = byScript ? scriptConflictOf(pair, links, facts.vxlanScript, group) : conflictOf(pair, links)
      if (detail !== null) {
        findings.push({ physicalNetwork, uri, reason: 'Conflict', detail })
        continue
      }
      if (!byScript && mustJoin(pair, links)) {
        const fits = joining.size < room
        joining.add(key)
        if (!fits) {
          beyond.push(one)
          continue
        }
      }
      const missing = byScript
        ? scriptMissingOf(pair, links)
        : [...renamesOf(restored, pair), ...missingOf(pair, links, routed)]
      planned.set(key, { actions: missing, mtu: byScript ? null : mtuDiffers(pair, links) })
      putRight(pair, links)
    }
    const { actions = [], mtu = null } = planned.get(key) ?? {}
    if (mtu !== null) findings.push({ physicalNetwork, uri, reason: 'MtuDiffers', detail: mtu })
    const steps = actions.map(inWords)
    if (steps.length > 0) changes.push({ physicalNetwork, uri, devices: [pair.bridge, pair.device], steps })
  }
  findings.push(...beyond.map(({ network }) => beyondLimit(network, limits, joined + joining.size)))
  const actions = [...planned.values()].flatMap((one) => one.actions)
  const devices = 2 * planned.size - new Set(actions.flatMap(touches)).size
  const unplanned = othersRestored(networks, restored)
  return {
    actions: [...actions, ...unplanned.flatMap((one) => one.actions)],
    changes: [...changes, ...unplanned.map(({ change }) => change)],
    findings,
    devices,
  }
}

/** What is to do about one pair, and how its MTU differs. */
interface Planned {
  readonly actions: readonly Action[]
  readonly mtu: string | null
}

const touches = (action: Action): readonly string[] =>
  action.do === 'runScript' ? [action.device, action.bridge] : [action.device]

/** A VXLAN device that is not up has yet to join its group. */
function mustJoin(pair: Pair, links: GrowingLinks): boolean {
  const found = links.holder(pair.device)
  return pair.kind === 'vxlan' && (found === undefined || !hasJoined(found))
}

function beyondLimit(
  { physicalNetwork, uri }: DesiredNetwork,
  limits: readonly MembershipLimit[],
  asked: number,
): Finding {
  const settings = limits
    .filter(({ room }) => room < asked)
    .map(({ sysctl, value, room, leastFor }) => {
      return `${sysctl} is ${value}, room for ${room}: set it to ${leastFor(asked)} or more`
    })
  const detail = `The kernel has no room for this one of ${asked} VXLAN networks on multicast. ${settings.join('; ')}.`
  return { physicalNetwork, uri, reason: 'KernelLimit', detail }
}

/** Names that come back; whatever else a pair needs is planned as for any other. */
function renamesOf({ pairs }: PutBack, { device }: Pair): readonly Action[] {
  return (pairs.get(device)?.actions ?? []).filter((action) => action.do === 'rename')
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
  const own = new Set(
    networks.flatMap(({ wanted }) => (wanted !== null && 'pair' in wanted ? [wanted.pair.device] : [])),
  )
  return [...pairs.values()]
    .filter(({ made }) => !own.has(made.device))
    .map(({ made, actions }) => {
      const physicalNetwork = networks.find(({ network }) => network.uri === made.uri)?.network.physicalNetwork ?? ''
      const devices = [made.bridge, made.device]
      return { change: { physicalNetwork, uri: made.uri, devices, steps: actions.map(inWords) }, actions }
    })
}

/** @param routed the groups that have a route */
function missingOf(pair: Pair, links: GrowingLinks, routed: ReadonlySet<string>): readonly Action[] {
  const { device, uplink, id } = pair
  const bridge = links.holder(pair.bridge)
  const found = links.holder(device)
  const actions: Action[] = []
  if (bridge === undefined) actions.push({ do: 'createBridge', device: pair.bridge })
  if (found === undefined) {
    const create = pair.kind === 'vxlan' ? 'createVxlan' : 'createVlan'
    actions.push({ do: create, device, uplink, id, bridge: pair.bridge })
  } else if (found.master === null) {
    actions.push({ do: 'enslave', device, bridge: pair.bridge })
  }
  // A device that does not exist yet is born with IPv6 on, and down.
  if (found?.ipv6 ?? true) actions.push({ do: 'turnIpv6Off', device })
  if (bridge?.ipv6 ?? true) actions.push({ do: 'turnIpv6Off', device: pair.bridge })
  if (!bridge?.up) actions.push({ do: 'setUp', device: pair.bridge })
  if (!found?.up) actions.push({ do: 'setUp', device })
  if (pair.kind === 'vxlan' && !routed.has(vxlanGroup(id))) actions.push({ do: 'addRoute', device, uplink, id })
  return actions
}

/** The pair as it will be, so that the networks after it see its tag and its names as taken. */
function putRight({ kind, id, device, bridge, uplink }: Pair, links: GrowingLinks): void {
  const right: Omit<Link, 'name'> = {
    alternativeNames: [],
    kind: 'bridge',
    parent: null,
    master: null,
    vlan: null,
    vxlan: null,
    group: 0,
    mtu: null,
    up: true,
    ipv6: false,
  }
  const tag =
    kind === 'vlan'
      ? { vlan: { id, protocol: '802.1Q' } }
      : { vxlan: { vni: id, group: vxlanGroup(id), port: vxlanPort } }
  links.put({ ...right, name: bridge })
  links.put({ ...right, ...tag, name: device, kind, parent: uplink, master: bridge })
}

function inWords(action: Action): string {
  switch (action.do) {
    case 'createBridge':
      return `create the bridge ${action.device}`
    case 'createVlan':
      return `create ${action.device}, VLAN ${action.id} on ${action.uplink}, in ${action.bridge}`
    case 'createVxlan':
      return `create ${action.device}, VNI ${action.id} on ${action.uplink}, in ${action.bridge}`
    case 'runScript':
      return `run the host’s modifyvxlan.sh for VNI ${action.id} on ${action.uplink}, with ${action.bridge}`
    case 'addRoute':
      return `add the route to ${vxlanGroup(action.id)} on ${action.uplink}`
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
