/**
 * What runs noticed beside the networks themselves: devices of ours that no network needs any more, and what would stand
 * in the way of networks to come; and what was only requested. Pure. In: rows. Out: tables, or nothing where there is nothing to tell.
 */
import type { HostRow } from '../../shared/flow/status.ts'
import { oneLine, printable } from './printable.ts'
import type { Look } from './statusText.ts'
import { type Column, table } from './table.ts'

/** As many lines as a screen holds; the JSON has them all. */
const shown = 20

const orphanColumns: readonly Column[] = [
  { title: 'ZONE', minimum: 6, spare: 1 },
  { title: 'HOST', minimum: 8 },
  { title: 'LEFT BEHIND', minimum: 14 },
  { title: 'URI', minimum: 10 },
  { title: 'KEPT BECAUSE', minimum: 14 },
]

export function orphanTable(rows: readonly HostRow[], look: Look): string {
  const lines = rows.flatMap((row) =>
    (row.record.orphans ?? []).map(({ devices, uri = '', kept = '' }) => [
      printable(row.zone),
      printable(row.record.name),
      printable(devices.join(', ')),
      printable(uri),
      oneLine(kept),
    ]),
  )
  return bounded(orphanColumns, lines, look)
}

const readinessColumns: readonly Column[] = [
  { title: 'ZONE', minimum: 6, spare: 1 },
  { title: 'HOST', minimum: 8 },
  { title: 'NOT READY', minimum: 14 },
  { title: 'DETAIL', minimum: 14 },
]

/** What only says how a host is (Noted) stands in the JSON. */
export function readinessTable(rows: readonly HostRow[], look: Look): string {
  const lines = rows.flatMap((row) =>
    (row.record.readiness ?? [])
      .filter(({ reason }) => reason !== 'Noted')
      .map(({ reason, detail }) => [printable(row.zone), printable(row.record.name), reason, oneLine(detail)]),
  )
  return bounded(readinessColumns, lines, look)
}

const requestColumns: readonly Column[] = [
  { title: 'ZONE', minimum: 6, spare: 1 },
  { title: 'HOST', minimum: 8 },
  { title: 'REQUESTED, NOT VERIFIED', minimum: 24 },
]

/** That an updateHost was answered is how it is with every host of a driver that only asks. */
const isNews = ({ unreachedSince, request }: HostRow['record']): boolean =>
  unreachedSince !== undefined || request?.answered === false || request?.note !== undefined

/** Hosts of which nothing more is known than that CloudStack was asked, and how that came. */
export function requestTable(rows: readonly HostRow[], look: Look): string {
  const lines = rows.flatMap(({ zone, reason, detail, record }) =>
    reason === 'RequestedUnverified' && detail !== undefined && isNews(record)
      ? [[printable(zone), printable(record.name), oneLine(detail)]]
      : [],
  )
  return bounded(requestColumns, lines, look)
}

function bounded(columns: readonly Column[], lines: readonly (readonly string[])[], look: Look): string {
  if (lines.length === 0) return ''
  const more = lines.length > shown ? `\n… and ${lines.length - shown} more: see -o json` : ''
  return `${table(columns, lines.slice(0, shown), look.width)}${more}`
}
