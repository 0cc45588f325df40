/**
 * From a Write or a Condition as data to DynamoDB's expressions. Pure: names and values all go through placeholders, so that neither
 * a reserved word nor data can change an expression.
 */
import type { Condition, Value, Write } from './store.ts'

export interface Expression {
  readonly UpdateExpression: string
  readonly ConditionExpression?: string
  readonly ExpressionAttributeNames: Record<string, string>
  readonly ExpressionAttributeValues?: Record<string, Value>
}

/** Names and values as DynamoDB is handed them, and what stands for each in an expression. */
function placeholders() {
  const names = new Map<string, string>()
  const values = new Map<string, Value>()
  const oneName = (attribute: string): string => {
    const placeholder = names.get(attribute) ?? `#n${names.size}`
    names.set(attribute, placeholder)
    return placeholder
  }
  return {
    name: (path: string): string => path.split('.').map(oneName).join('.'),
    value: (given: Value): string => {
      const placeholder = `:v${values.size}`
      values.set(placeholder, given)
      return placeholder
    },
    attributes: () => ({
      ExpressionAttributeNames: Object.fromEntries(
        [...names].map(([attribute, placeholder]) => [placeholder, attribute]),
      ),
      ...(values.size === 0 ? {} : { ExpressionAttributeValues: Object.fromEntries(values) }),
    }),
  }
}

export function expression(write: Write): Expression {
  const { name, value, attributes } = placeholders()
  const sets = [
    ...Object.entries(write.set ?? {}).flatMap(([attribute, given]) =>
      given === undefined ? [] : [`${name(attribute)} = ${value(given)}`],
    ),
    ...Object.entries(write.copy ?? {}).map(([to, from]) => `${name(to)} = if_not_exists(${name(from)}, ${value(0)})`),
    ...Object.entries(write.first ?? {}).map(
      ([attribute, given]) => `${name(attribute)} = if_not_exists(${name(attribute)}, ${value(given)})`,
    ),
  ]
  const adds = Object.entries(write.add ?? {}).map(([attribute, by]) => `${name(attribute)} ${value(by)}`)
  const removes = (write.remove ?? []).map(name)
  const update = [clause('SET', sets), clause('ADD', adds), clause('REMOVE', removes)].filter(Boolean).join(' ')
  const condition = write.when === undefined ? undefined : conditionText(write.when, name, value)

  return {
    UpdateExpression: update,
    ...(condition === undefined ? {} : { ConditionExpression: condition }),
    ...attributes(),
  }
}

/** The condition alone, as a delete takes it. */
export function conditionExpression(condition: Condition): Omit<Expression, 'UpdateExpression'> {
  const { name, value, attributes } = placeholders()
  return { ConditionExpression: conditionText(condition, name, value), ...attributes() }
}

const clause = (word: string, parts: readonly string[]): string =>
  parts.length === 0 ? '' : `${word} ${parts.join(', ')}`

type Placeholder<T> = (given: T) => string

/**
 * In parentheses is only what another word joins, and more than one. DynamoDB refuses parentheses around parentheses, and the
 * embedded engine's parser takes several times as long for each level of them.
 */
function conditionText(condition: Condition, name: Placeholder<string>, value: Placeholder<Value>): string {
  if ('absent' in condition) return `attribute_not_exists(${name(condition.absent)})`
  if ('present' in condition) return `attribute_exists(${name(condition.present)})`
  if ('is' in condition) {
    const right = 'other' in condition ? name(condition.other) : value(condition.value)
    return `${name(condition.attribute)} ${condition.is} ${right}`
  }
  const { word, parts: given } = groupOf(condition)
  const parts = flat(given, word)
  const text = (part: Condition): string => conditionText(part, name, value)
  return parts.map((part) => (parts.length > 1 && isGroup(part) ? `(${text(part)})` : text(part))).join(word)
}

type Group = Extract<Condition, { readonly all: unknown } | { readonly any: unknown }>
type Word = ' AND ' | ' OR '

const isGroup = (condition: Condition): condition is Group => 'all' in condition || 'any' in condition

const groupOf = (group: Group): { readonly word: Word; readonly parts: readonly Condition[] } =>
  'all' in group ? { word: ' AND ', parts: group.all } : { word: ' OR ', parts: group.any }

/** Those of an all in an all, and of a group of one, stand beside the others. */
function flat(given: readonly Condition[], word: Word): readonly Condition[] {
  return given.flatMap((part) => {
    if (!isGroup(part)) return [part]
    const { word: itsWord, parts } = groupOf(part)
    return itsWord === word || parts.length === 1 ? flat(parts, word) : [part]
  })
}
