/**
 * Whether a host needs a run now, and why. In: its record, the revision it should be settled in, the policy, the time.
 * Out: the reason for a job, or undefined.
 *
 * | the host                                                                | due because |
 * |-------------------------------------------------------------------------|-------------|
 * | has no driver, is not Up, or its driver needs Enabled and it is not     | –           |
 * | has an outstanding job                                                  | –           |
 * | backs off, and nothing new is wanted                                    | –           |
 * | wanted > done                                                           | edge        |
 * | is settled in another revision or mode, or in none                      | revision    |
 * | has retriable exceptions whose backoff ended                            | retry       |
 * | was verified longer ago than the interval, moved by its own phase       | verify      |
 */
import type { Why } from '../queue/queues.ts'
import { type HostRecord, outstanding, settledIn } from './record.ts'

export interface DuePolicy {
  readonly mode: 'observe' | 'apply'
  readonly verifyMilliseconds: number
}

/** @param revision of the host's zone and hypervisor; undefined while none was ever made: then only wait. */
export function due(
  record: HostRecord,
  revision: string | undefined,
  eligible: boolean,
  policy: DuePolicy,
  now: number,
): Why | undefined {
  if (!eligible || revision === undefined || outstanding(record, now)) return undefined
  const backsOff = record.nextAttemptAt !== undefined && now < record.nextAttemptAt
  if (backsOff && record.wanted <= record.tried) return undefined
  if (record.wanted > record.done) return 'edge'
  if (record.settled !== settledIn(revision, policy.mode)) return 'revision'
  if (record.nextAttemptAt !== undefined) return 'retry'
  return turnIsDue(record.id, record.verifiedAt, policy.verifyMilliseconds, now) ? 'verify' : undefined
}

/**
 * Verifications are spread over the interval: a host's own phase, from its id, decides where in the interval its turn
 * is, so that a thousand hosts prepared in one minute are not verified in one minute an hour later.
 */
export function turnIsDue(id: string, last: number | undefined, interval: number, now: number): boolean {
  if (last === undefined) return true
  const offset = phase(id) * interval
  const turn = Math.floor((last - offset) / interval + 1) * interval + offset
  return now >= turn
}

/**
 * A number from 0 up to 1 that belongs to this id: FNV-1a, its bits then mixed as MurmurHash3 does at its end, since ids that
 * differ in their last characters only would have nearly one phase otherwise.
 */
function phase(id: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}
