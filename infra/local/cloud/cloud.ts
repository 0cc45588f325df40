/**
 * The embedded cloud: the functions of serverless.yml on one machine, wired exactly as it says, on DynamoDB and SQS in
 * this process. In: options. Out: a running cloud, which clients reach by its environment, as they would reach AWS.
 */

import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { PurgeQueueCommand } from '@aws-sdk/client-sqs'
import type { Create } from '../../../shared/runtime/lambda.ts'
import type { Logger } from '../../../shared/runtime/logger.ts'
import type { Overrides } from '../../../shared/runtime/ports.ts'
import { type Changes, type Deployment, deploymentOf, type FunctionDeployment } from './deployment.ts'
import { clientEnvironment, type Environment, functionEnvironment } from './environment.ts'
import { type RunningEventSource, startEventSource } from './eventSource.ts'
import { loadCreate } from './handlers.ts'
import { type Busy, busy } from './idle.ts'
import { createInvoker, type Invoker } from './invoker.ts'
import { type Parts, startParts } from './parts.ts'
import { startSchedule } from './schedule.ts'
import { readServerless } from './serverlessFile.ts'
import { DeploymentError } from './variables.ts'

export interface EmbeddedCloudOptions {
  /** Where CloudStack is, modes, drivers: what an operator sets. Names of the embedded parts in it are ignored. */
  readonly environment: Environment
  readonly logger: Logger
  /** A folder for the records; in memory when left out. The caller sees to it that one process alone uses it. */
  readonly data?: string
  /** Instead of the interval of each schedule that is shorter than a day. */
  readonly intervalSeconds?: number
  /** False: nothing is started by a schedule. Default true. */
  readonly schedules?: boolean
  /** Seconds, by function name; the visibility of the function's queue follows. */
  readonly timeouts?: Readonly<Record<string, number>>
  /** Seconds by which a queue's visibility outlasts its function's timeout; as in serverless.yml when left out. */
  readonly visibilityBeyondTimeout?: number
  /** What a function gets instead of its real ports, for faults. */
  readonly overrides?: (functionName: string) => Overrides
  /** The folder of serverless.yml. Default: this project's own. */
  readonly root?: string
  readonly stage?: string
}

export interface SeenError {
  readonly function: string
  readonly error: unknown
}

export interface EmbeddedCloud {
  /** For clients beside the functions: endpoints, keys, table, queues. No secret of CloudStack is in it. */
  readonly environment: Readonly<Record<string, string>>
  /** What calls ended in that did not succeed, and receives that failed; the latest 1,000. */
  readonly errors: readonly SeenError[]
  /** Calls a function and waits for it. @throws whatever the call ends in */
  invoke(name: string, event: unknown): Promise<unknown>
  /** Waits until no call is running and no message waits. @throws Error naming what is left after so many seconds. */
  idle(seconds?: number): Promise<void>
  /** Removes every message of the queue that starts this function. */
  purge(name: string): Promise<void>
  /** Begins nothing more, waits for what is running for at most so many seconds (default 20), and leaves nothing. */
  stop(seconds?: number): Promise<void>
}

const projectRoot = join(import.meta.dirname, '../../..')
const keptErrors = 1000
/** Milliseconds between two looks at what is running. */
const look = 20

/** @throws DeploymentError when serverless.yml says what cannot be done here, or a function does not load. */
export async function startEmbeddedCloud(options: EmbeddedCloudOptions): Promise<EmbeddedCloud> {
  const root = options.root ?? projectRoot
  const deployment = deploymentOf(readServerless(root, options.stage ?? 'local'), changesOf(options))
  const loaded = await Promise.all(
    deployment.functions.map(async (deployed) => ({ deployed, create: await loadCreate(root, deployed) })),
  )
  const parts = await startParts(deployment, options.data)
  try {
    const invokers = new Map(loaded.map((each) => [each.deployed.name, invokerOf(each, parts, options)] as const))
    return running(deployment, parts, invokers, options)
  } catch (error) {
    await parts.stop()
    throw error
  }
}

interface Loaded {
  readonly deployed: FunctionDeployment
  readonly create: Create
}

function invokerOf({ deployed, create }: Loaded, { addresses }: Parts, options: EmbeddedCloudOptions): Invoker {
  const logger = named(options.logger, deployed.name)
  const environment = functionEnvironment(deployed, addresses, options.environment)
  const handler = create(environment, { logger, ...options.overrides?.(deployed.name) })
  return createInvoker(deployed, handler, logger)
}

type Failed = (name: string, error: unknown) => void

