/**
 * What networks that are gone left on a host: devices that carry our mark and that no desired network names. Pure. In: the
 * desired networks, the guest labels, one observation, the mark. Out: orphans, one for each pair of names.
 *
 * | A device with our mark                                             | is                                              |
 * |--------------------------------------------------------------------|-------------------------------------------------|
 * | `<uplink>.<id>`, a VLAN device of that id on that uplink           | half of the pair of `vlan://<id>` on the uplink |
 * | `br<uplink>-<id>`, a bridge                                        | the other half                                  |
 * | `vxlan<VNI>`, a VXLAN device of that VNI; `brvx-<VNI>`, a bridge   | the pair of `vxlan://<VNI>`                     |
 * | one of these under the name that it has while it is removed        | the same half                                   |
 * | of another name, kind, id or parent                                | an orphan without a URI: nobody can remove it   |
 * | of a pair that a desired network names                             | no orphan, whether the network can be made here |
 * | of a URI whose own uplink cannot be told now (a label was broken)  | no orphan: it may be that network's             |
 * | none, but our route to the group of a VNI that has no device       | an orphan: CloudStack deleted the pair only     |
 */
import type { DesiredNetwork, GuestLabel } from '../../reconcile/model.ts'
import type { Orphan } from '../driver.ts'
import type { HostFacts, Link, Route } from './facts.ts'
import { asideBridge, asideDevice, type DeviceNames, isVlanId, isVni, pairOf, vniOfGroup, vxlanNames } from './names.ts'
import { type Uplink, underlayOf, uplinkOf } from './uplink.ts'

/** A network's two devices by CloudStack's names, as told from one of them or from a desired network. */
export interface Made extends DeviceNames {
  readonly uri: string
  readonly kind: 'vlan' | 'vxlan'
  /** Null: the names do not tell (VXLAN). */
  readonly uplink: string | null
  /** Null for VLAN. */
  readonly vni: number | null
}

export function orphansOf(
  desired: readonly DesiredNetwork[],
  labels: readonly GuestLabel[],
  facts: HostFacts,
  group: number,
): readonly Orphan[] {
  const named = namedBy(desired, facts)
  const orphans = new Map<string, { readonly links: Link[]; readonly made: Made | null }>()
  for (const link of facts.links) {
    if (link.group !== group) continue
    const made = madeFor(link)
    if (made !== null && (named.has(made.bridge) || named.has(made.uri))) continue
    const key = made?.bridge ?? `/${link.name}`
    const before = orphans.get(key)
    if (before === undefined) orphans.set(key, { links: [link], made })
    else before.links.push(link)
  }
  const known = [...desired, ...labels]
  return [
    ...[...orphans.values()].map(({ links, made }) => orphan(links, made, known, facts)),
    ...leftRoutes(facts, named).map(([route, vni]) => orphanRoute(route, vni, known, facts)),
  ]
}

/**
 * CloudStack's script deletes its devices and leaves their route, which stands on the underlay (FACTS B4). Ours is known by
 * its number; one that whoever made the devices anew may rely on is left.
 */
function leftRoutes({ routes, links }: HostFacts, named: ReadonlySet<string>): readonly (readonly [Route, number])[] {
  if (routes.length === 0) return []
  const names = new Set(links.map(({ name }) => name))
  const carried = new Set(links.map(({ vxlan }) => vxlan?.vni))
  return routes.flatMap((route) => {
    const vni = route.ours ? vniOfGroup(route.destination) : null
    if (vni === null || carried.has(vni)) return []
    const { bridge, device, uri } = vxlanPair(vni)
    const taken = [bridge, device, asideBridge(bridge), asideDevice(device)].some((name) => names.has(name))
    return taken || named.has(bridge) || named.has(uri) ? [] : [[route, vni] as const]
  })
}

/** For which network a device of ours was made, by its name and what it is; null: it cannot be told. */
export function madeFor({ name, kind, parent, vlan, vxlan }: Link): Made | null {
  if (kind === 'vlan' && vlan !== null && parent !== null && isVlanId(vlan.id)) {
    const made = vlanPair(parent, vlan.id)
    return called(name, made.device, asideDevice(made.device)) ? made : null
  }
  if (kind === 'vxlan' && vxlan !== null && isVni(vxlan.vni)) {
    const made = vxlanPair(vxlan.vni)
    return called(name, made.device, asideDevice(made.device)) ? made : null
  }
  return kind === 'bridge' ? bridgeMadeFor(name) : null
}

