/**
 * The fall-back of a driver chain, `KVM=kvm-ssh|cloudstack`: what is asked of CloudStack while a host's own driver cannot
 * reach it. Pure. In: its record, the revision, the second driver's rules, the time. Out: why it is due, what is known of it.
 *
 * | the own driver's last run                                          | falls back | why                                     |
 * |--------------------------------------------------------------------|------------|-----------------------------------------|
 * | HostUnreachable, JumpHostUnreachable, AgentMissing, XapiUnreachable, VcenterUnreachable | yes       | nobody answered, so nobody was misjudged |
 * | HostKeyUnknown, HostKeyChanged, WrongHost, …Untrusted               | no         | whoever answers may not be the host: somebody is to find out, and a fall-back would hide it |
 * | LoginRefused, NotRoot, …Refused, AgentOutdated, Misconfigured, …     | no       | it was reached: a setting is to be corrected |
 * | LoginTimedOut, TimeOut, HostBusy, HostLockFailed, HostMisread      | no         | it was reached and is unwell: a pass would load it more |
 * | Conflict and other findings                                        | no         | it was reached and read: the driver knows better than CloudStack |
 * | RunCrashed                                                         | no         | nothing is known of the host            |
 *
 * | such a host                                                            | is due there because |
 * |------------------------------------------------------------------------|----------------------|
 * | mode observe, not eligible for the second driver, or a job outstanding | –                    |
 * | a request failed, its backoff runs and nothing newer is wanted         | –                    |
 * | is wanted more often than either driver finished                       | edge                 |
 * | has a revision that neither driver finished                            | revision             |
 * | was verified and requested longer ago than a day, at its own phase     | verify               |
 * | lost its connection while nothing was to be done                       | –                    |
 *
 * Its own driver is always tried first. Where both are due, that one is (select.ts), but for once after it failed: the next
 * job after one that did not reach the host is its fall-back's, and then its own driver's again, by its backoff.
 */
import type { Why } from '../queue/queues.ts'
import type { CandidatePolicy } from './candidates.ts'
import { turnIsDue } from './due.ts'
import { type HostRecord, outstanding, type Request, settledIn } from './record.ts'

/** @param eligible for the second driver; false too where the hypervisor has no chain */
export function fallbackDue(
  record: HostRecord,
  revision: string | undefined,
  eligible: boolean,
  policy: CandidatePolicy,
  now: number,
): Why | undefined {
  if (!eligible || record.unreachedSince === undefined || policy.mode === 'observe') return undefined
  if (revision === undefined || outstanding(record, now)) return undefined
  const backsOff = record.requestNextAttemptAt !== undefined && now < record.requestNextAttemptAt
  if (backsOff && record.wanted <= (record.requestTried ?? 0)) return undefined
  if (record.wanted > Math.max(record.done, record.requestDone ?? 0)) return 'edge'
  const settled = settledIn(revision, policy.mode)
  if (record.lastSettled !== settled && record.requestSettled !== settled) return 'revision'
  const last = Math.max(record.verifiedAt ?? 0, record.requestedAt ?? 0)
  return turnIsDue(record.id, last, policy.repeatMilliseconds, now) ? 'verify' : undefined
}

/** Whether the fall-back goes first now: its host's own driver was the last to have a turn, and has tried all that is wanted. */
export const isFallbacksTurn = (record: HostRecord, fallback: Why | undefined): boolean =>
  (fallback === 'edge' || fallback === 'revision') && record.queuedTo === undefined && record.wanted <= record.tried

/** Whether all that is wanted now was requested, and that not so long ago that it says nothing any more. */
export function requestStands(
  record: HostRecord,
  revision: string | undefined,
  { mode, repeatMilliseconds }: Pick<CandidatePolicy, 'mode' | 'repeatMilliseconds'>,
  now: number,
): boolean {
  if (record.unreachedSince === undefined || record.requestedAt === undefined || revision === undefined) return false
  const covers = (record.requestDone ?? 0) >= record.wanted && record.requestSettled === settledIn(revision, mode)
  return covers && now - record.requestedAt <= 3 * repeatMilliseconds
}

/** In words, of a request that stands. */
export function requestedSays({ requestedBy, unreachedBy, detail, request }: HostRecord): string {
  const known = request === undefined ? ' (no network is desired, so nothing was asked)' : ` (${requestSays(request)})`
  return `requested by ${requestedBy ?? 'cloudstack'} after ${unreachedBy ?? 'its driver'} could not reach it: ${detail ?? ''}${known}`
}

/** In words, of a host whose own driver failed and for which no request stands; undefined: there is nothing to tell. */
export function notRequestedSays(record: HostRecord): string | undefined {
  if (record.unreachedSince === undefined) return undefined
  const { requestReason, requestDetail = '', requestedAt } = record
  if (requestReason !== undefined) return `CloudStack was to be asked instead: ${requestReason}: ${requestDetail}`
  return requestedAt === undefined ? undefined : 'what CloudStack was asked since is older than what is wanted now'
}

/** What is known of a request, which is nothing of the host. */
export const requestSays = ({ call, answered, note }: Request): string =>
  [answered ? `${call} was answered` : `${call} got no answer in time and counts as requested`, note]
    .filter(Boolean)
    .join('; ')
