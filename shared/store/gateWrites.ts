/**
 * The conditional writes by which all functions together keep one rate against CloudStack, and leave it alone together
 * (reconcile/rate.ts, reconcile/breaker.ts), as data like those of writes.ts. They touch no attribute of the lease, nor it theirs.
 *
 * | write        | holds only if                                                                              |
 * |--------------|--------------------------------------------------------------------------------------------|
 * | pay          | paid until then as was read, and CloudStack is not left alone; or it is my turn to try     |
 * | noAnswerCame | –                                                                                          |
 * | leaveAlone   | it is not left alone, or is by my own doing                                                |
 * | askedToWait  | it is not left alone for as long                                                           |
 * | answered     | nothing was counted since I read                                                           |
 */
import { breaker, type Health } from '../reconcile/breaker.ts'
import type { Payment } from '../reconcile/rate.ts'
import { controlKey, itemVersion } from './items.ts'
import type { Condition, Write } from './store.ts'

const v = itemVersion
const equals = (attribute: string, value: number): Condition => ({ attribute, is: '=', value })
const absentOr = (attribute: string, is: '<' | '<=', value: number): Condition => ({
  any: [{ absent: attribute }, { attribute, is, value }],
})

/** A payment for requests to CloudStack, as what was read of `paidUntil` has it (reconcile/rate.ts). */
export interface Paying {
  readonly payment: Payment
  readonly how: 'now' | 'add'
  /** The one request that tries whether CloudStack answers again: nobody moved the time on since it was read. */
  readonly trial?: { readonly asRead: number; readonly until: number }
}

/** The store judges what it has: a payment that was decided on an older `paidUntil` is refused, and decided anew. */
export function pay(cloud: string, { payment, how, trial }: Paying): Write {
  const { cost, now, until, impossible } = payment
  const paidUntil = (is: '<=' | '>', value: number): Condition => ({ attribute: 'paidUntil', is, value })
  const unpaid: Condition = { any: [absentOr('paidUntil', '<=', now), paidUntil('>', impossible)] }
  const open: Condition = { attribute: 'noAnswers', is: '>=', value: breaker.failures }
  const few: Condition = absentOr('noAnswers', '<', breaker.failures)
  const well: Condition = {
    any: [{ absent: 'leftAloneUntil' }, { all: [few, { attribute: 'leftAloneUntil', is: '<=', value: now }] }],
  }
  return {
    key: controlKey(cloud),
    set: {
      ...(how === 'now' ? { paidUntil: now + cost } : {}),
      ...(trial === undefined ? {} : { leftAloneUntil: trial.until }),
    },
    first: { v },
    ...(how === 'add' ? { add: { paidUntil: cost } } : {}),
    when: {
      all: [
        how === 'now' ? unpaid : { all: [paidUntil('>', now), paidUntil('<=', until)] },
        trial === undefined ? well : { all: [open, equals('leftAloneUntil', trial.asRead)] },
      ],
    },
  }
}

/** @param why in words, without secrets */
export const noAnswerCame = (cloud: string, why: string, now: number): Write => ({
  key: controlKey(cloud),
  set: { noAnswer: why.slice(0, 300) },
  first: { v, noAnswerSince: now },
  add: { noAnswers: 1 },
})

/** Unless somebody else has moved the time on. @param asRead of `leftAloneUntil`, which the one that tried moves on */
export const leaveAlone = (cloud: string, until: number, now: number, asRead: number | undefined): Write => ({
  key: controlKey(cloud),
  set: { leftAloneUntil: until },
  when: {
    any: [absentOr('leftAloneUntil', '<=', now), ...(asRead === undefined ? [] : [equals('leftAloneUntil', asRead)])],
  },
})

/** CloudStack's own wish: it only makes the time longer. */
export const askedToWait = (cloud: string, until: number): Write => ({
  key: controlKey(cloud),
  set: { leftAloneUntil: until },
  first: { v },
  when: absentOr('leftAloneUntil', '<', until),
})

/** Only while nobody had another failure since: an answer says nothing of what came after its request. */
export const answered = (cloud: string, { noAnswers, leftAloneUntil }: Health): Write => ({
  key: controlKey(cloud),
  remove: ['noAnswers', 'noAnswerSince', 'noAnswer', 'leftAloneUntil'],
  when: {
    all: [
      equals('noAnswers', noAnswers),
      leftAloneUntil === undefined ? { absent: 'leftAloneUntil' } : equals('leftAloneUntil', leftAloneUntil),
    ],
  },
})
