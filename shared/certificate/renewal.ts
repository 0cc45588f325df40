/**
 * When a certificate is renewed, and how it stands. In: from when to when it is valid, how many days before its end it is to be
 * renewed, if that is set, and now. Out: a decision. Pure.
 *
 * | now                                                         | it is   |
 * |-------------------------------------------------------------|---------|
 * | before two thirds of its life, or before so many days to its end | fine |
 * | from then on                                                | due     |
 * | after its end                                               | ended   |
 *
 * Half of its life passes in any case: more days than it lasts would renew it every day.
 */
export const standings = ['fine', 'due', 'ended'] as const

export interface Standing {
  readonly is: (typeof standings)[number]
  readonly renewAt: number
  /** Whole days until its end; less than 0 after it. */
  readonly daysLeft: number
}

const day = 24 * 60 * 60_000

/** @param days before its end; two thirds of its life count unless given */
export function standingOf(
  { from, to }: { readonly from: number; readonly to: number },
  days: number | undefined,
  now: number,
): Standing {
  const life = Math.max(0, to - from)
  const renewAt = days === undefined ? from + (life * 2) / 3 : Math.max(from + life / 2, to - days * day)
  return {
    is: now >= to ? 'ended' : now >= renewAt ? 'due' : 'fine',
    renewAt: Math.round(renewAt),
    daysLeft: Math.floor((to - now) / day),
  }
}

/** What housekeeping last wrote down of it: when it looked, and what it saw. */
export interface LastSeen {
  readonly at: number
  readonly to?: number | undefined
  readonly renewAt?: number | undefined
  readonly failure?: string | undefined
}

export const problems = ['ended', 'not renewed', 'not looked at'] as const
export interface Problem {
  readonly is: (typeof problems)[number]
  /** When it ends, where that is known. */
  readonly to?: number
  readonly lookedAt: number
  readonly failure?: string
}

/** Housekeeping comes once a day. */
const overlooked = 2 * day

/** What somebody should hear of it, the gravest first; nothing while it is fine. Pure. */
export function problemOf({ at, to, renewAt, failure }: LastSeen, now: number): Problem | undefined {
  const told = { lookedAt: at, ...(to === undefined ? {} : { to }), ...(failure === undefined ? {} : { failure }) }
  if (to !== undefined && now >= to) return { is: 'ended', ...told }
  if (failure !== undefined) return { is: 'not renewed', ...told }
  if (now - at > overlooked && renewAt !== undefined && now >= renewAt) return { is: 'not renewed', ...told }
  return now - at > overlooked ? { is: 'not looked at', ...told } : undefined
}

/** What a renewal asks for: as long as the last one was, which CloudStack begins half a day before it issues it. */
export const daysOf = ({ from, to }: { readonly from: number; readonly to: number }): number =>
  Math.max(fewestDays, Math.floor((to - from) / day))

/** A third of it is a day, and housekeeping comes once a day. */
export const fewestDays = 3
