/** One process of a function, as process.cjs measures it. In: a bundle's file, its environment, events. Out: milliseconds and bytes. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import * as z from 'zod'

const root = join(import.meta.dirname, '../..')

const measured = z.object({
  /** Milliseconds from the process's begin to its first line, and from there to the handler. */
  start: z.number(),
  load: z.number(),
  /** Milliseconds of each call. */
  calls: z.array(z.number()),
  /** Milliseconds that the processor worked for each, in all of its threads. */
  processor: z.array(z.number()),
  /** kB. */
  maxRSS: z.number(),
  results: z.array(z.unknown()),
})
export type Measured = z.infer<typeof measured>

/** @param heap megabytes of JavaScript's own. @throws Error where the process ends badly, as one that has too little memory does */
export async function measure(
  file: string,
  environment: Readonly<Record<string, string>>,
  events: readonly unknown[],
  heap?: number,
): Promise<Measured> {
  const bounded = heap === undefined ? [] : [`--max-old-space-size=${heap}`]
  const args = [...bounded, join(import.meta.dirname, 'process.cjs'), file, JSON.stringify(events)]
  // On Lambda the SDK lies beside the function; and nothing but what is given here is in its environment.
  const env = { NODE_PATH: join(root, 'node_modules'), ...environment }
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 256 * 1024 * 1024 })
  const line = stdout.split('\n').find((each) => each.startsWith('MEASURED ')) ?? ''
  return measured.parse(JSON.parse(line.slice('MEASURED '.length)))
}

/** Nearest rank. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN
}
