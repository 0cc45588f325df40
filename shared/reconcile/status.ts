/**
 * What is known of a host now, three-valued: InSync, OutOfSync or Unknown, with the reason and so the next step. Pure.
 * In: its record, the revision it should be settled in, its driver's rules, the time. Out: one row.
 *
 * | the host                                               | status    | reason                                    |
 * |--------------------------------------------------------|-----------|-------------------------------------------|
 * | is not Up                                              | Unknown   | HostNotUp (counted apart in a roll-up)    |
 * | has no driver                                          | Unknown   | NoDriver                                  |
 * | has an edge, or a broken-off run, that no run finished | Unknown   | Updating, the failure's, or NotYetVerified|
 * | the same, and all of it was requested by its fall-back | Unknown   | RequestedUnverified, after which failure  |
 * | is settled in an older revision                        | OutOfSync | Updating, or NewNetworks                  |
 * | was verified longer ago than three intervals           | Unknown   | Stale                                     |
 * | finished its last run                                  | its verdict | its reason                              |
 */
import { type CandidatePolicy, type DriverRules, verificationInterval } from './candidates.ts'
import { notRequestedSays, requestedSays, requestStands } from './fallback.ts'
import { type Reason, reasons } from './reasons.ts'
import { type HostRecord, outstanding, settledIn, type Verdict } from './record.ts'

export interface HostStatus {
  readonly status: Verdict
  readonly reason?: Reason
  readonly detail?: string
  /** The operator's next step, where there is one. */
  readonly next?: string
}

export function statusOf(
  record: HostRecord,
  revision: string | undefined,
  driver: DriverRules | undefined,
  policy: CandidatePolicy,
  now: number,
): HostStatus {
  if (record.state !== 'Up') return row('Unknown', 'HostNotUp', `${record.state}, ${record.resourceState}`)
  if (driver === undefined) return row('Unknown', 'NoDriver', `hypervisor ${record.hypervisor}`)
  const busy = outstanding(record, now)
  if (record.wanted > record.done || record.settled === undefined) {
    return unfinished(record, busy, requestStands(record, revision, policy, now))
  }
  if (revision === undefined || record.settled !== settledIn(revision, policy.mode)) {
    return busy ? row('OutOfSync', 'Updating') : row('OutOfSync', 'NewNetworks')
  }
  const age = now - (record.verifiedAt ?? 0)
  if (age > 3 * verificationInterval(driver, policy))
    return row('Unknown', 'Stale', `verified ${Math.round(age / 1000)} s ago`)
  return row(record.verdict ?? 'Unknown', record.verdict === 'InSync' ? undefined : record.reason, record.detail)
}

function unfinished(record: HostRecord, busy: boolean, requested: boolean): HostStatus {
  if (busy) return row('Unknown', 'Updating')
  if (requested) return row('Unknown', 'RequestedUnverified', requestedSays(record))
  if (record.failures > 0 && record.reason !== undefined) {
    return row('Unknown', record.reason, withFallback(record))
  }
  return row('Unknown', 'NotYetVerified')
}

/** A request that failed, or that is older than what is wanted now, is told beside the failure. */
const withFallback = (record: HostRecord): string | undefined =>
  [record.detail, notRequestedSays(record)].filter(Boolean).join('; ') || undefined

function row(status: Verdict, reason?: Reason, detail?: string): HostStatus {
  if (reason === undefined) return { status }
  return { status, reason, ...(detail === undefined ? {} : { detail }), next: reasons[reason].next }
}

export interface Counts {
  readonly hosts: number
  readonly inSync: number
  readonly outOfSync: number
  readonly unknown: number
  /** Not Up: counted apart, since nothing can be said or done about them. */
  readonly notUp: number
}

/** A roll-up is green only if every host that is Up is InSync. */
export const green = (counts: Counts): boolean => counts.outOfSync === 0 && counts.unknown === 0

/** @param acceptUnverified counts a request that proves nothing as fine. */
export function count(rows: readonly HostStatus[], acceptUnverified = false): Counts {
  const fine = (row: HostStatus): boolean =>
    row.status === 'InSync' || (acceptUnverified && row.reason === 'RequestedUnverified')
  const notUp = rows.filter((row) => row.reason === 'HostNotUp')
  const rest = rows.filter((row) => row.reason !== 'HostNotUp')
  return {
    hosts: rows.length,
    inSync: rest.filter(fine).length,
    outOfSync: rest.filter((row) => row.status === 'OutOfSync').length,
    unknown: rest.filter((row) => row.status === 'Unknown' && !fine(row)).length,
    notUp: notUp.length,
  }
}
