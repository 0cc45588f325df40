/**
 * The history for people: the last lines of a host, or of what operators did. Pure. In: lines, newest first. Out: a table.
 */
import type { PlacedLine } from '../../shared/flow/history.ts'
import type { HistoryLine } from '../../shared/store/items.ts'
import { ago } from './duration.ts'
import { oneLine } from './printable.ts'
import type { Look } from './statusText.ts'
import { type Column, table } from './table.ts'

const columns: readonly Column[] = [
  { title: 'WHEN', minimum: 7 },
  { title: 'WHAT', minimum: 8 },
  { title: 'RESULT', minimum: 9 },
  { title: 'REASON', minimum: 14 },
  { title: 'CREATED', minimum: 7, spare: 1 },
  { title: 'BY', minimum: 8, spare: 2 },
  { title: 'DETAIL', minimum: 12 },
]

/** Of the cloud and its zones: each line says where. */
export const placedHistoryTable = (title: string, lines: readonly PlacedLine[], look: Look): string =>
  historyTable(
    title,
    lines.map(({ zone, line }) => ({
      ...line,
      detail: [zone === undefined ? 'the whole cloud' : `zone ${zone.name}`, line.detail].filter(Boolean).join(': '),
    })),
    look,
  )

export const historyTable = (title: string, lines: readonly HistoryLine[], look: Look): string =>
  lines.length === 0
    ? ''
    : `${oneLine(title)}\n${table(
        columns,
        lines.map(({ at, what, verdict, reason, created, by, why, detail }) => [
          ago(at, look.now),
          what,
          verdict ?? '',
          reason ?? '',
          created === undefined ? '' : String(created),
          by === undefined ? '' : oneLine(by),
          [detail, why].flatMap((text) => (text === undefined ? [] : [oneLine(text)])).join(' · '),
        ]),
        look.width,
      )}`
