/**
 * The store and the queues as one call has them: the ones in memory, each call of a port a step that can go wrong. In: a
 * call and what is out of order now. Out: ports; the watches are told what took effect.
 */
import type { Message, QueueName, Queues } from '../../shared/queue/queues.ts'
import type { Condition, Item, Key, Range, Store, Write } from '../../shared/store/store.ts'
import type { Call } from './call.ts'
import type { Watch } from './watch.ts'

/** Thrown by a store or a queue that is out: DynamoDB's and SQS's own errors mean no more to the flow. */
export class ServiceOut extends Error {
  override readonly name = 'ServiceOut'
}

/** Nothing happens, or what was asked happens and nobody is told. */
export type Failure = 'refused' | 'answer lost' | undefined

export interface StoreParts {
  readonly store: Store
  readonly watch: Required<Watch>
  /** How this call of the store fails, if it does. */
  readonly fails: () => Failure
  /** The item as it is now, for the watches. */
  readonly current: (pk: string, sk: string) => Item | undefined
  readonly remember: (item: Item) => void
  readonly forget: (pk: string, sk: string) => void
}

const milliseconds = 12

export function storeOf(call: Call, parts: StoreParts): Store {
  const { store, watch } = parts
  const available = async <T>(work: () => Promise<T>): Promise<T> => {
    const failure = parts.fails()
    if (failure === 'refused') throw new ServiceOut('the store throttles')
    const answer = await work()
    if (failure === 'answer lost') throw new ServiceOut('the store gave no answer')
    return answer
  }
  const once = async (write: Write): Promise<Item | undefined> => {
    const before = parts.current(write.key.pk, write.key.sk)
    const after = await store.update(write)
    if (after === undefined) return undefined
    parts.remember(after)
    watch.written(call, { write, before, after })
    return after
  }
  const get = async (key: Key): Promise<Item | undefined> => {
    const item = await store.get(key)
    watch.read(call, key.pk, key.sk, item === undefined ? [] : [item])
    return item
  }
  const list = async (pk: string, prefix: string, range?: Range): Promise<readonly Item[]> => {
    const items = await store.list(pk, prefix, range)
    watch.read(call, pk, prefix, items)
    return items
  }
  const remove = async (key: Key, when?: Condition): Promise<boolean> => {
    const before = parts.current(key.pk, key.sk)
    const deleted = await store.delete(key, when)
    if (!deleted) return false
    parts.forget(key.pk, key.sk)
    if (before !== undefined) watch.deleted(call, before)
    return true
  }
  return {
    get: (key) => call.step('a read', milliseconds, () => available(() => get(key))),
    list: (pk, prefix, range) => call.step('a query', milliseconds, () => available(() => list(pk, prefix, range))),
    update: (write) =>
      call.step('a write', milliseconds, (twice) =>
        available(async () => {
          const first = await once(write)
          return twice ? once(write) : first
        }),
      ),
    delete: (key, when) => call.step('a delete', milliseconds, () => available(() => remove(key, when))),
  }
}

export interface QueueParts {
  readonly watch: Required<Watch>
  readonly fails: () => Failure
  /** Takes the messages, or loses, doubles or delays them. */
  readonly take: (queue: QueueName, messages: readonly Message[]) => Promise<void>
}

const perCall = 10

export function queuesOf(call: Call, { watch, fails, take }: QueueParts): Queues {
  return {
    send: async (queue, messages) => {
      for (let from = 0; from < messages.length; from += perCall) {
        const some = messages.slice(from, from + perCall)
        await call.step(`sending to ${queue}`, 20, async () => {
          const failure = fails()
          if (failure === 'refused') throw new ServiceOut('SQS is out')
          watch.sent(call, queue, some)
          await take(queue, some)
          if (failure === 'answer lost') throw new ServiceOut('SQS gave no answer')
        })
      }
    },
  }
}
