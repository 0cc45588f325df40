/**
 * When the agent checks its host: soon after the kernel tells of a change of links, addresses or switches, and every so often
 * in any case. In: a check. Out: checks, one after the other, never closer than two seconds; a watcher that ends is started anew.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../shared/runtime/logger.ts'

export interface WatchOptions {
  /** Milliseconds between two checks, if nothing is heard. */
  readonly poll: number
  readonly check: () => Promise<void>
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** A burst of changes is one: the check comes this long after its first word. */
const settle = 2_000
const restartAfter = 5_000

/** Resolves once the signal is aborted. */
export async function watch({ poll, check, logger, signal }: WatchOptions): Promise<void> {
  let [isNews, wake] = [false, (): void => {}]
  const heard = (): void => {
    isNews = true
    wake()
  }
  const listening = listen(heard, logger, signal)
  while (!signal.aborted) {
    isNews = false // What is heard from here on may not be seen by this check.
    try {
      await check()
    } catch (error) {
      logger.warn('a check failed', { why: String(error).slice(0, 300) })
    }
    const woken = new Promise<void>((resolve) => {
      wake = resolve
      if (isNews) resolve()
    })
    await Promise.race([woken, pause(poll, signal)])
    await pause(settle, signal)
  }
  await listening
}

const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  delay(milliseconds, undefined, { signal }).catch(() => {})

async function listen(heard: () => void, logger: Logger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await ended(
      spawn('ip', ['monitor', 'link', 'netconf', 'route'], { stdio: ['ignore', 'pipe', 'ignore'], signal }),
      heard,
    )
    if (!signal.aborted)
      logger.warn('nobody tells of changes: the host is only checked now and then until that is so again')
    await pause(restartAfter, signal)
  }
}

function ended(child: ChildProcess, heard: () => void): Promise<void> {
  child.stdout?.on('data', heard)
  return new Promise((resolve) => {
    child.on('error', () => resolve())
    child.on('close', () => resolve())
  })
}
