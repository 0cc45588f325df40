/**
 * The bad-read guard: a disappearance stops the line (DESIGN 5). Pure. In: what was known, what a complete listing shows,
 * what was refused before. Out: what is believed to be gone, or a refusal under which the last good set stays in force.
 * Status changes are never judged: 1,000 hosts Disconnected at once is news, not a bad read.
 *
 * | of what was known, the listing lacks                              | judged                               |
 * |-------------------------------------------------------------------|--------------------------------------|
 * | nothing                                                           | believed; any refusal is over        |
 * | at most max(3, the share), and not everything                     | believed                             |
 * | more                                                              | refused                              |
 * | more, the same as refused, for the 3rd time or later, ≥ 5 minutes | believed                             |
 * | more, the same as refused, but a tick between the two left nothing | refused, and counted anew            |
 * |   behind of what it saw                                           |                                      |
 * | more, the same as an operator released                            | believed                             |
 */
import { createHash } from 'node:crypto'

export interface Refusal {
  /** Of the absentees' names: it says whether they are the same as before. */
  readonly digest: string
  readonly absentees: number
  readonly known: number
  readonly since: number
  /** Complete listings in a row that lacked just these. */
  readonly times: number
  /** Set by an operator. */
  readonly released?: boolean
}

export type Judged =
  | { readonly gone: readonly string[]; readonly refusal?: undefined }
  | { readonly gone: readonly []; readonly refusal: Refusal }

const few = 3
const timesToBelieve = 3
const timeToBelieve = 5 * 60_000

/**
 * What was refused before, for a listing that does not follow on that one: somebody who did not live to say so may have seen the
 * absentees in between. An operator's word for them stands.
 */
export const interrupted = (refusal: Refusal, now: number): Refusal => ({ ...refusal, times: 0, since: now })

/** @param percent of what was known that may disappear at once */
export function judgeAbsent(
  known: readonly string[],
  seen: ReadonlySet<string>,
  percent: number,
  before: Refusal | undefined,
  now: number,
): Judged {
  const absent = known.filter((name) => !seen.has(name)).sort()
  const bearable = Math.max(few, Math.floor((known.length * percent) / 100))
  const everything = absent.length === known.length && known.length > 0
  if (absent.length <= bearable && !everything) return { gone: absent }

  const digest = createHash('sha256').update(JSON.stringify(absent)).digest('hex')
  const same = before?.digest === digest ? before : undefined
  const times = (same?.times ?? 0) + 1
  const since = same?.since ?? now
  const lasted = times >= timesToBelieve && now - since >= timeToBelieve
  if (lasted || same?.released === true) return { gone: absent }
  return { gone: [], refusal: { digest, absentees: absent.length, known: known.length, since, times } }
}
