/**
 * A whole listing out of pages that may shift while they are read. In: a function that reads one page. Out: every row
 * once, or IncompleteListing. A listing that changed between its pages is read again, a few times.
 */
import { IncompleteListing } from './errors.ts'

/** `count` is of all pages. An empty listing is `{}`, and a page past the end has a count and no rows (FACTS F1). */
export interface Page<Row> {
  readonly count: number
  readonly rows: readonly Row[]
}

/** @param page from 1 */
export type ReadPage<Row> = (page: number) => Promise<Page<Row>>

const readings = 4

/** Ten times what the largest clouds have: a count beyond it is no count. */
const mostRows = 100_000

/**
 * Rows are told apart by id. CloudStack concatenates lists, so a row may be repeated for good: a listing whose count
 * includes repeats is believed when two readings saw the same ids.
 * @param size rows on a full page
 * @throws IncompleteListing when no reading held still
 */
export async function readAll<Row extends { readonly id: string }>(
  command: string,
  size: number,
  readPage: ReadPage<Row>,
): Promise<readonly Row[]> {
  let before: ReadonlyMap<string, Row> | undefined
  let seen = 'no reading held still'
  for (let reading = 0; reading < readings; reading += 1) {
    const { count, rows, steady } = await readOnce(size, readPage)
    const byId = new Map(rows.map((row) => [row.id, row]))
    seen = `${byId.size} of ${count} rows`
    if (!steady) continue
    if (byId.size === count || (before !== undefined && sameKeys(before, byId))) return [...byId.values()]
    before = byId
  }
  throw new IncompleteListing(
    `${command} was not complete in ${readings} readings (${seen}); it is read again next time`,
  )
}

interface Reading<Row> {
  readonly count: number
  readonly rows: readonly Row[]
  /** Every page told the same count, and as many rows came as it says. */
  readonly steady: boolean
}

async function readOnce<Row>(size: number, readPage: ReadPage<Row>): Promise<Reading<Row>> {
  const first = await readPage(1)
  const rows = [...first.rows]
  if (first.count > mostRows) return { count: first.count, rows, steady: false }
  for (let page = 2; page <= Math.ceil(first.count / size); page += 1) {
    const next = await readPage(page)
    rows.push(...next.rows)
    if (next.count !== first.count || next.rows.length === 0) return { count: next.count, rows, steady: false }
  }
  return { count: first.count, rows, steady: rows.length === first.count }
}

const sameKeys = (one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): boolean =>
  one.size === other.size && [...one.keys()].every((key) => other.has(key))
