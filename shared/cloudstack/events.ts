/**
 * Has anything happened that can change the desired set? In: the newest events and a cursor. Out: yes or no, and the next
 * cursor. Pure. Saying yes too often costs a listing; saying no too often is made good by the ten-minute one.
 *
 * | The page                                             | changed                                             |
 * |------------------------------------------------------|-----------------------------------------------------|
 * | no cursor, or one that cannot be read                | yes                                                 |
 * | does not reach back to the window's start, or is not | yes                                                 |
 * | newest first, so it cannot tell what it cuts off     |                                                     |
 * | an event of a telling type in the window, not seen   | yes                                                 |
 * | otherwise                                            | no                                                  |
 *
 * The window begins a little before the newest event of the last call, because several events share a second, are
 * committed late, and are stamped by management servers whose clocks differ. The ids seen in it are in the cursor, so
 * that none is lost and none counts twice.
 */
import * as z from 'zod/mini'
import type { EventRow } from './answers.ts'
import type { Page } from './paging.ts'

/** How late an event may appear behind a newer one. */
const latenessMs = 2 * 60_000
const dayMs = 24 * 3_600_000

/** Types that can add, change or take away a network, its label or its URI (FACTS F3); deleting an owner deletes networks. */
const telling =
  /^(NETWORK\.|PHYSICAL\.NETWORK\.|TRAFFIC\.TYPE\.|ZONE\.|VPC\.|ACCOUNT\.DELETE|DOMAIN\.DELETE|PROJECT\.DELETE)/

/** @param type as an event has it, for example NETWORK.CREATE */
export const tellsOfNetworks = (type: string): boolean => telling.test(type)

const cursorSchema = z.object({
  v: z.literal(1),
  /** When the newest event was created, in milliseconds since the epoch. */
  newest: z.number(),
  /** The telling events in the window before it, by the beginnings of their ids. */
  seen: z.array(z.string()),
})
export type EventCursor = z.infer<typeof cursorSchema>

/** @returns undefined where the text is no cursor of this version */
export function parseCursor(text: string | undefined): EventCursor | undefined {
  if (text === undefined) return undefined
  try {
    return cursorSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/**
 * The day from which events are asked for. It only spares the server a count over all its events: it lies a day before
 * the window, so that it is right in whatever time zone the server reads it. The window is cut here, by `created`.
 */
export function startDate(cursor: EventCursor | undefined, now: number): string {
  return new Date((cursor?.newest ?? now) - dayMs).toISOString().slice(0, 10)
}

export interface Judgement {
  readonly changed: boolean
  readonly cursor: EventCursor
}

/** @param page the first page, newest first as far as the server keeps to it */
export function judge(cursor: EventCursor | undefined, page: Page<EventRow>, now: number): Judgement {
  const newest = page.rows.reduce((latest, { created }) => Math.max(latest, created), cursor?.newest ?? now - dayMs)
  const next: EventCursor = { v: 1, newest, seen: tellingSince(newest - latenessMs, page.rows).map(shortId) }
  if (cursor === undefined) return { changed: true, cursor: next }
  const windowStart = cursor.newest - latenessMs
  const seen = new Set(cursor.seen)
  const unseen = tellingSince(windowStart, page.rows).some((event) => !seen.has(shortId(event)))
  return { changed: unseen || !reachesBackTo(windowStart, page), cursor: next }
}

const tellingSince = (start: number, rows: readonly EventRow[]): readonly EventRow[] =>
  rows.filter(({ type, created }) => created >= start && tellsOfNetworks(type))

/** Twelve hexadecimal digits: enough to tell a few hundred apart, short enough to be stored. */
const shortId = ({ id }: EventRow): string => id.slice(0, 13)

function reachesBackTo(start: number, { count, rows }: Page<EventRow>): boolean {
  if (rows.length >= count) return true
  const newestFirst = rows.every(({ created }, index) => created <= (rows[index - 1]?.created ?? created))
  const oldest = rows.at(-1)
  return newestFirst && oldest !== undefined && oldest.created < start
}
