/**
 * The one Middy stack that every function wears. In: what the function does with its event. Out: `create`, which makes
 * the handler from an environment. Nothing is parsed or opened before the first call, and then once.
 */
import { Logger as PowertoolsLogger } from '@aws-lambda-powertools/logger'
import middy from '@middy/core'
import type { Context } from 'aws-lambda'
import type * as z from 'zod/mini'
import { messageVersion } from '../queue/queues.ts'
import type { Environment } from './configuration.ts'
import type { Logger } from './logger.ts'
import type { Overrides } from './ports.ts'
import { createRuntime, type Runtime } from './runtime.ts'
import { type Delivery, delivery } from './sqsEvent.ts'

export type Handler = (event: unknown, context: Context) => Promise<unknown>
export type Create = (environment: Environment, overrides?: Overrides) => Handler

/** @param work what the function does; `remaining` is in milliseconds, until the function is ended. */
export function lambda(
  name: string,
  work: (event: unknown, runtime: Runtime, remaining: number) => Promise<unknown>,
): Create {
  return (environment, overrides) => {
    const logger = overrides?.logger ?? powertools(name)
    let runtime: Runtime | undefined
    return middy<unknown, unknown, Error, Context>()
      .onError(({ error }) =>
        logger.error(`${name} failed`, { error: error ? `${error.name}: ${error.message}` : 'unknown' }),
      )
      .handler(async (event, context) => {
        runtime ??= createRuntime(environment, logger, overrides)
        return work(event, runtime, context.getRemainingTimeInMillis())
      })
  }
}

/**
 * For a function that a queue starts: its message, parsed. A message of a newer version is acknowledged and nothing is
 * done, since the next tick sends again. @throws MalformedMessage, which ends in the dead letters
 */
export function queueLambda<T>(
  name: string,
  schema: z.ZodMiniType<T>,
  work: (message: T, runtime: Runtime, remaining: number, delivered: Delivery) => Promise<unknown>,
): Create {
  return lambda(name, async (event, runtime, remaining) => {
    const delivered = delivery(event)
    if (delivered.version > messageVersion) return { acknowledged: `a message of version ${delivered.version}` }
    return work(delivered.parse(schema), runtime, remaining, delivered)
  })
}

/** Powertools' logger behind ours: one JSON line an entry. */
function powertools(serviceName: string): Logger {
  const logger = new PowertoolsLogger({ serviceName })
  return {
    debug: (message, fields = {}) => logger.debug(message, fields),
    info: (message, fields = {}) => logger.info(message, fields),
    warn: (message, fields = {}) => logger.warn(message, fields),
    error: (message, fields = {}) => logger.error(message, fields),
  }
}
