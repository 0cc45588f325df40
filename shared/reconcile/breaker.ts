/**
 * Leaving CloudStack alone, pure (DESIGN 21). In: how many requests in a row got no answer, since when, and until when it
 * is to be left alone. Out: whether a request may go. All functions share these numbers.
 *
 * | requests without answer | left alone until | a request                                                        |
 * |-------------------------|------------------|------------------------------------------------------------------|
 * | fewer than the limit    | never, or before | goes                                                             |
 * | fewer than the limit    | later            | waits: CloudStack asked for it (Retry-After)                     |
 * | the limit or more       | later            | is refused                                                       |
 * | the limit or more       | before           | goes, if it is the one that tries: whoever moves the time on     |
 */

export const breaker = {
  failures: 5,
  /** From the first failure that opens it; then as long again as CloudStack has been silent, within these bounds. */
  shortest: 5_000,
  longest: 300_000,
  /** Nobody else tries while one request does, which may take a minute to fail. */
  trial: 90_000,
} as const

export interface Health {
  /** Requests without an answer, in a row, and since when. */
  readonly noAnswers: number
  readonly noAnswerSince?: number
  /** What became of the last one. */
  readonly noAnswer?: string
  /** Nothing is asked before. */
  readonly leftAloneUntil?: number
}

export const isOpen = ({ noAnswers }: Pick<Health, 'noAnswers'>): boolean => noAnswers >= breaker.failures

export function healthSays(health: Health, now: number): 'go' | 'try' | 'wait' | 'no' {
  const { leftAloneUntil } = health
  if (leftAloneUntil === undefined) return 'go'
  if (leftAloneUntil > now) return isOpen(health) ? 'no' : 'wait'
  return isOpen(health) ? 'try' : 'go'
}

/** Until when CloudStack is left alone after one more failure; undefined while it is not. */
export function leaveAloneUntil(health: Health, now: number): number | undefined {
  if (!isOpen(health)) return undefined
  const silent = now - (health.noAnswerSince ?? now)
  return now + Math.min(breaker.longest, Math.max(breaker.shortest, silent))
}
