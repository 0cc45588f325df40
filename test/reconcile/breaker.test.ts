import { describe, expect, it } from 'vitest'
import { breaker, healthSays, leaveAloneUntil } from '../../shared/reconcile/breaker.ts'

const limit = breaker.failures

describe('whether CloudStack may be asked', () => {
  it.each([
    ['nothing failed', 0, undefined, 'go'],
    ['a few failed', limit - 1, undefined, 'go'],
    ['it asked for silence, which is over', 0, 1_000, 'go'],
    ['it asked for silence', 0, 1_001, 'wait'],
    ['a few failed and it asked for silence', limit - 1, 1_001, 'wait'],
    ['too many failed', limit, 1_001, 'no'],
    ['too many failed, long enough ago', limit, 1_000, 'try'],
    ['whoever counted the last one was killed before it could say until when', limit, undefined, 'go'],
  ] as const)('when %s: %i in a row, until %s: %s', (_told, noAnswers, leftAloneUntil, says) => {
    expect(healthSays({ noAnswers, ...(leftAloneUntil && { leftAloneUntil }) }, 1_000)).toBe(says)
  })
})

describe('how long CloudStack is left alone', () => {
  it('not at all before the limit', () => {
    expect(leaveAloneUntil({ noAnswers: limit - 1, noAnswerSince: 0 }, 1_000)).toBeUndefined()
  })

  it('as long again as it has been silent, and each time longer, within bounds', () => {
    const waits: number[] = []
    let now = 0
    for (let tries = 0; tries < 10; tries++) {
      const until = leaveAloneUntil({ noAnswers: limit + tries, noAnswerSince: 0 }, now) ?? now
      waits.push((until - now) / 1000)
      now = until
    }
    expect(waits).toEqual([5, 5, 10, 20, 40, 80, 160, 300, 300, 300])
  })

  it('no longer because many failed at once', () => {
    expect(leaveAloneUntil({ noAnswers: 1_000, noAnswerSince: 900 }, 1_000)).toBe(6_000)
  })
})
