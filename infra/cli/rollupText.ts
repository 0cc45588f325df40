/**
 * Roll-ups for people: a table of zones and clusters where there are several, and how long hosts took to become ready.
 * Pure. In: roll-ups. Out: text, or nothing.
 */
import type { ReadySeconds, RollUp, RollUps } from '../../shared/reconcile/rollup.ts'
import { compareNames } from './order.ts'
import { printable } from './printable.ts'
import type { Look } from './statusText.ts'
import { type Column, table } from './table.ts'

const columns: readonly Column[] = [
  { title: 'ZONE', minimum: 6 },
  { title: 'CLUSTER', minimum: 36 },
  { title: 'STATUS', minimum: 9 },
  { title: 'HOSTS', minimum: 5 },
  { title: 'IN SYNC', minimum: 7 },
  { title: 'OUT OF SYNC', minimum: 11 },
  { title: 'UNKNOWN', minimum: 7 },
  { title: 'NOT UP', minimum: 6 },
  { title: 'UPDATING', minimum: 8, spare: 1 },
  { title: 'READY IN (P50, P95, MAX)', minimum: 24, spare: 2 },
]

const meanings = { InSync: 'good', OutOfSync: 'bad', Unknown: 'unsure' } as const

/** @param zoneName of a zone's id */
export function rollUpTable({ zones, clusters }: RollUps, zoneName: (id: string) => string, look: Look): string {
  if (clusters.length < 2) return ''
  const cells = (zone: string, cluster: string, { status, counts, timeToReadySeconds }: RollUp): readonly string[] => [
    printable(zoneName(zone)),
    printable(cluster),
    look.paint(meanings[status], status),
    ...[counts.hosts, counts.inSync, counts.outOfSync, counts.unknown, counts.notUp, counts.updating].map(String),
    timeToReadySeconds === undefined ? '' : percentiles(timeToReadySeconds),
  ]
  const ordered = zones.toSorted((a, b) => compareNames(zoneName(a.zone), zoneName(b.zone)))
  return table(
    columns,
    ordered.flatMap((zone) => [
      ...clusters
        .filter((cluster) => cluster.zone === zone.zone)
        .toSorted((a, b) => compareNames(a.cluster, b.cluster))
        .map((cluster) => cells(cluster.zone, cluster.cluster, cluster)),
      cells(zone.zone, '(all)', zone),
    ]),
    look.width,
  )
}

/** `ready in 4s (half of 20 hosts), 7s (95 %), 9s (all)` */
export function readyText({ cloud: { timeToReadySeconds } }: RollUps): string {
  if (timeToReadySeconds === undefined) return ''
  const { hosts, p50, p95, max } = timeToReadySeconds
  return `from Up to ready, of ${hosts === 1 ? '1 host' : `${hosts} hosts`}: ${p50}s (p50), ${p95}s (p95), ${max}s (max)`
}

const percentiles = ({ p50, p95, max }: ReadySeconds): string => `${p50}s, ${p95}s, ${max}s`
