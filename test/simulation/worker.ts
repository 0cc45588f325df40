/**
 * A thread that simulates one seed after the other, as it is told. In: seeds, and a mutation to plant before anything of
 * the product is loaded. Out: a result for each; for `trace`, the lines.
 */
import { parentPort, workerData } from 'node:worker_threads'
import * as z from 'zod/mini'
import { mutations } from './mutations/mutations.ts'
import { plant } from './mutations/plant.ts'

const given = z.object({ mutation: z.optional(z.string()) }).parse(workerData)
const order = z.object({ seed: z.string(), trace: z.boolean() }) // a number, or the name of a written scenario

const mutation = mutations.find(({ name }) => name === given.mutation)
if (given.mutation !== undefined && mutation === undefined) throw new Error(`there is no mutation ${given.mutation}`)
if (mutation !== undefined) plant(mutation)

const { scenarioNamed } = await import('./written.ts')
const { simulate } = await import('./simulation.ts')
const { traceOf } = await import('./trace.ts')

parentPort?.on('message', async (message: unknown) => {
  const { seed, trace } = order.parse(message)
  if (trace) parentPort?.postMessage({ seed, lines: await traceOf(seed) })
  else parentPort?.postMessage({ seed, violation: (await simulate(scenarioNamed(seed))).violation })
})
