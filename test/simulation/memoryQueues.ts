/**
 * FIFO queues in memory, on a clock that the test moves. In: messages. Out: deliveries, which the test acknowledges or
 * leaves. They pass the same contract suite as the embedded SQS (test/contract/queues.ts).
 *
 * | a message                                             | is                                                    |
 * |-------------------------------------------------------|-------------------------------------------------------|
 * | with the deduplication id of one of the last 5 minutes| taken, and never delivered                            |
 * | whose group has one in flight                         | delivered later                                       |
 * | received and not acknowledged                         | delivered again when its visibility ends, before the  |
 * |                                                       | later ones of its group                               |
 * | received `maxReceives` times                          | moved to the dead letters instead of a further one    |
 * | acknowledged after its visibility ended               | not deleted                                           |
 */
import type { Message, QueueName, Queues } from '../../shared/queue/queues.ts'

const deduplicationWindow = 5 * 60_000

export interface Delivered {
  readonly body: Message['body']
  readonly group: string
  /** 1 for the first delivery. */
  readonly receives: number
  /** When it may be delivered again. */
  readonly visibleAt: number
  acknowledge(): void
}

export interface MemoryQueues extends Queues {
  /** At most so many of the messages that may be received now: the first of each group that has none in flight. */
  receive(queue: QueueName, atMost?: number): readonly Delivered[]
  purge(queue: QueueName): void
  readonly sent: readonly { readonly queue: QueueName; readonly message: Message }[]
  /** What was received too often. */
  readonly dead: readonly { readonly queue: QueueName; readonly message: Message }[]
}

export interface QueueTimes {
  /** Milliseconds that a received message stays invisible. */
  readonly visibilityMilliseconds: number
  /** How often a message is received before it goes to the dead letters; without end unless given. */
  readonly maxReceives?: number
}

interface Entry {
  readonly message: Message
  visibleAt: number
  receives: number
}

export function createMemoryQueues(now: () => number, timesOf: (queue: QueueName) => QueueTimes): MemoryQueues {
  const queues = new Map<QueueName, Entry[]>()
  const seen = new Map<string, number>()
  const sent: { queue: QueueName; message: Message }[] = []
  const dead: { queue: QueueName; message: Message }[] = []
  const entries = (queue: QueueName): Entry[] => {
    const found = queues.get(queue) ?? []
    queues.set(queue, found)
    return found
  }
  const drop = (queue: QueueName, entry: Entry): void => {
    const at = entries(queue).indexOf(entry)
    if (at >= 0) entries(queue).splice(at, 1)
  }

  const take = (queue: QueueName, entry: Entry): Delivered => {
    entry.visibleAt = now() + timesOf(queue).visibilityMilliseconds
    const receives = ++entry.receives
    const acknowledge = (): void => {
      if (entry.receives === receives && now() < entry.visibleAt) drop(queue, entry)
    }
    const { body, group } = entry.message
    return { body: structuredClone(body), group, receives, visibleAt: entry.visibleAt, acknowledge }
  }

  const bury = (queue: QueueName): void => {
    const { maxReceives = Number.POSITIVE_INFINITY } = timesOf(queue)
    for (const entry of entries(queue).filter((one) => one.receives >= maxReceives && one.visibleAt <= now())) {
      drop(queue, entry)
      dead.push({ queue, message: entry.message })
    }
  }

  return {
    sent,
    dead,
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
    receive: (queue, atMost = Number.POSITIVE_INFINITY) => {
      bury(queue)
      const first = new Map<string, Entry>()
      for (const entry of entries(queue)) if (!first.has(entry.message.group)) first.set(entry.message.group, entry)
      const ready = [...first.values()].filter((entry) => entry.visibleAt <= now())
      return ready.slice(0, atMost).map((entry) => take(queue, entry))
    },
    purge: (queue) => void queues.set(queue, []),
  }
}
