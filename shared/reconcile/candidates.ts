/**
 * Each host of a zone with whether a driver can serve it and why it is due: what `select` chooses from. In: records,
 * the current revision of each hypervisor, the rules of the driver of each hypervisor. Out: candidates.
 */
import { type DuePolicy, due } from './due.ts'
import { fallbackDue, isFallbacksTurn } from './fallback.ts'
import type { HostRecord } from './record.ts'
import type { Candidate } from './select.ts'

/** What matters here of a driver; registry.ts has it. */
export interface DriverRules {
  readonly verifies: boolean
  readonly needsEnabled: boolean
  readonly keepsItself: boolean
}

export interface CandidatePolicy extends DuePolicy {
  /** How long a request that proves nothing (verifies: false) stands before it is made again. */
  readonly repeatMilliseconds: number
  /** How often a host that keeps itself is verified. */
  readonly agentVerifyMilliseconds: number
}

/** Up, with a driver, and Enabled where the driver needs that (DESIGN 22). */
export const eligible = (record: HostRecord, driver: DriverRules | undefined): boolean =>
  driver !== undefined && record.state === 'Up' && (!driver.needsEnabled || record.resourceState === 'Enabled')

/** How often a host is looked at again; more seldom where it keeps itself, or where a request proves nothing. */
export function verificationInterval(driver: DriverRules, policy: CandidatePolicy): number {
  if (!driver.verifies) return policy.repeatMilliseconds
  return driver.keepsItself ? policy.agentVerifyMilliseconds : policy.verifyMilliseconds
}

/** By hypervisor: the hosts' own driver, and where there is a chain, the one to fall back to. */
export interface Chains {
  readonly driverOf: (hypervisor: string) => DriverRules | undefined
  readonly fallbackOf: (hypervisor: string) => DriverRules | undefined
}

export function candidates(
  records: readonly HostRecord[],
  revisions: ReadonlyMap<string, string>,
  { driverOf, fallbackOf }: Chains,
  policy: CandidatePolicy,
  now: number,
): readonly Candidate[] {
  return records.map((record) => {
    const driver = driverOf(record.hypervisor)
    const may = eligible(record, driver)
    const verifyMilliseconds = driver === undefined ? policy.verifyMilliseconds : verificationInterval(driver, policy)
    const revision = revisions.get(record.hypervisor)
    const own = due(record, revision, may, { ...policy, verifyMilliseconds }, now)
    const fallback = fallbackDue(record, revision, eligible(record, fallbackOf(record.hypervisor)), policy, now)
    return { record, eligible: may, why: isFallbacksTurn(record, fallback) ? undefined : own, fallback }
  })
}
