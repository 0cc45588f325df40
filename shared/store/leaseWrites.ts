/**
 * The conditional writes of a lease on what several hosts share, as data like those of writes.ts (DESIGN 9): the same holder and
 * until as the tick's, and a fence that each holder raises. In: the lease's key, who asks, the time. Out: Writes.
 *
 * | write        | holds                                 | who |
 * |--------------|---------------------------------------|-----|
 * | acquireLease | nobody holds it, or it ran out        | run |
 * | releaseLease | I hold it                             | run |
 */
import { itemVersion, leaseKey } from './items.ts'
import type { Write } from './store.ts'

/** How long an item outlives its lease, in seconds. */
const lasts = 24 * 60 * 60

export function acquireLease(cloud: string, zone: string, name: string, me: string, now: number, until: number): Write {
  return {
    key: leaseKey(cloud, zone, name),
    set: { v: itemVersion, holder: me, until, expires: Math.ceil(until / 1000) + lasts },
    add: { fence: 1 },
    when: { any: [{ absent: 'holder' }, { attribute: 'until', is: '<=', value: now }] },
  }
}

export const releaseLease = (cloud: string, zone: string, name: string, me: string): Write => ({
  key: leaseKey(cloud, zone, name),
  remove: ['holder', 'until'],
  when: { attribute: 'holder', is: '=', value: me },
})
