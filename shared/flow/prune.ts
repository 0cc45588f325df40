/**
 * What is done about orphans: devices that carry our mark and that nobody desires. In: the zone, its desired networks,
 * the removal policy. Out: for each orphan, removed or kept with its reason. CloudStack is asked anew for each, just
 * before its removal, and the permit ends 30 s after that (reconcile/removal.ts).
 */
import type { CloudStack } from '../cloudstack/client.ts'
import { CloudStackError } from '../cloudstack/errors.ts'
import { HostError, type Orphan, type Session } from '../hypervisors/driver.ts'
import type { Tombstone } from '../reconcile/absence.ts'
import type { DesiredNetwork, NetworkFact } from '../reconcile/model.ts'
import type { OrphanOutcome } from '../reconcile/record.ts'
import { decide, type Evidence, evidenceMilliseconds, tombstoneFor } from '../reconcile/removal.ts'
import type { Ports } from '../runtime/ports.ts'
import type { Policy } from './policy.ts'
import { readTombstones } from './read.ts'

export interface PruneContext {
  readonly ports: Ports
  readonly cloudstack: () => CloudStack
  readonly policy: Policy
  readonly zone: string
  readonly desired: readonly DesiredNetwork[]
  readonly signal: AbortSignal
}

/** Bounds what one run asks CloudStack; the rest is kept, and the next run goes on. */
const perRun = 50

export async function prune(
  context: PruneContext,
  session: Session,
  orphans: readonly Orphan[],
): Promise<readonly OrphanOutcome[]> {
  const { ports, policy, zone } = context
  if (policy.removal === 'keep' || orphans.length === 0) return []
  if (policy.removal === 'report' || policy.mode === 'observe') {
    return orphans.map((orphan) =>
      outcomeOf(orphan, 'only reported: it takes BRIDGEKEEPER_REMOVAL=prune and mode apply'),
    )
  }
  const tombstones = await readTombstones(ports.store, policy.cloud, zone)
  const ended = aborted(context.signal)
  ended.catch(() => undefined) // Most runs end before it does.
  const shared: Shared = { tombstones, ended, listings: new Map() }
  const outcomes: OrphanOutcome[] = []
  for (const [index, orphan] of orphans.entries()) {
    const kept = index < perRun ? await removeOne(context, session, orphan, shared) : 'enough for one run'
    if (kept === undefined) ports.logger.info('removed', { zone, devices: orphan.devices, uri: orphan.uri })
    outcomes.push(outcomeOf(orphan, kept))
  }
  return outcomes
}

const outcomeOf = ({ devices, uri }: Orphan, kept: string | undefined): OrphanOutcome => ({
  devices,
  ...(uri === undefined ? {} : { uri }),
  ...(kept === undefined ? {} : { kept: kept.slice(0, 200) }),
})

/** Whatever goes wrong here, the run itself has done its work: it keeps the orphan, and says why. */
async function removeOne(
  context: PruneContext,
  session: Session,
  orphan: Orphan,
  shared: Shared,
): Promise<string | undefined> {
  try {
    return await removeOrKeep(context, session, orphan, shared)
  } catch (error) {
    if (context.signal.aborted) return 'the run’s time was over'
    if (error instanceof CloudStackError) return `CloudStack could not be asked: ${error.message}`
    if (error instanceof HostError) return `the host did not answer: ${error.message}`
    throw error
  }
}

/** @returns why it was kept; undefined when it is gone */
async function removeOrKeep(
  context: PruneContext,
  session: Session,
  orphan: Orphan,
  shared: Shared,
): Promise<string | undefined> {
  const { ports, policy, desired, signal } = context
  if (session.remove === undefined) return 'this driver cannot remove'
  const tombstone = tombstoneFor(orphan, desired, shared.tombstones, policy.graceMilliseconds, ports.now())
  if ('keep' in tombstone) return tombstone.keep
  const live = desired[0]?.networks[0]?.id
  if (live === undefined) return 'no network of this zone is left by which CloudStack’s answers could be checked'
  signal.throwIfAborted()
  const evidence = await Promise.race([evidenceOf(context, tombstone, live, shared.listings), shared.ended])
  const decision = decide(tombstone, evidence, ports.now())
  if ('keep' in decision) return decision.keep
  const removal = await session.remove(orphan, decision.deadline)
  return 'kept' in removal ? removal.kept : undefined
}

/** CloudStack's client knows no signal: what it still answers after the run's end is not waited for. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

interface Listing {
  readonly readAt: number
  readonly live: NetworkFact | undefined
  readonly listed: readonly NetworkFact[]
}

/** By physical network: one listing serves several orphans, while it leaves a removal half of its time. */
type Listings = Map<string, Listing>

/** What one call of prune shares between its orphans. */
interface Shared {
  readonly tombstones: readonly Tombstone[]
  readonly listings: Listings
  /** Rejects at the run's end. */
  readonly ended: Promise<never>
}

/**
 * The live network is asked for before everything else and again after it: what its right showed at one of the two times
 * only was not seen. @throws CloudStackError
 */
async function evidenceOf(
  { ports, cloudstack, zone }: PruneContext,
  { physicalNetwork, networks }: Tombstone,
  live: string,
  listings: Listings,
): Promise<Evidence> {
  const before = listings.get(physicalNetwork)
  const fresh = before !== undefined && ports.now() - before.readAt < evidenceMilliseconds / 2
  const listing = fresh ? before : await list(ports, cloudstack(), zone, physicalNetwork, live)
  listings.set(physicalNetwork, listing)
  const asked: Evidence['asked'] = new Map(
    await Promise.all(networks.map(async ({ id }) => [id, await cloudstack().network(id)] as const)),
  )
  const after = await cloudstack().network(live)
  return { ...listing, live: listing.live?.broadcastUri === undefined ? listing.live : after, asked }
}

async function list(
  ports: Ports,
  cloudstack: CloudStack,
  zone: string,
  physicalNetwork: string,
  live: string,
): Promise<Listing> {
  const readAt = ports.now()
  return { readAt, live: await cloudstack.network(live), listed: await cloudstack.networksOn(zone, physicalNetwork) }
}
