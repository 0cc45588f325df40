/**
 * What is done about orphans: devices that carry our mark and that nobody desires. In: the zone, its desired networks,
 * the removal policy. Out: for each orphan, removed or kept with its reason. CloudStack is asked anew for each, just
 * before its removal, and the permit ends 30 s after that (reconcile/removal.ts).
 */
import type { CloudStack } from '../cloudstack/client.ts'
import { CloudStackError } from '../cloudstack/errors.ts'
import type { Orphan, Session } from '../hypervisors/driver.ts'
import type { Tombstone } from '../reconcile/absence.ts'
import type { DesiredNetwork } from '../reconcile/model.ts'
import type { OrphanOutcome } from '../reconcile/record.ts'
import { decide, type Evidence, tombstoneFor } from '../reconcile/removal.ts'
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
  const outcomes: OrphanOutcome[] = []
  for (const [index, orphan] of orphans.entries()) {
    const kept = index < perRun ? await removeOne(context, session, orphan, tombstones) : 'enough for one run'
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

/** @returns why it was kept; undefined when it is gone */
async function removeOne(
  context: PruneContext,
  session: Session,
  orphan: Orphan,
  tombstones: readonly Tombstone[],
): Promise<string | undefined> {
  const { ports, policy, desired, signal } = context
  if (session.remove === undefined) return 'this driver cannot remove'
  const tombstone = tombstoneFor(orphan, desired, tombstones, policy.graceMilliseconds, ports.now())
  if ('keep' in tombstone) return tombstone.keep
  signal.throwIfAborted()
  const evidence = await evidenceOf(context, tombstone).catch(notAnswered)
  if (typeof evidence === 'string') return evidence
  const decision = decide(tombstone, evidence, ports.now())
  if ('keep' in decision) return decision.keep
  const removal = await session.remove(orphan, decision.deadline)
  return 'kept' in removal ? removal.kept : undefined
}

/** Without CloudStack's answer nothing is removed; the run itself has done its work. */
function notAnswered(error: unknown): string {
  if (error instanceof CloudStackError) return `CloudStack could not be asked: ${error.message}`
  throw error
}

async function evidenceOf({ ports, cloudstack, zone, desired }: PruneContext, tombstone: Tombstone): Promise<Evidence> {
  const readAt = ports.now()
  const known = desired[0]?.networks[0]
  const live = known === undefined ? undefined : await cloudstack().network(known.id)
  const asked: Evidence['asked'] = new Map(
    await Promise.all(tombstone.networks.map(async ({ id }) => [id, await cloudstack().network(id)] as const)),
  )
  return { readAt, live, asked, listed: await cloudstack().networksOn(zone, tombstone.physicalNetwork) }
}
