/**
 * How the server pages its lists, traps included (API-BEHAVIOUR, Paging). In: rows and the request's parameters. Out: the
 * answer with the true count and at most one page. Rows are made for the page only.
 */
import { invalid, Refusal } from './refusal.ts'

export type Parameters = ReadonlyMap<string, string>

export type Answer = Readonly<Record<string, unknown>>

const largestPage = 500

export interface Listing<Row> {
  readonly command: string
  /** The key of the rows in the answer. */
  readonly name: string
  readonly rows: readonly Row[]
  readonly render: (row: Row) => Answer
  /** `pagesize=0` answers the count alone for hosts and zones, and everything for the others. */
  readonly countAlone?: boolean
}

/** @throws Refusal 431 */
export function pageOf<Row>(listing: Listing<Row>, parameters: Parameters): Answer {
  const { command, name, rows, render } = listing
  const { skip, take } = window(command, parameters, listing.countAlone ?? false)
  if (rows.length === 0) return {}
  const shown = rows.slice(skip, skip + take).map(render)
  return shown.length === 0 ? { count: rows.length } : { count: rows.length, [name]: shown }
}

function window(command: string, parameters: Parameters, countAlone: boolean): { skip: number; take: number } {
  const page = integer(command, parameters, 'page')
  const size = integer(command, parameters, 'pagesize')
  if (size !== undefined && size > largestPage) {
    throw new Refusal(431, `Page size can't exceed max allowed page size value: ${largestPage}`, 4350)
  }
  if (size === -1) {
    if (page === undefined) return { skip: 0, take: Number.POSITIVE_INFINITY }
    throw new Refusal(431, "Can't specify page parameter when pagesize is -1 (Unlimited)", 4350)
  }
  if (page === undefined && size === undefined) return { skip: 0, take: largestPage }
  if (size === undefined) throw new Refusal(431, '"pagesize" parameter is required when "page" is specified')
  if (page === undefined) throw new Refusal(431, '"page" parameter is required when "pagesize" is specified')
  if (size === 0) return { skip: 0, take: countAlone ? 0 : Number.POSITIVE_INFINITY }
  return { skip: (Math.max(page, 1) - 1) * size, take: size }
}

function integer(command: string, parameters: Parameters, name: string): number | undefined {
  const text = parameters.get(name)
  if (text === undefined) return undefined
  if (!/^-?\d{1,9}$/.test(text)) throw invalid(command, name, text)
  return Number(text)
}
