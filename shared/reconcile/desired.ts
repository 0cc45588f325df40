/**
 * What should be on the hosts: CloudStack's facts become one sorted list for each zone and hypervisor that has hosts.
 * Pure. Equal facts, in whatever order, give equal lists, so that a revision changes only when its content does.
 *
 * | Network (FACTS A1, DESIGN 4)                                | In the list                                      |
 * |-------------------------------------------------------------|--------------------------------------------------|
 * | offering not persistent, or not known                       | no                                               |
 * | guest type other than Isolated and L2                       | no                                               |
 * | state other than Implemented and Setup                      | no                                               |
 * | without a broadcast URI                                     | no                                               |
 * | usable                                                      | in the lists of its own zone, no other           |
 * | several on one (physical network, URI)                      | one entry that names them all                    |
 * | `vlan://untagged`, `vxlan://…`, `pvlan://…`, a range        | yes; what a driver cannot make, it says itself   |
 * | offerings of several rates on one URI, VMware               | one entry that has all rates                     |
 * | its physical network has no label for the hypervisor        | yes, label null: the driver knows the default    |
 * | without physical network, one with guest traffic in the zone| yes, on that one                                 |
 * | without physical network, none or several in the zone       | no: unplaced                                     |
 * | its physical network is not of its zone, or has no guest    | no: unplaced                                     |
 * | traffic                                                     |                                                  |
 *
 * An unplaced network is left out because a guessed uplink would put its VLAN on the wrong wire, and nobody would see it.
 * `unplacedNetworks` tells which they are.
 */
import type { CloudFacts, Desired, DesiredNetwork, GuestLabel, HostFact, Hypervisor, NetworkFact } from './model.ts'

export interface DesiredSet extends Desired {
  readonly zone: string
  readonly hypervisor: Hypervisor
}

/** One set for each zone and hypervisor that has a host, sorted by both. A zone without usable networks has an empty one. */
export function desiredSets(facts: CloudFacts, hosts: readonly HostFact[]): readonly DesiredSet[] {
  const placed = placeNetworks(facts)
  const kinds = new Map(hosts.map(({ zone, hypervisor }) => [JSON.stringify([zone, hypervisor]), { zone, hypervisor }]))
  return [...kinds.values()]
    .sort((one, other) => compare(one.zone, other.zone) || compare(one.hypervisor, other.hypervisor))
    .map(({ zone, hypervisor }) => ({
      zone,
      hypervisor,
      networks: merge(placed, zone, hypervisor),
      labels: guestLabelsOf(facts, zone, hypervisor),
    }))
}

function guestLabelsOf(facts: CloudFacts, zone: string, hypervisor: Hypervisor): readonly GuestLabel[] {
  const labelsOf = new Map(facts.guestLabels.map(({ physicalNetwork, labels }) => [physicalNetwork, labels]))
  return facts.physicalNetworks
    .flatMap(({ id, zone: own, vlans, isolation }) => {
      const labels = labelsOf.get(id)
      if (own !== zone || labels === undefined) return []
      const ranges = { ...(vlans === undefined ? {} : { vlans }), ...(isolation === undefined ? {} : { isolation }) }
      return [{ physicalNetwork: id, label: ownLabel(labels, hypervisor), ...ranges }]
    })
    .sort((one, other) => compare(one.physicalNetwork, other.physicalNetwork))
}

/** The networks that would count but cannot be put on a physical network, sorted by id. */
export function unplacedNetworks(facts: CloudFacts): readonly NetworkFact[] {
  const placed = new Set(placeNetworks(facts).map(({ network }) => network.id))
  return usableNetworks(facts)
    .map(({ network }) => network)
    .filter(({ id }) => !placed.has(id))
    .sort((one, other) => compare(one.id, other.id))
}

interface Usable {
  readonly network: NetworkFact
  readonly uri: string
  readonly rate: number
}

interface Placed extends Usable {
  readonly physicalNetwork: string
  readonly labels: Readonly<Record<string, string>>
}

const guestTypes: ReadonlySet<string> = new Set(['Isolated', 'L2'])
const states: ReadonlySet<string> = new Set(['Implemented', 'Setup'])

function usableNetworks({ offerings, networks }: CloudFacts): readonly Usable[] {
  const persistent = new Map(offerings.filter((offering) => offering.persistent).map((one) => [one.id, one]))
  return networks.flatMap((network) => {
    const counts = persistent.has(network.offering) && guestTypes.has(network.guestType) && states.has(network.state)
    const rate = persistent.get(network.offering)?.rate ?? 0
    return counts && network.broadcastUri ? [{ network, uri: network.broadcastUri, rate }] : []
  })
}

function placeNetworks(facts: CloudFacts): readonly Placed[] {
  const labelsOf = new Map(facts.guestLabels.map(({ physicalNetwork, labels }) => [physicalNetwork, labels]))
  const guestOf = Map.groupBy(
    facts.physicalNetworks.filter(({ id }) => labelsOf.has(id)),
    ({ zone }) => zone,
  )
  return usableNetworks(facts).flatMap(({ network, uri, rate }) => {
    const candidates = guestOf.get(network.zone) ?? []
    const [only, ...others] = candidates.filter(({ id }) => id === (network.physicalNetwork ?? id))
    if (only === undefined || others.length > 0) return []
    return [{ network, uri, rate, physicalNetwork: only.id, labels: labelsOf.get(only.id) ?? {} }]
  })
}

function merge(placed: readonly Placed[], zone: string, hypervisor: Hypervisor): readonly DesiredNetwork[] {
  const ofZone = placed.filter(({ network }) => network.zone === zone)
  const byDevice = Map.groupBy(ofZone, ({ physicalNetwork, uri }) => JSON.stringify([physicalNetwork, uri]))
  return [...byDevice.values()]
    .flatMap(([first, ...others]) => (first === undefined ? [] : [entry([first, ...others], first, hypervisor)]))
    .sort((one, other) => compare(one.physicalNetwork, other.physicalNetwork) || compare(one.uri, other.uri))
}

function entry(
  all: readonly Placed[],
  { physicalNetwork, uri, labels }: Placed,
  hypervisor: Hypervisor,
): DesiredNetwork {
  const networks = all
    .map(({ network: { id, name } }) => ({ id, name }))
    .sort((one, other) => compare(one.id, other.id))
  const rates =
    hypervisor === 'VMware' ? { rates: [...new Set(all.map(({ rate }) => rate))].sort((a, b) => a - b) } : {}
  return { physicalNetwork, label: ownLabel(labels, hypervisor), uri, ...rates, networks }
}

/** A hypervisor's name comes from outside, so it may be a name that every object inherits. */
const ownLabel = (labels: Placed['labels'], hypervisor: Hypervisor): string | null =>
  Object.hasOwn(labels, hypervisor) ? (labels[hypervisor] ?? null) : null

/** By code units, so that no machine's language changes a revision. */
export const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
