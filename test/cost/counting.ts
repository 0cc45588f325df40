/**
 * Parts that count: a store that adds up DynamoDB's units by the sizes of items, queues that add up requests. In: parts in memory. Out: the
 * same, and the counts. Sizes as DynamoDB's guide has them (“Item sizes and formats”).
 */

import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Item, Key, Store, Value } from '../../shared/store/store.ts'
import type { MemoryQueues } from '../simulation/memoryQueues.ts'

export interface Units {
  reads: number
  writes: number
}

const utf8 = (text: string): number => Buffer.byteLength(text)

function sizeOfValue(value: Value | undefined): number {
  if (value === undefined || value === null || typeof value === 'boolean') return 1
  if (typeof value === 'string') return utf8(value)
  if (typeof value === 'number') return Math.ceil(String(Math.abs(value)).replace('.', '').length / 2) + 2
  if (value instanceof Uint8Array) return value.byteLength
  if (Array.isArray(value)) return 3 + value.reduce((sum: number, each) => sum + 1 + sizeOfValue(each), 0)
  return 3 + Object.entries(value).reduce((sum, [name, each]) => sum + utf8(name) + 1 + sizeOfValue(each), 0)
}

export const sizeOf = (item: Item | undefined): number =>
  item === undefined ? 0 : Object.entries(item).reduce((sum, [name, each]) => sum + utf8(name) + sizeOfValue(each), 0)

const readUnits = (bytes: number): number => Math.max(1, Math.ceil(bytes / 4096))
const writeUnits = (bytes: number): number => Math.max(1, Math.ceil(bytes / 1024))

export interface CountingStore extends Store {
  readonly units: Units
  /** Bytes of all items, with the hundred that each is stored with. */
  stored(): number
}

export function createCountingStore(inner = createMemoryStore()): CountingStore {
  const units: Units = { reads: 0, writes: 0 }
  const sizes = new Map<string, number>()
  const keep = ({ pk, sk }: Key, bytes: number): void => void sizes.set(`${pk} ${sk}`, bytes + 100)
  return {
    units,
    stored: () => [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0),
    get: async (key) => {
      const item = await inner.get(key)
      units.reads += readUnits(sizeOf(item))
      return item
    },
    list: async (...args) => {
      const items = await inner.list(...args)
      units.reads += readUnits(items.reduce((sum, item) => sum + sizeOf(item), 0))
      return items
    },
    // A write whose condition does not hold costs what the item has.
    update: async (write) => {
      const before = await inner.get(write.key)
      const after = await inner.update(write)
      units.writes += writeUnits(Math.max(sizeOf(before), sizeOf(after)))
      if (after !== undefined) keep(write.key, sizeOf(after))
      return after
    },
    delete: async (key, when) => {
      const before = await inner.get(key)
      units.writes += writeUnits(sizeOf(before))
      const isGone = await inner.delete(key, when)
      if (isGone) sizes.delete(`${key.pk} ${key.sk}`)
      return isGone
    },
  }
}

/** Ten messages a request; each message is received and deleted by itself, since a batch is one. */
export function requestsOf(queues: MemoryQueues, since = 0): number {
  const sent = queues.sent.slice(since)
  const batches = new Map<string, number>()
  for (const { queue } of sent) batches.set(queue, (batches.get(queue) ?? 0) + 1)
  const sends = [...batches.values()].reduce((sum, messages) => sum + Math.ceil(messages / 10), 0)
  return sends + 2 * sent.length
}
