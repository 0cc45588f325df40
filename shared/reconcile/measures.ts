/**
 * What a snapshot's records say in numbers. Pure. In: records with the revision that each should be settled in, policy, the time. Out: values of
 * runtime/metrics.ts, one pass over the records.
 */
import type { CandidatePolicy, DriverRules } from './candidates.ts'
import type { HostRecord } from './record.ts'
import { count, statusOf } from './status.ts'

export interface Measured {
  readonly hostsInSync: number
  readonly hostsOutOfSync: number
  readonly hostsUnknown: number
  readonly hostsNotUp: number
  readonly failingShare: number
  readonly longestWait: number
}

export interface Seen {
  readonly record: HostRecord
  readonly revision: string | undefined
}

type MeasuringPolicy = CandidatePolicy & {
  readonly driverOf: (hypervisor: string) => DriverRules | undefined
}

export function measure(seen: readonly Seen[], policy: MeasuringPolicy, now: number): Measured {
  const there = seen.filter(({ record }) => record.state !== 'Removed')
  const rows = there.map(({ record, revision }) =>
    statusOf(record, revision, policy.driverOf(record.hypervisor), policy, now),
  )
  const { inSync, outOfSync, unknown, notUp } = count(rows)
  const up = there.filter(({ record }) => record.state === 'Up')
  const failing = up.filter(({ record }) => record.failures > 0).length
  const waiting = up.flatMap(({ record }) => (record.wanted > record.tried ? [record.edgeAt ?? now] : []))
  return {
    ...{ hostsInSync: inSync, hostsOutOfSync: outOfSync, hostsUnknown: unknown, hostsNotUp: notUp },
    failingShare: up.length === 0 ? 0 : Math.round((1000 * failing) / up.length) / 10,
    longestWait: Math.round((now - waiting.reduce((first, at) => Math.min(first, at), now)) / 1000),
  }
}
