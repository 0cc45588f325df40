/**
 * What leaves a host, captured outside of it: on the bed's end of one of its ports. In: that device. Out: every frame since
 * the capture began, as bytes, and at the end whether any was lost. Runs inside a private namespace only.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Capture {
  /** So far. */
  readonly frames: readonly Buffer[]
  /** @returns how many frames the kernel had no room for: then nothing is proven. */
  stop(): Promise<number>
}

/** Resolves once frames are captured. @throws Error in the program's own words */
export async function capture(device: string): Promise<Capture> {
  const program = [join(import.meta.dirname, 'capture.pl'), device]
  const child = spawn('perl', program, { stdio: ['ignore', 'pipe', 'pipe'] })
  const frames: Buffer[] = []
  const errors: string[] = []
  let dropped: number | undefined
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
  const ended = once(child, 'close').then(() => {})
  const ready = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, count] = /^dropped (\d+)$/.exec(line) ?? []
      if (count !== undefined) dropped = Number(count)
      else if (line === 'ready') resolve()
      else frames.push(Buffer.from(line, 'hex'))
    })
  })
  const failed = ended.then(() => Promise.reject(new Error(`the capture on ${device} ended: ${errors.join('')}`)))
  failed.catch(() => {}) // It also ends when it is stopped.
  await Promise.race([ready, failed])
  return {
    frames,
    async stop() {
      child.kill('SIGTERM')
      await ended
      if (dropped === undefined) throw new Error(`the capture on ${device} did not end in order: ${errors.join('')}`)
      return dropped
    },
  }
}
