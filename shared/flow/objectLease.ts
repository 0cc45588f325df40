/**
 * Holding what several hosts share (a XAPI pool) while something is done to it, so that runs of its hosts come one after the
 * other (DESIGN 9, 16). In: the store, the name. Out: what was done. A run that dies leaves a lease that ends by itself; what
 * keeps two from colliding then is the hypervisor's own rule, CloudStack's tie-break.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { HostError, type SharedLease } from '../hypervisors/driver.ts'
import type { Ports } from '../runtime/ports.ts'
import { acquireLease, releaseLease } from '../store/leaseWrites.ts'

interface Place {
  readonly cloud: string
  readonly zone: string
}

/** Milliseconds: longer than a pool takes for a thousand networks; how long one waits for it; between two tries. */
const lasts = 120_000
const patience = 150_000
const between = 250

export function objectLease(
  { store, now, random, newId, logger }: Pick<Ports, 'store' | 'now' | 'random' | 'newId' | 'logger'>,
  { cloud, zone }: Place,
  sleep: (milliseconds: number) => Promise<unknown> = delay,
): SharedLease {
  return async (name, signal, work) => {
    const me = newId()
    const until = await acquired(name, me, signal)
    try {
      return await work(until)
    } finally {
      // Not released is as good as released a little later: it ends by itself.
      await store.update(releaseLease(cloud, zone, name, me)).catch((error: unknown) => {
        logger.warn('a lease was not released', { cloud, zone, name, error: String(error).slice(0, 200) })
      })
    }
  }

  async function acquired(name: string, me: string, signal: AbortSignal): Promise<number> {
    for (const givesUp = now() + patience; ; ) {
      if (signal.aborted) throw new HostError('TimeOut', `The run ended while it waited for the lease ${name}.`)
      const until = now() + lasts
      if ((await store.update(acquireLease(cloud, zone, name, me, now(), until))) !== undefined) return until
      if (now() > givesUp)
        throw new HostError('LeaseHeld', `The lease ${name} was held by others for ${patience / 1000} s.`)
      await sleep(between * (1 + random()))
    }
  }
}
