/**
 * What serverless.yml says of each function: how long it may run, how long its messages are invisible, how many calls run
 * at once. In: the file. Out: numbers in milliseconds; the simulation is wired by what is deployed.
 */
import { fileURLToPath } from 'node:url'
import { deploymentOf } from '../../infra/local/cloud/deployment.ts'
import { readServerless } from '../../infra/local/cloud/serverlessFile.ts'
import type { FunctionName } from './incident.ts'

export interface DeployedFunction {
  readonly timeoutMilliseconds: number
  readonly visibilityMilliseconds: number
  readonly maxReceives: number
  readonly atOnce: number
}

export interface Deployed {
  readonly tickMilliseconds: number
  readonly of: (name: FunctionName) => DeployedFunction
}

export function readDeployed(): Deployed {
  const { functions, queues } = deploymentOf(readServerless(fileURLToPath(new URL('../..', import.meta.url)), 'local'))
  const found = new Map<string, DeployedFunction>()
  for (const { name, timeout, sources } of functions) {
    const queue = queues.find(({ id }) => id === sources[0]?.queue)
    found.set(name, {
      timeoutMilliseconds: timeout * 1000,
      visibilityMilliseconds: (queue?.visibility ?? 0) * 1000,
      maxReceives: queue?.deadLetters?.maxReceiveCount ?? Number.POSITIVE_INFINITY,
      atOnce: sources[0]?.maximumConcurrency ?? 10,
    })
  }
  const every = functions.find(({ name }) => name === 'snapshot')?.schedules[0]?.every
  if (every === undefined) throw new Error('serverless.yml starts no snapshot by a schedule')
  return {
    tickMilliseconds: every * 1000,
    of: (name) => {
      const one = found.get(name)
      if (one === undefined) throw new Error(`serverless.yml has no function ${name}`)
      return one
    },
  }
}
