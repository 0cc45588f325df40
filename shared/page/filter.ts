/**
 * Which hosts of a cloud a page shows, and in which order. Pure. In: the query of its address, rows. Out: the rows of one sheet, what is wrong
 * first, and how many there are. An unknown word in the query is passed over, so that an old address still shows something.
 */
import type { HostRow } from '../flow/status.ts'
import { verdicts } from '../reconcile/record.ts'

export interface Filter {
  readonly zone: string
  readonly status: string
  readonly reason: string
  /** In a host's name. */
  readonly host: string
  /** From 1 on. */
  readonly sheet: number
}

/** A browser shows so many at once without effort. */
export const rowsOfSheet = 500
const longest = 255

export function filterOf(query: URLSearchParams): Filter {
  const text = (name: string): string => (query.get(name) ?? '').slice(0, longest)
  const status = text('status')
  const sheet = /^\d{1,5}$/.test(text('sheet')) ? Number(text('sheet')) : 1
  return {
    ...{ zone: text('zone'), reason: text('reason'), host: text('host') },
    status: verdicts.some((verdict) => verdict === status) ? status : '',
    sheet: Math.max(1, sheet),
  }
}

export interface Sheet {
  readonly rows: readonly HostRow[]
  readonly found: number
  readonly sheets: number
  readonly sheet: number
}

const rank = ({ status, reason }: HostRow): number =>
  status === 'OutOfSync' ? 0 : status === 'InSync' ? 3 : reason === 'HostNotUp' ? 2 : 1

const byName = new Intl.Collator('en', { numeric: true }).compare

export function sheetOf(rows: readonly HostRow[], filter: Filter): Sheet {
  const wanted = filter.host.toLowerCase()
  const found = rows
    .filter(
      (row) =>
        (filter.zone === '' || row.zone === filter.zone) &&
        (filter.status === '' || row.status === filter.status) &&
        (filter.reason === '' || row.reason === filter.reason) &&
        row.record.name.toLowerCase().includes(wanted),
    )
    .toSorted((a, b) => rank(a) - rank(b) || byName(a.zone, b.zone) || byName(a.record.name, b.record.name))
  const sheets = Math.max(1, Math.ceil(found.length / rowsOfSheet))
  const sheet = Math.min(filter.sheet, sheets)
  return { rows: found.slice((sheet - 1) * rowsOfSheet, sheet * rowsOfSheet), found: found.length, sheets, sheet }
}