function running(
  deployment: Deployment,
  parts: Parts,
  invokers: ReadonlyMap<string, Invoker>,
  { schedules = true, logger }: EmbeddedCloudOptions,
): EmbeddedCloud {
  const errors: SeenError[] = []
  const failed = (name: string, error: unknown): void => {
    errors.push({ function: name, error })
    if (errors.length > keptErrors) errors.shift()
    logger.error(`${name}: a call failed`, { function: name, error: String(error) })
  }
  const invoke = async (name: string, event: unknown): Promise<unknown> => {
    const invoker = invokers.get(name)
    if (invoker === undefined) throw new DeploymentError(`there is no function "${name}"`)
    try {
      return await invoker.invoke(event)
    } catch (error) {
      failed(name, error)
      throw error
    }
  }
  const timers = schedules ? deployment.functions.flatMap((deployed) => startSchedules(deployed, parts, invoke)) : []
  const sources = deployment.functions.flatMap((deployed) => startSources(deployed, parts, invoke, failed))
  const consumed = consumedQueues(deployment, parts)
  const counts = () => {
    const all = [...invokers.values()].map((invoker) => invoker.counts())
    const served = sources.reduce((sum, source) => sum + source.serving(), 0)
    return { running: sum(all.map((each) => each.running)) + served, begun: sum(all.map((each) => each.begun)) }
  }

  let stopped: Promise<void> | undefined
  return {
    environment: clientEnvironment(deployment, parts.addresses),
    errors,
    invoke,
    idle: (seconds = 30) => untilIdle(() => busy(parts.sqs, consumed, counts), seconds),
    purge: async (name) => {
      const url = consumed.get(name)
      if (url === undefined) throw new DeploymentError(`no queue starts the function "${name}"`)
      await parts.sqs.send(new PurgeQueueCommand({ QueueUrl: url }))
    },
    stop: (seconds = 20) => {
      stopped ??= (async () => {
        for (const end of timers) end()
        for (const source of sources) source.stop()
        await ended(() => counts().running === 0, seconds)
        await parts.stop()
      })()
      return stopped
    },
  }
}

type Invoke = (name: string, event: unknown) => Promise<unknown>

/** Failures were recorded by the call itself. */
const startSchedules = ({ name, schedules }: FunctionDeployment, { addresses }: Parts, invoke: Invoke) =>
  schedules.map((schedule) =>
    startSchedule(name, schedule, addresses.region, (event) => void invoke(name, event).catch(() => undefined)),
  )

const startSources = (
  { name, sources }: FunctionDeployment,
  { addresses, sqs, queues }: Parts,
  invoke: Invoke,
  failed: Failed,
): readonly RunningEventSource[] =>
  sources.flatMap((source) => {
    const queue = queues.get(source.queue)
    const call = (event: unknown): Promise<unknown> => invoke(name, event)
    const tell = (error: unknown): void => failed(name, error)
    return queue ? [startEventSource(source, { client: sqs, queue, region: addresses.region, call, failed: tell })] : []
  })

/** The addresses of queues that start a function, by the function's name. */
const consumedQueues = ({ functions }: Deployment, { queues }: Parts): ReadonlyMap<string, string> =>
  new Map(
    functions.flatMap(({ name, sources }) =>
      sources.flatMap((source) => {
        const queue = queues.get(source.queue)
        return queue ? [[name, queue.url] as const] : []
      }),
    ),
  )

async function untilIdle(remaining: () => Promise<Busy | undefined>, seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000
  for (let left = await remaining(); left !== undefined; left = await remaining()) {
    if (performance.now() > end) throw new Error(`not idle after ${seconds} s: ${JSON.stringify(left)}`)
    await delay(look)
  }
}

async function ended(done: () => boolean, seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!done() && performance.now() < end) await delay(look)
}

const changesOf = ({ timeouts, visibilityBeyondTimeout, intervalSeconds }: EmbeddedCloudOptions): Changes => ({
  ...(timeouts !== undefined && { timeouts }),
  ...(visibilityBeyondTimeout !== undefined && { visibilityBeyondTimeout }),
  ...(intervalSeconds !== undefined && { interval: intervalSeconds }),
})

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)

/** The same logger with the function's name in every entry. */
const named = (logger: Logger, name: string): Logger => ({
  debug: (message, fields) => logger.debug(message, { function: name, ...fields }),
  info: (message, fields) => logger.info(message, { function: name, ...fields }),
  warn: (message, fields) => logger.warn(message, { function: name, ...fields }),
  error: (message, fields) => logger.error(message, { function: name, ...fields }),
})
