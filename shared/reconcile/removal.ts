/**
 * Whether a device pair that carries our mark and that nobody desires may be removed (DESIGN 4). Pure. In: the orphan as
 * the host shows it, the zone's tombstones and desired networks, what CloudStack answered just now. Out: a permit with
 * its deadline, or the reason to keep it. Conditions (a), the mark, and (d), nothing else on the bridge and no domain
 * that names it, are the driver's: it reads them on the host, again, between its steps.
 *
 * | policy | the orphan                                                              | decision                    |
 * |--------|-------------------------------------------------------------------------|-----------------------------|
 * | keep   | any                                                                     | keep, say nothing           |
 * | report | any                                                                     | keep, report it             |
 * | prune  | its URI cannot be told from its names                                   | keep: unknown               |
 * | prune  | a network of one of its physical networks has its URI (c)               | keep: in use                |
 * | prune  | no tombstone, or one younger than the grace (b)                         | keep: not gone long enough  |
 * | prune  | CloudStack's answers are older than 30 s                                | keep: must be asked again   |
 * | prune  | the live network that was asked for did not come back with its URI (b)  | keep: the answers are blind |
 * | prune  | one of the tombstone's ids still answers a network (b)                  | keep: not gone              |
 * | prune  | CloudStack lists a network there without a URI that is not Allocated (c)| keep: the answers are blind |
 * | prune  | CloudStack lists a network on its physical network with its URI (c)     | keep: in use                |
 * | prune  | none of these                                                           | remove, until 30 s after    |
 * |        |                                                                         | the answers were read       |
 */
import type { Tombstone } from './absence.ts'
import type { DesiredNetwork, NetworkFact } from './model.ts'

export const removalPolicies = ['keep', 'report', 'prune'] as const
export type RemovalPolicy = (typeof removalPolicies)[number]

/** A marked device pair that no desired network names. */
export interface Marked {
  readonly uri?: string
  /** Those whose label resolves to the pair's uplink on this host. */
  readonly physicalNetworks: readonly string[]
}

/** What CloudStack answered, all of it after `readAt`. */
export interface Evidence {
  readonly readAt: number
  /** A network that is in force, asked for by its id with the same key. */
  readonly live: NetworkFact | undefined
  /** The tombstone's ids, each asked for; undefined is CloudStack's `{}`. */
  readonly asked: ReadonlyMap<string, NetworkFact | undefined>
  /** Every network of the physical network, whatever its offering and owner. */
  readonly listed: readonly NetworkFact[]
}

export type Decision = { readonly remove: true; readonly deadline: number } | { readonly keep: string }

/** Answers older than this permit nothing. */
export const evidenceMilliseconds = 30_000

/** The tombstone under which this orphan might be removed; or why there is no need to ask CloudStack. */
export function tombstoneFor(
  orphan: Marked,
  desired: readonly DesiredNetwork[],
  tombstones: readonly Tombstone[],
  graceMilliseconds: number,
  now: number,
): Tombstone | { readonly keep: string } {
  const { uri, physicalNetworks } = orphan
  if (uri === undefined || physicalNetworks.length === 0)
    return { keep: 'it is not known which network it was made for' }
  const own = (network: Pick<DesiredNetwork, 'physicalNetwork' | 'uri'>): boolean =>
    network.uri === uri && physicalNetworks.includes(network.physicalNetwork)
  if (desired.some(own)) return { keep: 'a network uses it' }
  const buried = tombstones.filter(own)
  const [tombstone, ...others] = buried
  if (tombstone === undefined) return { keep: 'it is not known that its network is gone' }
  if (others.length > 0) return { keep: 'several physical networks that share this uplink had such a network' }
  const waits = tombstone.goneSince + graceMilliseconds - now
  return waits > 0
    ? { keep: `its network is gone for too short a time: ${Math.ceil(waits / 1000)} s to go` }
    : tombstone
}

const untrusted = 'what CloudStack answers cannot be trusted'

/**
 * Each answer is judged by itself: the right to see URIs may be lost between two of them.
 * @param tombstone from tombstoneFor, for the same orphan
 */
export function decide(tombstone: Tombstone, evidence: Evidence, now: number): Decision {
  const deadline = evidence.readAt + evidenceMilliseconds
  if (now >= deadline) return { keep: 'CloudStack’s answers are too old' }
  if (evidence.live?.broadcastUri === undefined) {
    return { keep: `a network that exists did not come back with its broadcast URI: ${untrusted}` }
  }
  const unasked = tombstone.networks.find(({ id }) => !evidence.asked.has(id))
  if (unasked !== undefined) return { keep: `CloudStack was not asked for network ${unasked.id}` }
  const alive = tombstone.networks.find(({ id }) => evidence.asked.get(id) !== undefined)
  if (alive !== undefined) return { keep: `network ${alive.name} (${alive.id}) still exists` }
  const blind = evidence.listed.find(({ state, broadcastUri }) => state !== 'Allocated' && broadcastUri === undefined)
  if (blind !== undefined) return { keep: `network ${blind.name} (${blind.id}) came without its URI: ${untrusted}` }
  const user = evidence.listed.find((network) => network.broadcastUri === tombstone.uri)
  if (user !== undefined) return { keep: `network ${user.name} (${user.id}) uses ${tombstone.uri}` }
  return { remove: true, deadline }
}
