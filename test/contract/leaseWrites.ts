/** What every store engine must do for leases on what several hosts share; a part of the store's contract. */
import { expect, it } from 'vitest'
import { leaseKey } from '../../shared/store/items.ts'
import { acquireLease, releaseLease } from '../../shared/store/leaseWrites.ts'
import type { Store } from '../../shared/store/store.ts'

/** @param ownZone a zone that no other case works in */
export function leaseWritesContract(store: () => Store, ownZone: () => string): void {
  const cloud = 'test'
  const acquire = (zone: string, me: string, now: number, until = now + 100, name = 'xapi-1') =>
    store().update(acquireLease(cloud, zone, name, me, now, until))

  it('gives a lease to one at a time, each with a higher fence, and again once it ran out', async () => {
    const zone = ownZone()
    expect(await acquire(zone, 'a', 1_000)).toMatchObject({ holder: 'a', until: 1_100, fence: 1 })
    expect(await acquire(zone, 'b', 1_099)).toBeUndefined()
    expect(await acquire(zone, 'b', 1_099, 2_000, 'xapi-2')).toMatchObject({ holder: 'b', fence: 1 })
    expect(await acquire(zone, 'b', 1_100)).toMatchObject({ holder: 'b', until: 1_200, fence: 2 })
  })

  it('takes a lease back from its holder alone', async () => {
    const zone = ownZone()
    await acquire(zone, 'a', 1_000)
    await acquire(zone, 'b', 1_100)
    expect(await store().update(releaseLease(cloud, zone, 'xapi-1', 'a'))).toBeUndefined()
    expect(await store().update(releaseLease(cloud, zone, 'xapi-1', 'b'))).not.toHaveProperty('holder')
    expect(await acquire(zone, 'c', 1_100)).toMatchObject({ holder: 'c', fence: 3 })
    expect(await store().get(leaseKey(cloud, zone, 'xapi-1'))).toHaveProperty('expires')
  })
}
