import { describe, expect, it } from 'vitest'
import { judgeAbsent, type Refusal } from '../../shared/reconcile/guard.ts'

const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `h${n}`)
const minute = 60_000

/** The same listing again and again, a minute apart. @returns the refusals, until it is believed. */
function insist(known: readonly string[], seen: readonly string[], minutes: number): readonly (Refusal | undefined)[] {
  const refusals: (Refusal | undefined)[] = []
  for (let n = 0; n < minutes; n++)
    refusals.push(judgeAbsent(known, new Set(seen), 20, refusals.at(-1), n * minute).refusal)
  return refusals
}

describe('a listing', () => {
  it.each([
    ['that lacks nothing', 10, 10, []],
    ['that shows more than was known', 10, 12, []],
    ['that lacks three of four', 4, 1, ['h1', 'h2', 'h3']],
    ['that lacks a fifth', 100, 80, names(100).slice(80)],
    ['of a cloud that had nothing', 0, 0, []],
  ])('%s is believed', (_which, known, seen, gone) => {
    const judged = judgeAbsent(names(known), new Set(names(seen)), 20, undefined, 0)
    expect(judged.gone).toEqual([...gone].sort())
    expect(judged.refusal).toBeUndefined()
  })

  it.each([
    ['that lacks more than a fifth', 100, 79],
    ['that lacks four of ten', 10, 6],
    ['that is empty, however few were known', 2, 0],
  ])('%s is refused, and nothing counts as gone', (_which, known, seen) => {
    const judged = judgeAbsent(names(known), new Set(names(seen)), 20, undefined, 7)
    expect(judged.gone).toEqual([])
    expect(judged.refusal).toMatchObject({ absentees: known - seen, known, since: 7, times: 1 })
  })

  it('that lacks the same again is believed after three times and five minutes', () => {
    expect(insist(names(10), [], 7).map((refusal) => refusal?.times)).toEqual([1, 2, 3, 4, 5, undefined, 1])
  })

  it('that lacks others than before begins anew', () => {
    const first = judgeAbsent(names(10), new Set(), 20, undefined, 0).refusal
    const second = judgeAbsent(names(10), new Set(['h1']), 20, first, 9 * minute)
    expect(second.refusal).toMatchObject({ times: 1, since: 9 * minute })
  })

  it('is believed at once when an operator released just this', () => {
    const refusal = judgeAbsent(names(10), new Set(), 20, undefined, 0).refusal
    const released = refusal && { ...refusal, released: true }
    expect(judgeAbsent(names(10), new Set(), 20, released, 1).gone).toHaveLength(10)
    expect(judgeAbsent(names(10), new Set(['h1']), 20, released, 1).gone).toHaveLength(0)
  })
})
