import { beforeEach, describe, expect, it } from 'vitest'
import { objectLease } from '../../shared/flow/objectLease.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { acquireLease } from '../../shared/store/leaseWrites.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Store } from '../../shared/store/store.ts'

const place = { cloud: 'c', zone: 'z' }
const never = new AbortController().signal

describe('a lease on what several hosts share', () => {
  let store: Store
  let now: number
  let ids: number
  const lease = (sleeps: (milliseconds: number) => Promise<unknown> = async (milliseconds) => (now += milliseconds)) =>
    objectLease(
      { store, now: () => now, random: () => 0.5, newId: () => `run-${++ids}`, logger: silent },
      place,
      sleeps,
    )
  beforeEach(() => {
    store = createMemoryStore()
    now = 1_000_000
    ids = 0
  })

  it('lets one work at a time, and the next when it is done', async () => {
    const order: string[] = []
    const turns = async () => {
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
    const work = (who: string) => async () => {
      order.push(`${who} begins`)
      await turns()
      order.push(`${who} ends`)
    }
    const shared = lease(turns)
    await Promise.all([shared('pool', never, work('a')), shared('pool', never, work('b'))])
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends'])
  })

  it('is given back when the work fails, and says until when it holds', async () => {
    const fails = lease()('pool', never, async (until) => {
      expect(until).toBe(now + 120_000)
      throw new Error('the work failed')
    })
    await expect(fails).rejects.toThrow('the work failed')
    await expect(lease()('pool', never, async () => 'done')).resolves.toBe('done')
  })

  it('of a run that died ends by itself', async () => {
    await store.update(acquireLease('c', 'z', 'pool', 'dead', now, now + 100_000))
    await expect(lease()('pool', never, async () => 'done')).resolves.toBe('done')
    expect(now).toBeGreaterThanOrEqual(1_100_000)
  })

  it('that others hold for too long is LeaseHeld', async () => {
    await store.update(acquireLease('c', 'z', 'pool', 'busy', now, now + 10_000_000))
    await expect(lease()('pool', never, async () => 'done')).rejects.toMatchObject({ reason: 'LeaseHeld' })
  })

  it('is not waited for beyond the run', async () => {
    await store.update(acquireLease('c', 'z', 'pool', 'busy', now, now + 10_000_000))
    const controller = new AbortController()
    const waits = lease(async () => controller.abort())('pool', controller.signal, async () => 'done')
    await expect(waits).rejects.toMatchObject({ reason: 'TimeOut' })
  })
})
