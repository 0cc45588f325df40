/**
 * One call of a function, from its beginning to its end or its death, and every step that it takes through a port. In:
 * the scheduler and what befalls it. Out: `step`, at which the scheduler may run others first, kill the call (it hangs
 * for good, as a killed function does) or freeze it and wake it late.
 */
import type { FunctionName } from './incident.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'

/** What befalls a call at its n-th step. */
export type Fate =
  | { readonly what: 'kill'; readonly step: number; readonly when: 'before' | 'after' }
  | {
      readonly what: 'freeze'
      readonly step: number
      readonly when: 'before' | 'after'
      readonly milliseconds: number
    }
  | { readonly what: 'write twice'; readonly step: number }

export interface Call {
  readonly name: string
  readonly function: FunctionName
  readonly cloud: string
  /** What it is about, for people: a host, a zone. */
  readonly about: string
  readonly begunAt: number
  /** Whether the message that began it is of a newer version. */
  readonly newer: boolean
  /** When its function is ended, and when its message comes back. */
  readonly endsAt: number
  readonly lateAt: number
  readonly random: Random
  readonly fates: readonly Fate[]
  /** Its own clock. */
  now(): number
  /** What its own clock said when it was last asked. */
  lastNow(): number
  /** How many steps it took. */
  steps(): number
  /** False once it was killed: nothing of it happens any more. */
  alive(): boolean
  kill(): void
  /**
   * One await of a port: `effect` happens after about so many milliseconds, unless the call is dead by then.
   * @param told what it was, in words
   */
  step<T>(told: string, milliseconds: number, effect: (twice: boolean) => T | Promise<T>): Promise<T>
}

export interface CallOptions {
  readonly function: FunctionName
  readonly cloud: string
  readonly about: string
  readonly number: number
  readonly newer: boolean
  readonly timeoutMilliseconds: number
  readonly visibilityMilliseconds: number
  readonly skew: number
  readonly random: Random
  readonly fates: readonly Fate[]
  readonly tell: (sentence: string) => void
}

export function createCall(scheduler: Scheduler, options: CallOptions): Call {
  const { fates, random, tell, skew } = options
  const name = `${options.function} #${options.number}`
  const begunAt = scheduler.now()
  let steps = 0
  let alive = true
  let frozenUntil = 0
  let lastNow = begunAt + skew

  const befalls = (step: number, when: 'before' | 'after'): void => {
    for (const fate of fates) {
      if (fate.step !== step || fate.what === 'write twice' || fate.when !== when) continue
      if (fate.what === 'kill') alive = false
      else frozenUntil = Math.max(frozenUntil, scheduler.now() + fate.milliseconds)
      tell(fate.what === 'kill' ? `${name} is killed` : `${name} is frozen until it is ${fate.milliseconds} ms later`)
    }
  }

  const step = <T>(told: string, milliseconds: number, effect: (twice: boolean) => T | Promise<T>): Promise<T> => {
    const own = ++steps
    befalls(own, 'before')
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const twice = fates.some((fate) => fate.what === 'write twice' && fate.step === own)
    const perform = async (): Promise<T> => effect(twice)
    const answer = (settle: () => void): void => {
      if (!alive) return
      befalls(own, 'after')
      if (!alive) return
      if (frozenUntil <= scheduler.now()) settle()
      else scheduler.at(frozenUntil, () => alive && settle())
    }
    const takes = Math.max(1, Math.round(milliseconds * (0.5 + random.next())))
    scheduler.at(Math.max(scheduler.now() + takes, frozenUntil), () => {
      if (!alive) return
      perform().then(
        (value) => answer(() => resolve(value)),
        (error: unknown) => {
          tell(`${name}: ${told} failed: ${error instanceof Error ? error.message : String(error)}`)
          answer(() => reject(error))
        },
      )
    })
    return promise
  }

  return {
    name,
    function: options.function,
    cloud: options.cloud,
    about: options.about,
    begunAt,
    newer: options.newer,
    endsAt: begunAt + options.timeoutMilliseconds,
    lateAt: begunAt + options.visibilityMilliseconds,
    random,
    fates,
    now: () => {
      lastNow = scheduler.now() + skew
      return lastNow
    },
    lastNow: () => lastNow,
    steps: () => steps,
    alive: () => alive,
    kill: () => {
      alive = false
    },
    step,
  }
}
