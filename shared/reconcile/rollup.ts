/**
 * Many hosts as one line: of a cluster, a zone, the cloud. Pure. In: the rows of a status. Out: one roll-up each, with
 * how long hosts took from coming Up to being verified.
 *
 * | of the hosts that are Up                | the roll-up |
 * |-----------------------------------------|-------------|
 * | any is OutOfSync                        | OutOfSync   |
 * | else any is Unknown, whatever the reason | Unknown    |
 * | else                                    | InSync      |
 *
 * Hosts that are not Up are counted apart and change nothing; those being worked on are counted a second time, as
 * updating, since they are also OutOfSync or Unknown.
 */
import type { Verdict } from './record.ts'
import { type Counts, count, green, type HostStatus } from './status.ts'

/** What is needed of a row. */
export interface Row extends HostStatus {
  readonly record: {
    readonly zone: string
    readonly cluster: string
    readonly readySeconds?: number
  }
}

/** From the host's coming Up, or another edge, to its verification; of each host's last one. In seconds. */
export interface ReadySeconds {
  readonly hosts: number
  readonly p50: number
  readonly p95: number
  readonly max: number
}

export interface RollUp {
  readonly status: Verdict
  readonly counts: Counts & { readonly updating: number }
  /** Undefined: no host has become ready yet. */
  readonly timeToReadySeconds?: ReadySeconds
}

export interface RollUps {
  readonly cloud: RollUp
  readonly zones: readonly (RollUp & { readonly zone: string })[]
  readonly clusters: readonly (RollUp & { readonly zone: string; readonly cluster: string })[]
}

/** @param acceptUnverified counts a request that proves nothing as fine, as for `count`. */
export function rollUps(rows: readonly Row[], acceptUnverified: boolean): RollUps {
  const zones = Map.groupBy(rows, ({ record }) => record.zone)
  return {
    cloud: rollUp(rows, acceptUnverified),
    zones: [...zones].map(([zone, ofZone]) => ({ zone, ...rollUp(ofZone, acceptUnverified) })),
    clusters: [...zones].flatMap(([zone, ofZone]) =>
      [...Map.groupBy(ofZone, ({ record }) => record.cluster)].map(([cluster, ofCluster]) => ({
        zone,
        cluster,
        ...rollUp(ofCluster, acceptUnverified),
      })),
    ),
  }
}

export function rollUp(rows: readonly Row[], acceptUnverified: boolean): RollUp {
  const counts = count(rows, acceptUnverified)
  const updating = rows.filter(({ reason }) => reason === 'Updating').length
  const ready = readySeconds(rows)
  return {
    status: green(counts) ? 'InSync' : counts.outOfSync > 0 ? 'OutOfSync' : 'Unknown',
    counts: { ...counts, updating },
    ...(ready === undefined ? {} : { timeToReadySeconds: ready }),
  }
}

function readySeconds(rows: readonly Row[]): ReadySeconds | undefined {
  const sorted = rows
    .flatMap(({ record }) => (record.readySeconds === undefined ? [] : [record.readySeconds]))
    .sort((one, other) => one - other)
  const max = sorted.at(-1)
  if (max === undefined) return undefined
  const percentile = (percent: number): number => sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? max
  return { hosts: sorted.length, p50: percentile(50), p95: percentile(95), max }
}
