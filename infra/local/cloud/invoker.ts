/**
 * One function as Lambda runs it: each call has a context and a timeout, and a call that is past it is abandoned. In:
 * events. Out: what the handler returned, or what it threw. Here an abandoned call goes on by itself, where Lambda
 * would freeze or end it; the functions are made for worse.
 */
import { randomUUID } from 'node:crypto'
import type { Context } from 'aws-lambda'
import type { Handler } from '../../../shared/runtime/lambda.ts'
import type { Logger } from '../../../shared/runtime/logger.ts'
import type { FunctionDeployment } from './deployment.ts'

/** Thrown by a call that its function's timeout ended. */
export class FunctionTimedOut extends Error {
  override readonly name = 'FunctionTimedOut'
}

/** Thrown instead of a call when as many as the function may have are running. */
export class TooManyCalls extends Error {
  override readonly name = 'TooManyCalls'
}

export interface Invoker {
  /** @throws FunctionTimedOut, TooManyCalls, or whatever the handler throws */
  invoke(event: unknown): Promise<unknown>
  /** How many calls are running, and how many were ever begun. */
  counts(): { readonly running: number; readonly begun: number }
}

/** At most so many calls of one function at once, where serverless.yml sets no reserved concurrency (Lambda: 1,000). */
const defaultConcurrency = 100

export function createInvoker(deployed: FunctionDeployment, handler: Handler, logger: Logger): Invoker {
  const limit = deployed.reservedConcurrency ?? defaultConcurrency
  let running = 0
  let begun = 0

  const invoke = async (event: unknown): Promise<unknown> => {
    if (running >= limit) throw new TooManyCalls(`${deployed.name}: ${limit} calls are running`)
    running += 1
    begun += 1
    try {
      return await withTimeout(deployed, handler, event, logger)
    } finally {
      running -= 1
    }
  }
  return { invoke, counts: () => ({ running, begun }) }
}

async function withTimeout(
  { name, timeout }: FunctionDeployment,
  handler: Handler,
  event: unknown,
  logger: Logger,
): Promise<unknown> {
  const end = performance.now() + timeout * 1000
  const context = contextOf(name, () => Math.max(0, Math.floor(end - performance.now())))
  const timedOut = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => timedOut.reject(new FunctionTimedOut(`${name}: task timed out after ${timeout} s`)),
    timeout * 1000,
  )
  // Called in a promise, so that a handler that throws at once is one that failed.
  const call = Promise.resolve().then(() => handler(event, context))
  call.catch((error: unknown) => {
    if (performance.now() >= end) logger.warn(`${name}: an abandoned call failed`, { error: String(error) })
  })
  try {
    return await Promise.race([call, timedOut.promise])
  } finally {
    clearTimeout(timer)
  }
}

const contextOf = (name: string, getRemainingTimeInMillis: () => number): Context => ({
  functionName: name,
  functionVersion: '$LATEST',
  invokedFunctionArn: `arn:aws:lambda:local:000000000000:function:${name}`,
  memoryLimitInMB: '0',
  awsRequestId: randomUUID(),
  logGroupName: `/aws/lambda/${name}`,
  logStreamName: 'local',
  callbackWaitsForEmptyEventLoop: false,
  getRemainingTimeInMillis,
  done() {},
  fail() {},
  succeed() {},
})
