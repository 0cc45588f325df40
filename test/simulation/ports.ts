/**
 * The store and the queues as one call has them: the ones in memory, each call of a port a step that can go wrong. In: a
 * call and what is out of order now. Out: ports; the watches are told what took effect.
 */
import type { Message, QueueName, Queues } from '../../shared/queue/queues.ts'
import type { Item, Store } from '../../shared/store/store.ts'
import type { Call } from './call.ts'
import type { Watch } from './watch.ts'

/** Thrown by a store or a queue that is out: DynamoDB's and SQS's own errors mean no more to the flow. */
export class ServiceOut extends Error {
  override readonly name = 'ServiceOut'
}

export interface StoreParts {
  readonly store: Store
  readonly watch: Required<Watch>
  /** Whether this call of the store fails now. */
  readonly fails: () => boolean
  /** The item as it is now, for the watches. */
  readonly current: (pk: string, sk: string) => Item | undefined
  readonly remember: (item: Item) => void
  readonly forget: (pk: string, sk: string) => void
}

const milliseconds = 12

export function storeOf(call: Call, parts: StoreParts): Store {
  const { store, watch } = parts
  const available = (): void => {
    if (parts.fails()) throw new ServiceOut('the store throttles')
  }
  return {
    get: (key) =>
      call.step('a read', milliseconds, async () => {
        available()
        const item = await store.get(key)
        watch.read(call, key.pk, key.sk, item === undefined ? [] : [item])
        return item
      }),
    list: (pk, prefix, range) =>
      call.step('a query', milliseconds, async () => {
        available()
        const items = await store.list(pk, prefix, range)
        watch.read(call, pk, prefix, items)
        return items
      }),
    update: (write) =>
      call.step('a write', milliseconds, async (twice) => {
        available()
        const once = async (): Promise<Item | undefined> => {
          const before = parts.current(write.key.pk, write.key.sk)
          const after = await store.update(write)
          if (after === undefined) return undefined
          parts.remember(after)
          watch.written(call, { write, before, after })
          return after
        }
        const first = await once()
        return twice ? once() : first
      }),
    delete: (key, when) =>
      call.step('a delete', milliseconds, async () => {
        available()
        const deleted = await store.delete(key, when)
        if (deleted) parts.forget(key.pk, key.sk)
        return deleted
      }),
  }
}

export interface QueueParts {
  readonly watch: Required<Watch>
  readonly fails: () => boolean
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
          if (fails()) throw new ServiceOut('SQS is out')
          watch.sent(call, queue, some)
          await take(queue, some)
        })
      }
    },
  }
}
