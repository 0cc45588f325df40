/**
 * The one Middy stack that every function wears. In: what the function does with its event. Out: `create`, which makes
 * the handler from an environment. Nothing is parsed or opened before the first call, and then once.
 */
import { randomUUID } from 'node:crypto'
import { Logger as PowertoolsLogger } from '@aws-lambda-powertools/logger'
import middy from '@middy/core'
import type { Context } from 'aws-lambda'
import type * as z from 'zod/mini'
import { messageVersion } from '../queue/queues.ts'
import type { Environment } from './configuration.ts'
import { correlated, correlatedBy, correlationOf } from './correlation.ts'
import { type HttpAnswer, type HttpRequest, httpRequest } from './httpEvent.ts'
import type { Logger } from './logger.ts'
import type { Overrides } from './ports.ts'
import { createRuntimes, type Runtime, type Runtimes } from './runtime.ts'
import { type Delivery, delivery } from './sqsEvent.ts'

export type Handler = (event: unknown, context: Context) => Promise<unknown>
export type Create = (environment: Environment, overrides?: Overrides) => Handler

/**
 * For a function that is started for every cloud of the deployment, at the same time and apart: what fails for one is done for the
 * others. @param work what the function does for one cloud; `remaining` is in milliseconds, until the function is ended
 * @param cloudIn the cloud that an event names, for which alone it is then
 */
export function lambda(
  name: string,
  work: (event: unknown, runtime: Runtime, remaining: number) => Promise<unknown>,
  cloudIn: (event: unknown) => string | undefined = () => undefined,
): Create {
  return wrapped(name, async (event, runtimes, remaining) => {
    const only = cloudIn(event)
    return forEach(only === undefined ? runtimes.clouds : [only], (cloud) =>
      work(event, runtimes.of(cloud), remaining()),
    )
  })
}

/**
 * For a function that a queue starts: its message, parsed, and the cloud that it names. A message of a newer version, or of a cloud
 * that is not of the deployment any more, is acknowledged and nothing is done, since the next tick sends again.
 * @throws MalformedMessage, which ends in the dead letters
 */
export function queueLambda<T extends { readonly cloud: string }>(
  name: string,
  schema: z.ZodMiniType<T>,
  work: (message: T, runtime: Runtime, remaining: number, delivered: Delivery) => Promise<unknown>,
): Create {
  return wrapped(name, async (event, runtimes, remaining) => {
    const delivered = delivery(event)
    if (delivered.version > messageVersion) return { acknowledged: `a message of version ${delivered.version}` }
    const message = delivered.parse(schema)
    if (!runtimes.clouds.includes(message.cloud)) return { acknowledged: `a message of the cloud ${message.cloud}` }
    return work(message, runtimes.of(message.cloud), remaining(), delivered)
  })
}

/**
 * For a function that is asked over HTTP, for any cloud of the deployment. @param make what answers, once, when it is first asked
 * @throws MalformedRequest for an event that is no request
 */
export function httpLambda(
  name: string,
  make: (runtimes: Runtimes, logger: Logger) => (request: HttpRequest) => Promise<HttpAnswer>,
): Create {
  return (environment, overrides) => {
    let answer: ReturnType<typeof make> | undefined
    const work = async (event: unknown, runtimes: Runtimes, _remaining: unknown, logger: Logger) => {
      answer ??= make(runtimes, logger)
      return answer(httpRequest(event))
    }
    return wrapped(name, work)(environment, overrides)
  }
}

function wrapped(
  name: string,
  work: (event: unknown, runtimes: Runtimes, remaining: () => number, logger: Logger) => Promise<unknown>,
): Create {
  return (environment, overrides) => {
    const logger = correlated(overrides?.logger ?? powertools(name))
    const newId = overrides?.newId ?? randomUUID
    let runtimes: Runtimes | undefined
    const handler = middy<unknown, unknown, Error, Context>()
      .onError(({ error }) => logger.error(`${name} failed`, { error: error ? told(error) : 'unknown' }))
      .handler(async (event, context) => {
        runtimes ??= createRuntimes(environment, logger, { ...overrides, logger })
        return work(event, runtimes, () => context.getRemainingTimeInMillis(), logger)
      })
    return (event, context) => correlatedBy(correlationOf(event) ?? newId(), async () => handler(event, context))
  }
}

/** @returns of one cloud its result, of several each one's by its name. @throws what failed, once all have ended */
async function forEach(clouds: readonly string[], work: (cloud: string) => Promise<unknown>): Promise<unknown> {
  const [only, ...others] = clouds
  if (only !== undefined && others.length === 0) return work(only)
  const ends = await Promise.allSettled(clouds.map(async (cloud) => [cloud, await work(cloud)] as const))
  const errors = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))
  if (errors.length === 0)
    return Object.fromEntries(ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : [])))
  const failed = ends.flatMap((end, at) => (end.status === 'rejected' ? [`${clouds[at]}: ${told(end.reason)}`] : []))
  throw new AggregateError(errors, failed.join('; '))
}

const told = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : String(error))

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
