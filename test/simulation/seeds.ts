/**
 * Many seeds over a few threads. In: which seeds, how many threads, a mutation. Out: the violations by seed, and the trace
 * of the first failing seed.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import * as z from 'zod/mini'

/** One simulation with its own name: a written scenario. @returns what was violated */
export async function simulateWritten(name: string, mutation: string | undefined): Promise<string | undefined> {
  const worker = start(mutation)
  try {
    return (await ask(worker, { seed: name, trace: false })).violation
  } finally {
    await worker.terminate()
  }
}

export interface Seeds {
  readonly from: number
  readonly count: number
  readonly threads: number
  readonly mutation?: string
  /** True: no further seed is begun after the first violation. */
  readonly untilFirst: boolean
  readonly progress: (done: number, violations: number) => void
  /** Told of each violation at once: a long run need not end before somebody looks into it. */
  readonly found?: (seed: number, violation: string) => void
}

export interface Outcome {
  readonly seeds: number
  /** In the order of the seeds. */
  readonly violations: readonly { readonly seed: number; readonly violation: string }[]
}

const answer = z.object({ seed: z.string(), violation: z.optional(z.string()), lines: z.optional(z.array(z.string())) })
type Answer = z.infer<typeof answer>

/** @throws Error when a simulation itself breaks, as a mutation that cannot be planted does */
export async function simulateSeeds(seeds: Seeds): Promise<Outcome> {
  const { from, count, threads, untilFirst, progress } = seeds
  const violations: { seed: number; violation: string }[] = []
  let next = from
  let done = 0
  const thread = async (): Promise<void> => {
    const worker = start(seeds.mutation)
    try {
      while (next < from + count && !(untilFirst && violations.length > 0)) {
        const seed = next++
        const { violation } = await ask(worker, { seed: String(seed), trace: false })
        if (violation !== undefined) {
          violations.push({ seed, violation })
          seeds.found?.(seed, violation)
        }
        progress(++done, violations.length)
      }
    } finally {
      await worker.terminate()
    }
  }
  await Promise.all(Array.from({ length: Math.min(threads, count) }, thread))
  return { seeds: done, violations: violations.sort((one, other) => one.seed - other.seed) }
}

export async function traceSeed(seed: number, mutation: string | undefined): Promise<readonly string[]> {
  const worker = start(mutation)
  try {
    return (await ask(worker, { seed: String(seed), trace: true })).lines ?? []
  } finally {
    await worker.terminate()
  }
}

const start = (mutation: string | undefined): Worker =>
  new Worker(new URL('worker.ts', import.meta.url), { workerData: { mutation } })

async function ask(worker: Worker, order: { readonly seed: string; readonly trace: boolean }): Promise<Answer> {
  const settled = new AbortController()
  const { signal } = settled
  const ended = once(worker, 'exit', { signal }).then(([code]) => {
    throw new Error(`a simulating thread ended with ${code}`)
  })
  ended.catch(() => {})
  worker.postMessage(order)
  try {
    const [message]: unknown[] = await Promise.race([once(worker, 'message', { signal }), ended])
    return answer.parse(message)
  } finally {
    settled.abort()
  }
}
