/**
 * The one id that leads through all that a tick began: from the snapshot's log lines by its messages to those of diff and of each
 * host's run, and into the history. In: a call, its event. Out: the id in each log line and each message of that call.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import * as z from 'zod/mini'
import type { Message, Queues } from '../queue/queues.ts'
import { correlation } from '../queue/queues.ts'
import type { Logger } from './logger.ts'

/** Clouds of one call are worked on at the same time, and so are calls on one machine: a variable would mix them up. */
const calls = new AsyncLocalStorage<string>()

/** Of the call that this is a part of; undefined outside of any. */
export const currentCorrelation = (): string | undefined => calls.getStore()

export const correlatedBy = <T>(id: string, work: () => T): T => calls.run(id, work)

const sent = z.object({ Records: z.tuple([z.object({ body: z.string() })]) })
const carried = z.object({ correlation })

/** What the event's message carries; nothing for any other event, nor from a release that did not know of it. */
export function correlationOf(event: unknown): string | undefined {
  const { data } = sent.safeParse(event)
  if (data === undefined) return undefined
  try {
    return carried.safeParse(JSON.parse(data.Records[0].body)).data?.correlation
  } catch {
    return undefined
  }
}

/** The same logger, with the id of its call in every entry. */
export function correlated(logger: Logger): Logger {
  const withId = (fields: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => {
    const id = currentCorrelation()
    return id === undefined ? fields : { correlation: id, ...fields }
  }
  return {
    debug: (message, fields) => logger.debug(message, withId(fields)),
    info: (message, fields) => logger.info(message, withId(fields)),
    warn: (message, fields) => logger.warn(message, withId(fields)),
    error: (message, fields) => logger.error(message, withId(fields)),
  }
}

/** The same queues, with the id in each message that has none. */
export const carrying = (queues: Queues, id: () => string): Queues => ({
  send: (queue, messages) =>
    queues.send(
      queue,
      messages.map((message): Message => ({ ...message, body: { correlation: id(), ...message.body } })),
    ),
})
