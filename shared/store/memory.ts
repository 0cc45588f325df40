/**
 * The store in memory, for simulations: the same writes and conditions as DynamoDB's, on a map. In and out as Store.
 * It passes the same contract suite as every other engine.
 */
import type { Condition, Item, Key, Store, Value, Write } from './store.ts'

export function createMemoryStore(): Store {
  const items = new Map<string, Item>()
  const address = ({ pk, sk }: Key): string => JSON.stringify([pk, sk])

  return {
    get: async (key) => copyOf(items.get(address(key))),
    list: async (pk, prefix, { limit, after, newestFirst = false } = {}) =>
      [...items.values()]
        .filter((item) => item.pk === pk && item.sk.startsWith(prefix))
        .filter(({ sk }) => after === undefined || (newestFirst ? sk < after : sk > after))
        .sort((a, b) => (a.sk < b.sk === newestFirst ? 1 : -1))
        .slice(0, limit)
        .map((item) => structuredClone(item)),
    update: async (write) => {
      refuseOverlap(write)
      const before = items.get(address(write.key))
      if (write.when !== undefined && !meets(before ?? {}, write.when)) return undefined
      const after = applied(before ?? { ...write.key }, write)
      items.set(address(write.key), after)
      return structuredClone(after)
    },
    delete: async (key, when) => {
      if (when !== undefined && !meets(items.get(address(key)) ?? {}, when)) return false
      items.delete(address(key))
      return true
    },
  }
}

const copyOf = (item: Item | undefined): Item | undefined => (item === undefined ? undefined : structuredClone(item))

/** As DynamoDB, which refuses a write that says two things of one attribute, or of a map and what is in it. */
function refuseOverlap({ set = {}, copy = {}, first = {}, add = {}, remove = [] }: Write): void {
  const given = Object.keys(set).filter((path) => set[path] !== undefined)
  const paths = [...given, ...Object.keys(copy), ...Object.keys(first), ...Object.keys(add), ...remove].sort()
  const twice = paths.find((path, at) => path === paths[at + 1] || paths[at + 1]?.startsWith(`${path}.`))
  if (twice !== undefined) throw new TypeError(`the write says two things of ${twice}`)
}

function applied(before: Readonly<Record<string, Value>>, write: Write): Item {
  const after: Record<string, Value> = { ...before }
  for (const [path, given] of Object.entries(write.set ?? {})) if (given !== undefined) put(after, path, given)
  for (const [to, from] of Object.entries(write.copy ?? {})) after[to] = before[from] ?? 0
  for (const [attribute, given] of Object.entries(write.first ?? {})) after[attribute] ??= given
  for (const [attribute, by] of Object.entries(write.add ?? {})) after[attribute] = Number(before[attribute] ?? 0) + by
  for (const attribute of write.remove ?? []) delete after[attribute]
  return structuredClone({ ...after, pk: write.key.pk, sk: write.key.sk })
}

type Nested = Readonly<Record<string, Value>>

const isMap = (value: Value | undefined): value is Nested =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

const at = (item: Nested, path: string): Value | undefined =>
  path.split('.').reduce<Value | undefined>((value, name) => (isMap(value) ? value[name] : undefined), item)

/** As DynamoDB: the maps on the way must be there. */
function put(item: Record<string, Value>, path: string, given: Value): void {
  const [name = '', ...rest] = path.split('.')
  if (rest.length === 0) {
    item[name] = given
    return
  }
  const inner = item[name]
  if (!isMap(inner)) throw new TypeError(`the path ${path} leads through what is no map`)
  const copy = { ...inner }
  put(copy, rest.join('.'), given)
  item[name] = copy
}

function meets(item: Readonly<Record<string, Value>>, condition: Condition): boolean {
  if ('absent' in condition) return at(item, condition.absent) === undefined
  if ('present' in condition) return at(item, condition.present) !== undefined
  if ('all' in condition) return condition.all.every((each) => meets(item, each))
  if ('any' in condition) return condition.any.some((each) => meets(item, each))
  const left = at(item, condition.attribute)
  const right = 'other' in condition ? at(item, condition.other) : condition.value
  return compares(left, condition.is, right)
}

/** As DynamoDB: values of different types, and absent ones, are not comparable. */
function compares(left: Value | undefined, is: string, right: Value | undefined): boolean {
  if ((typeof left !== 'number' && typeof left !== 'string') || typeof left !== typeof right) return false
  if (right === undefined || right === null) return false
  if (is === '=') return left === right
  if (is === '<') return left < right
  if (is === '<=') return left <= right
  return is === '>' ? left > right : left >= right
}
