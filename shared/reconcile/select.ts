/**
 * Which of the due hosts get a job now. Edges and retries always go; a new revision reaches only a share of a cluster
 * at once (DESIGN 13); verifications are capped for each tick (DESIGN 11). A host that is due for its own driver and for
 * the one that it falls back to goes to its own. In: all records with why each is due. Out: jobs; those of a cluster that was cut short carry `more`, so that the next wave follows at once.
 */
import type { Why } from '../queue/queues.ts'
import { type HostRecord, outstanding } from './record.ts'

export interface Candidate {
  readonly record: HostRecord
  /** False for a host that no driver can serve now; it counts for nothing. */
  readonly eligible: boolean
  /** For its own driver. */
  readonly why: Why | undefined
  /** For the driver that it falls back to; its own is tried first. */
  readonly fallback?: Why | undefined
}

export interface SelectPolicy {
  readonly rolloutPercent: number
  readonly verifyPerTick: number
}

export interface Selected {
  readonly record: HostRecord
  readonly why: Why
  readonly more: boolean
  /** True: the job is for the driver that its host falls back to. */
  readonly fallback: boolean
}

export function select(
  candidates: readonly Candidate[],
  policy: SelectPolicy,
  tick: number,
  now: number,
): readonly Selected[] {
  const room = rolloutRoom(candidates, policy.rolloutPercent, now)
  let verifications = policy.verifyPerTick - verificationsOf(candidates, tick)
  const chosen: Omit<Selected, 'more'>[] = []
  const cutShort = new Set<string>()
  for (const { record, why, fallback } of oldestFirst(candidates)) {
    if (why === 'verify' && verifications-- <= 0) continue
    if (why === 'revision') {
      const left = room.get(record.cluster) ?? 0
      if (left <= 0) {
        cutShort.add(record.cluster)
        continue
      }
      room.set(record.cluster, left - 1)
    }
    chosen.push({ record, why, fallback })
  }
  return chosen.map((job) => ({ ...job, more: cutShort.has(job.record.cluster) }))
}

/** How many more hosts of each cluster may get a new revision now: max(1, share) less those that have it in hand. */
function rolloutRoom(candidates: readonly Candidate[], percent: number, now: number): Map<string, number> {
  const sizes = new Map<string, number>()
  const inHand = new Map<string, number>()
  for (const { record, eligible } of candidates) {
    if (eligible) sizes.set(record.cluster, (sizes.get(record.cluster) ?? 0) + 1)
    const holds = record.queuedWhy === 'revision' && outstanding(record, now)
    if (holds) inHand.set(record.cluster, (inHand.get(record.cluster) ?? 0) + 1)
  }
  const share = (size: number): number => Math.max(1, Math.floor((size * percent) / 100))
  return new Map([...sizes].map(([cluster, size]) => [cluster, share(size) - (inHand.get(cluster) ?? 0)]))
}

const verificationsOf = (candidates: readonly Candidate[], tick: number): number =>
  candidates.filter(({ record }) => record.queuedWhy === 'verify' && record.queued === tick).length

/** Those longest unverified first, so that a cap or a share never starves anyone. */
function oldestFirst(candidates: readonly Candidate[]): readonly Omit<Selected, 'more'>[] {
  return candidates
    .flatMap(({ record, why: own, fallback }) => {
      const why = own ?? fallback
      return why === undefined ? [] : [{ record, why, fallback: own === undefined }]
    })
    .sort((a, b) => (a.record.verifiedAt ?? 0) - (b.record.verifiedAt ?? 0) || (a.record.id < b.record.id ? -1 : 1))
}
