/**
 * The plan of a XenServer or XCP-ng host: what is missing there, and what must not be done. Pure. In: the desired networks, one
 * reading of its pool. Out: actions network by network, changes and findings in words, and how many are right on this host.
 *
 * | The network, the pool, the host                                     | What the plan says                               |
 * |---------------------------------------------------------------------|--------------------------------------------------|
 * | `untagged`, `lswitch://…`                                           | nothing: the label's network serves (FACTS A4)   |
 * | VXLAN, GRE, a range, 4095                                           | finding Unsupported                              |
 * | PVLAN                                                               | the VLAN of its primary id (FACTS A4)            |
 * | the label leads to no PIF, to several, to one that carries no VLANs | as uplink.ts has it (FACTS D 1)                  |
 * | no network of the name, nor of the old name on this uplink          | create the network, then the VLAN on this host   |
 * | none of the name, one of the old name whose VLAN is on this uplink  | rename it, as CloudStack does, then as below     |
 * | one of ours whose removal was not finished                          | its name back, then as below                     |
 * | one of the old name elsewhere, or without a VLAN                    | it is left: CloudStack finds the new name first  |
 * | several of the name                                                 | the one that candidates.ts chooses               |
 * | the network, without a VLAN on this host                            | create the VLAN                                  |
 * | the VLAN on this host, its PIF not plugged                          | plug it                                          |
 * | plugged, no carrier                                                 | finding NoCarrier                                |
 * | plugged, with carrier or not told                                   | nothing; it counts                               |
 * | the tag on this host's PIF belongs to a network of another name     | finding Conflict                                 |
 * | the network has another PIF of this host                            | finding Conflict                                 |
 * | our VLAN on a double that nobody else uses                          | destroy it, create it on the pool's network      |
 * | a double of ours that nobody uses for ten minutes                   | rename it, so that nobody finds it any more      |
 * | … and then: nobody is on it; somebody is                            | destroy it; its name back                        |
 * | hosts of the pool are on several networks of the name               | finding SplitNetwork, which leaves the host in sync |
 * | two networks that lead to one VLAN                                  | one serves both                                  |
 */
import type { DesiredNetwork } from '../../reconcile/model.ts'
import type { Change, Finding } from '../driver.ts'
import { choose, isEmpty, isMarked } from './candidates.ts'
import type { PoolFacts, XapiHost, XapiNetwork } from './facts.ts'
import { asideName, legacyName, vlanName } from './names.ts'
import { needOf } from './need.ts'
import { lowestStamp, pifsOfHost, type Resolved, shown, type Uplink, uplinkOf } from './uplink.ts'

/** Of the whole pool, and so under its lease. */
export type SharedAction =
  | { readonly do: 'createNetwork'; readonly name: string; readonly uri: string }
  | { readonly do: 'rename'; readonly network: string; readonly from: string; readonly name: string }
  | { readonly do: 'destroyNetwork'; readonly network: string; readonly name: string }

/** Of this host. */
export type HostAction =
  | {
      readonly do: 'createVlan'
      readonly pif: string
      readonly device: string
      readonly tag: number
      readonly uri: string
      /** Null: it is yet to be created, and looked up again then. */
      readonly network: string | null
    }
  | { readonly do: 'destroyVlan'; readonly vlan: string; readonly device: string; readonly tag: number }
  | { readonly do: 'plug'; readonly pif: string; readonly device: string; readonly tag: number }

/** What is to do for one network's name. */
export interface Step {
  readonly name: string
  readonly shared: readonly SharedAction[]
  readonly here: readonly HostAction[]
}

export interface Plan {
  readonly steps: readonly Step[]
  readonly changes: readonly (Change & { readonly name: string })[]
  readonly findings: readonly Finding[]
  /** Names whose VLAN is present and right on this host; one that serves two networks counts once. */
  readonly devices: number
}