/** The pair of an orphan's network, as its host would have it; null: it cannot be told. */
export function madeForOrphan({ uri = '', uplink }: Pick<Orphan, 'uri' | 'uplink'>): Made | null {
  const [, scheme, digits = ''] = /^(vlan|vxlan):\/\/([1-9]\d*)$/.exec(uri) ?? []
  const id = Number(digits)
  if (scheme === 'vxlan') return isVni(id) ? vxlanPair(id) : null
  return scheme === 'vlan' && uplink !== undefined && isVlanId(id) ? vlanPair(uplink, id) : null
}

function bridgeMadeFor(name: string): Made | null {
  const [, uplink, digits] = /^b[rk](.+)-([1-9]\d*)$/.exec(name) ?? []
  if (uplink === undefined) return null
  const id = Number(digits)
  if (uplink === 'vx') return isVni(id) ? vxlanPair(id) : null
  return isVlanId(id) ? vlanPair(uplink, id) : null
}

function vlanPair(uplink: string, id: number): Made {
  const { bridge, device } = pairOf(uplink, id)
  return { uri: `vlan://${id}`, kind: 'vlan', uplink, vni: null, bridge, device }
}

const vxlanPair = (vni: number): Made => ({
  uri: `vxlan://${vni}`,
  kind: 'vxlan',
  uplink: null,
  vni,
  ...vxlanNames(vni),
})

const called = (name: string, ...names: readonly string[]): boolean => names.includes(name)

/** The bridges that desired networks name; and the URIs of those whose uplink cannot be told. */
function namedBy(desired: readonly DesiredNetwork[], facts: HostFacts): ReadonlySet<string> {
  const uplinks = new Map<string | null, string | undefined>()
  return new Set(
    desired.map(({ uri, label }) => {
      if (!uplinks.has(label)) uplinks.set(label, nameOf(uplinkOf(label, facts)))
      const uplink = uplinks.get(label)
      return madeForOrphan(uplink === undefined ? { uri } : { uri, uplink })?.bridge ?? uri
    }),
  )
}

function orphan(links: readonly Link[], made: Made | null, labels: readonly Labelled[], facts: HostFacts): Orphan {
  const devices = links.map(({ name }) => name)
  if (made === null) return { devices, physicalNetworks: [] }
  const uplink = made.uplink ?? links.find(({ kind }) => kind === 'vxlan')?.parent ?? undefined
  if (uplink === undefined) return { devices, uri: made.uri, physicalNetworks: [] }
  return { devices, uri: made.uri, uplink, physicalNetworks: leadingTo(uplink, made.kind, labels, facts) }
}

function orphanRoute(
  { destination, device }: Route,
  vni: number,
  labels: readonly Labelled[],
  facts: HostFacts,
): Orphan {
  const { uri } = vxlanPair(vni)
  const devices = [`route ${destination}`]
  if (device === null) return { devices, uri, physicalNetworks: [] }
  return { devices, uri, uplink: device, physicalNetworks: leadingTo(device, 'vxlan', labels, facts) }
}

type Labelled = Pick<GuestLabel, 'physicalNetwork' | 'label'>

function leadingTo(
  uplink: string,
  kind: Made['kind'],
  labels: readonly Labelled[],
  facts: HostFacts,
): readonly string[] {
  const leads = ({ label }: Labelled): boolean =>
    nameOf(kind === 'vxlan' ? underlayOf(label, facts) : uplinkOf(label, facts)) === uplink
  return [...new Set(labels.filter(leads).map(({ physicalNetwork }) => physicalNetwork))].sort()
}

const nameOf = (found: Uplink): string | undefined => ('uplink' in found ? found.uplink : undefined)

/** Whether a device is under the name that it has while it is removed. */
export const isAside = ({ name }: Link, made: Made): boolean =>
  name === asideBridge(made.bridge) || name === asideDevice(made.device)
