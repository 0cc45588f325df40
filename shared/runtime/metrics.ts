/**
 * What is measured, in one table, and where it goes. In: a cloud and values by name. Out: on Lambda a line of CloudWatch's Embedded Metric Format
 * (emf.ts); with `npm start` a register for Prometheus. Values are of what the functions know anyway: measuring reads and writes nothing.
 *
 * - a level is what is so at the moment; of several in a time the highest or the last one counts
 * - a count is added up
 * - times are each one's own, of which percentiles are made
 */

interface Metric {
  readonly kind: 'level' | 'count' | 'times'
  readonly unit: 'Count' | 'Percent' | 'Seconds' | 'Milliseconds' | 'None'
  /** For people: what it is of, and who says it. */
  readonly says: string
}

const level = (says: string, unit: Metric['unit'] = 'Count') => ({ kind: 'level', unit, says }) as const
const sum = (says: string, unit: Metric['unit'] = 'Count') => ({ kind: 'count', unit, says }) as const
const times = (says: string, unit: Metric['unit'] = 'Seconds') => ({ kind: 'times', unit, says }) as const

export const metrics = {
  goodSnapshots: sum('snapshots that saw everything: the schedule’s and those that somebody asked for'),
  snapshotAge: level('how old the last good snapshot was when the next one ended, good or not', 'Seconds'),
  refusals: level('what a snapshot did not believe: hosts, networks or both gone all at once'),
  breakerOpen: level('1 while CloudStack answers nothing and is left alone'),
  cloudstackRequests: sum('requests of snapshots to CloudStack'),
  hostsInSync: level('hosts whose networks are all there, as status says'),
  hostsOutOfSync: level('hosts that lack something'),
  hostsUnknown: level('hosts of which it is not known'),
  hostsNotUp: level('hosts that CloudStack does not call Up'),
  failingShare: level('of the hosts that are Up, those whose last run failed', 'Percent'),
  hostsDue: level('hosts that a snapshot found due'),
  longestWait: level(
    'of the hosts that nobody has tried since their last edge, how long the first has waited',
    'Seconds',
  ),
  heldCauses: level('causes that a zone is held for, as its diff left them'),
  runs: sum('runs on hosts that ended with a report'),
  failedRuns: sum('those that failed'),
  crashedRuns: sum('runs that ended without a report'),
  timeToReady: times('from a host’s edge to its first verified run'),
  certificateDays: level('until the certificate for agents ends; 0 where none is kept or it cannot be used', 'None'),
} as const satisfies Readonly<Record<string, Metric>>

export type MetricName = keyof typeof metrics
export type Values = Readonly<Partial<Record<MetricName, number>>>

export interface Metrics {
  record(cloud: string, values: Values): void
}

export const unmeasured: Metrics = { record() {} }