export interface Rules {
  readonly mark: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

export function plan(desired: readonly DesiredNetwork[], facts: PoolFacts, host: XapiHost, rules: Rules): Plan {
  const uplinks = new Map<string | null, Resolved>()
  const planned = new Map<string, Planned>()
  const changes: (Change & { readonly name: string })[] = []
  const findings: Finding[] = []
  for (const { physicalNetwork, uri, label } of desired) {
    const need = needOf(uri)
    if (need.need === 'nothing') continue
    const found = (reason: Finding['reason'], detail: string): number =>
      findings.push({ physicalNetwork, uri, reason, detail })
    if (need.need === 'unsupported') {
      found('Unsupported', need.detail)
      continue
    }
    const uplink = uplinks.get(label) ?? uplinkOf(label, facts, host)
    uplinks.set(label, uplink)
    if ('reason' in uplink) {
      found(uplink.reason, uplink.detail)
      continue
    }
    const name = vlanName(uplink.base.uuid, need.id)
    const one = planned.get(name) ?? planOne({ name, uri, tag: need.id, uplink, facts, host, rules })
    planned.set(name, one)
    for (const { reason, detail } of one.findings) found(reason, detail)
    const steps = [...one.shared, ...one.here].map(inWords)
    if (steps.length > 0) changes.push({ name, physicalNetwork, uri, devices: [name], steps })
  }
  const all = [...planned.values()]
  return {
    steps: all.filter(({ shared, here }) => shared.length + here.length > 0),
    changes,
    findings,
    devices: all.filter((one) => one.isRight).length,
  }
}

interface Planned extends Step {
  readonly findings: readonly Pick<Finding, 'reason' | 'detail'>[]
  readonly isRight: boolean
}

interface Asked {
  readonly name: string
  readonly uri: string
  readonly tag: number
  readonly uplink: Uplink
  readonly facts: PoolFacts
  readonly host: XapiHost
  readonly rules: Rules
}

function planOne(asked: Asked): Planned {
  const { name, uri, tag, uplink, facts, host, rules } = asked
  const { device } = uplink.pif
  const own = facts.vlanOn(uplink.pif.ref, tag)
  const ownPif = own && facts.pifs.get(own.untagged)
  const named = facts.networksNamed(name)
  const legacy = named.length === 0 ? takenOver(asked) : undefined
  const [first, ...others] = legacy === undefined ? named : [legacy]
  const rename: readonly SharedAction[] = legacy === undefined ? [] : [renamed(legacy, name)]
  const create = { do: 'createVlan', pif: uplink.pif.ref, device, tag, uri } as const

  const isElsewhere = ownPif === undefined || ![first, ...others].some((network) => network?.ref === ownPif.network)
  if (own !== undefined && isElsewhere) {
    const holder = facts.networks.get(ownPif?.network ?? '')?.name ?? 'that is not known'
    return conflict(
      name,
      `VLAN ${tag} on ${device} of ${host.name} belongs to the network ${shown(holder)}, not to ${name}.`,
    )
  }
  if (first === undefined) {
    const shared = [{ do: 'createNetwork', name, uri } as const]
    return { name, shared, here: [{ ...create, network: null }], findings: [], isRight: false }
  }

  const { ofPool, ofHost, isSplit, unused } = choose([first, ...others], facts, host, rules.mark, rules.now)
  const foreign = pifsOfHost(ofHost, facts, host).find((pif) => pif.ref !== ownPif?.ref)
  if (foreign !== undefined) {
    const what = foreign.vlan >= 0 ? `${foreign.device}.${foreign.vlan}` : foreign.device
    return conflict(name, `${name} has ${what} of ${host.name} on it, which is not VLAN ${tag} of ${device}.`)
  }
  const shared: readonly SharedAction[] = [
    ...rename,
    ...unused.map((network) => renamed(network, asideName(name))),
    ...(legacy === undefined ? setAside(asked) : []),
  ]
  const split = isSplit ? [splitFinding(ofPool, ofHost, host)] : []
  const step = { name, shared, findings: split }
  if (own === undefined) return { ...step, here: [{ ...create, network: ofHost.ref }], isRight: false }
  if (ownPif?.network !== ofHost.ref) {
    const away = { do: 'destroyVlan', vlan: own.ref, device, tag } as const
    return { ...step, here: [away, { ...create, network: ofHost.ref }], isRight: false }
  }
  if (!ownPif.attached) return { ...step, here: [{ do: 'plug', pif: ownPif.ref, device, tag }], isRight: false }
  if (ownPif.carrier !== false) return { ...step, here: [], isRight: rename.length === 0 }
  const detail = `VLAN ${tag} on ${device} of ${host.name} is plugged, and ${device} has no carrier.`
  return { ...step, here: [], findings: [...split, { reason: 'NoCarrier', detail }], isRight: false }
}

const renamed = ({ ref: network, name: from }: XapiNetwork, name: string): SharedAction => ({
  do: 'rename',
  network,
  from,
  name,
})

/** Doubles of ours that nobody finds by name any more: destroyed, unless somebody who had found one before is on it now. */
const setAside = ({ name, facts, rules }: Asked): readonly SharedAction[] =>
  facts
    .networksNamed(asideName(name))
    .filter((network) => isMarked(network, rules.mark))
    .map((network) =>
      isEmpty(network, facts) ? { do: 'destroyNetwork', network: network.ref, name } : renamed(network, name),
    )

/**
 * One of ours whose removal was not finished gets its name back. Else the network of the old name that CloudStack would rename,
 * if its VLAN is on this very uplink: then it must be taken over.
 */
function takenOver({ name, tag, uplink, facts, host, rules }: Asked): XapiNetwork | undefined {
  const aside = facts.networksNamed(asideName(name)).filter((network) => isMarked(network, rules.mark))
  if (aside.length > 0) return lowestStamp(aside) ?? aside[0]
  const basePifs = new Set(facts.pifsOn(uplink.base.ref).map(({ ref }) => ref))
  const onUplink = facts.networksNamed(legacyName(tag)).filter((network) =>
    facts.pifsOn(network.ref).some((pif) => {
      const vlan = facts.vlanOf(pif.ref)
      return vlan?.tag === tag && basePifs.has(vlan.tagged)
    }),
  )
  return onUplink.find((network) => pifsOfHost(network, facts, host).length > 0) ?? lowestStamp(onUplink) ?? onUplink[0]
}

const conflict = (name: string, detail: string): Planned => ({
  name,
  shared: [],
  here: [],
  findings: [{ reason: 'Conflict', detail }],
  isRight: false,
})

function splitFinding(ofPool: XapiNetwork, ofHost: XapiNetwork, host: XapiHost): Pick<Finding, 'reason' | 'detail'> {
  const other = ofPool === ofHost ? 'another one' : `the pool’s, ${ofPool.uuid},`
  const detail = `${host.name} uses the network ${ofHost.uuid} named ${ofHost.name}; ${other} of this name is in use too.`
  return { reason: 'SplitNetwork', detail }
}

function inWords(action: SharedAction | HostAction): string {
  switch (action.do) {
    case 'createNetwork':
      return `create the network ${action.name} in the pool`
    case 'rename':
      return `rename the network ${action.from} to ${action.name}`
    case 'destroyNetwork':
      return `destroy the unused double ${action.network} of ${action.name}`
    case 'createVlan':
      return `create VLAN ${action.tag} on ${action.device}`
    case 'destroyVlan':
      return `take VLAN ${action.tag} on ${action.device} off the double`
    case 'plug':
      return `plug VLAN ${action.tag} on ${action.device}`
  }
}
