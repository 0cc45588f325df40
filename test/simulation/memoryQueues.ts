/**
 * FIFO queues in memory, on a clock that the test moves: deduplication for five minutes, one message of a group in
 * flight at a time, visibility. In: messages. Out: deliveries, which the test acknowledges or leaves.
 */
import type { Message, QueueName, Queues } from '../../shared/queue/queues.ts'

const deduplicationWindow = 5 * 60_000

export interface Delivered {
  readonly body: Message['body']
  readonly receives: number
  acknowledge(): void
}

export interface MemoryQueues extends Queues {
  /** Every message that may be received now: the first of each group, none of a group that has one in flight. */
  receive(queue: QueueName): readonly Delivered[]
  purge(queue: QueueName): void
  readonly sent: readonly { readonly queue: QueueName; readonly message: Message }[]
  /** When the next message in flight becomes visible again, if any is. */
  nextVisibleAt(): number | undefined
}

interface Entry {
  readonly message: Message
  visibleAt: number
  receives: number
}

export function createMemoryQueues(now: () => number, visibilityMilliseconds: number): MemoryQueues {
  const queues = new Map<QueueName, Entry[]>()
  const seen = new Map<string, number>()
  const sent: { queue: QueueName; message: Message }[] = []
  const entries = (queue: QueueName): Entry[] => {
    const found = queues.get(queue) ?? []
    queues.set(queue, found)
    return found
  }

  const take = (queue: QueueName, entry: Entry): Delivered => {
    entry.visibleAt = now() + visibilityMilliseconds
    entry.receives++
    const acknowledge = (): void => {
      const at = entries(queue).indexOf(entry)
      if (at >= 0) entries(queue).splice(at, 1)
    }
    return { body: structuredClone(entry.message.body), receives: entry.receives, acknowledge }
  }

  return {
    sent,
    send: async (queue, messages) => {
      for (const message of messages) {
        const id = `${queue} ${message.deduplication}`
        const before = seen.get(id)
        sent.push({ queue, message })
        if (before !== undefined && now() - before < deduplicationWindow) continue
        seen.set(id, now())
        entries(queue).push({ message: structuredClone(message), visibleAt: 0, receives: 0 })
      }
    },
    receive: (queue) => {
      const first = new Map<string, Entry>()
      for (const entry of entries(queue)) if (!first.has(entry.message.group)) first.set(entry.message.group, entry)
      return [...first.values()].filter((entry) => entry.visibleAt <= now()).map((entry) => take(queue, entry))
    },
    purge: (queue) => void queues.set(queue, []),
    nextVisibleAt: () => {
      const waiting = [...queues.values()].flat().map((entry) => entry.visibleAt)
      return waiting.length === 0 ? undefined : Math.min(...waiting)
    },
  }
}
