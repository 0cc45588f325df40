/**
 * How fast CloudStack is asked (DESIGN 21), pure. In: a rate, a burst, and up to when requests are paid for. Out: what the
 * next ones cost and when they may go, so that in any window of w seconds all functions together send at most
 * rate × w + burst requests.
 *
 * One time stamp is shared, `paidUntil`. Who pays for n requests moves it on by n intervals, and each of them has a slot
 * one interval long before it. The burst is spent on three things:
 *
 * | part of the burst | what it allows                                                                           |
 * |-------------------|------------------------------------------------------------------------------------------|
 * | a quarter         | a tick holds so many requests that are paid for, as long as its lease; ticks never overlap |
 * | a quarter         | another request goes up to so many intervals after its slot; later, it is paid for anew  |
 * | the rest          | a request goes up to so many intervals before its slot: what comes at once goes at once  |
 */

export interface RatePolicy {
  /** Milliseconds between requests, on average. */
  readonly interval: number
  /** Requests that are paid for in one write, at most. */
  readonly ahead: number
  /** Milliseconds after its slot in which a request may still go. */
  readonly late: number
  /** Milliseconds before its slot at which a request may already go. */
  readonly early: number
}

/** @param rate requests a second @param burst requests, 4 at least */
export function ratePolicyOf(rate: number, burst: number): RatePolicy {
  const interval = 1000 / rate
  const quarter = Math.floor(burst / 4)
  return { interval, ahead: quarter, late: quarter * interval, early: (burst - 2 * quarter - 1) * interval }
}

/** Milliseconds that a request waits at most; a tick waits longer than others, so that they never crowd it out. */
export const patience = { tick: 40_000, others: 20_000 } as const

/** Beyond this nobody pays, so a `paidUntil` there is of a clock that was wrong, and counts as none. */
const impossible = 600_000

/** As a write has it: the store takes the one that is true of its `paidUntil`, for nobody knows it before. */
export interface Payment {
  /** Of all the requests, in whole milliseconds. */
  readonly cost: number
  readonly now: number
  /** Nobody pays who would have to wait longer. */
  readonly until: number
  /** Later than this is impossible. */
  readonly impossible: number
}

export const payment = (policy: RatePolicy, requests: number, wait: number, now: number): Payment => ({
  cost: Math.ceil(requests * policy.interval),
  now,
  until: now + policy.early + wait,
  impossible: now + policy.early + impossible,
})

/**
 * | paid until              | the payment                              |
 * |-------------------------|------------------------------------------|
 * | never, now or before    | begins now                               |
 * | later                   | is added                                 |
 * | later than anyone waits | refused                                  |
 * | impossibly late         | begins now                               |
 */
export function paymentSays(paidUntil: number | undefined, { now, until, impossible }: Payment): 'now' | 'add' | 'no' {
  if (paidUntil === undefined || paidUntil <= now || paidUntil > impossible) return 'now'
  return paidUntil <= until ? 'add' : 'no'
}

/** What was paid for: `left` requests, the next of which has its slot at `slot`. */
export interface Ticket {
  readonly left: number
  readonly slot: number
}

export const noTicket: Ticket = { left: 0, slot: 0 }

/** @param paidUntil as the payment for these requests left it */
export const ticketOf = (requests: number, { cost }: Payment, paidUntil: number): Ticket => ({
  left: requests,
  slot: paidUntil - cost,
})

/** When the ticket's next request may go. */
export const goesAt = ({ early }: RatePolicy, { slot }: Ticket): number => slot - early

/** @param leaseUntil of the tick that paid, which may send when it likes until then */
export const isValid = (
  { late }: RatePolicy,
  { left, slot }: Ticket,
  now: number,
  leaseUntil: number | undefined,
): boolean => left > 0 && (leaseUntil === undefined ? now <= slot + late : now < leaseUntil)

export const spent = ({ interval }: RatePolicy, { left, slot }: Ticket): Ticket => ({
  left: left - 1,
  slot: slot + interval,
})
