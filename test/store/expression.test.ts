import { describe, expect, it } from 'vitest'
import { conditionExpression } from '../../shared/store/expression.ts'
import type { Condition } from '../../shared/store/store.ts'

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((absent): Condition => ({ absent })) as [
  Condition,
  Condition,
  Condition,
  Condition,
]
/** With the names in the place of what stands for them. */
function textOf(condition: Condition): string {
  const { ConditionExpression, ExpressionAttributeNames } = conditionExpression(condition)
  return (ConditionExpression ?? '').replaceAll(
    /attribute_not_exists\((#n\d+)\)/g,
    (_, name: string) => ExpressionAttributeNames[name] ?? '?',
  )
}

describe('a condition as a text', () => {
  it.each<[string, Condition]>([
    ['a', { all: [a] }],
    ['a AND b', { all: [a, b] }],
    ['a AND b AND c', { all: [{ all: [a, b] }, c] }],
    ['a AND b AND c AND d', { all: [a, { all: [b, { any: [{ all: [c, d] }] }] }] }],
    ['(a OR b) AND c', { all: [{ any: [a, b] }, c] }],
    ['a OR b', { all: [{ any: [{ any: [a] }, b] }] }],
    ['(a AND b) OR (c AND d)', { any: [{ all: [a, b] }, { all: [c, d] }] }],
    ['a AND (b OR (c AND d))', { all: [a, { any: [b, { all: [c, d] }] }] }],
    ['a OR b OR c', { any: [a, { all: [{ any: [b, c] }] }] }],
  ])('is %s, with parentheses only where both words meet', (text, condition) => {
    expect(textOf(condition)).toBe(text)
  })
})
