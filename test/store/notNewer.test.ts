import { describe, expect, it } from 'vitest'
import { hostKey } from '../../shared/store/items.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import { sparingNewer } from '../../shared/store/notNewer.ts'
import { kick, putJobBack, sweptZones, want } from '../../shared/store/writes.ts'
import { hostRecord } from '../factories.ts'

const cloud = 'test'

describe('an item that a newer version wrote', () => {
  it.each([
    ['control', kick(cloud)],
    ['host', putJobBack(cloud, 'zone-1', 'host-1', 9)],
    ['host that somebody asks for', want(cloud, hostRecord(), 'backfill', 1)],
    ['list of zones', sweptZones(cloud, ['a'])],
  ])('is left as it is: %s', async (_what, write) => {
    const memory = createMemoryStore()
    const newer = await memory.update({ key: write.key, set: { v: 2, tick: 1, holds: 'what only it knows' } })
    const store = sparingNewer(memory)
    expect(await store.update(write)).toBeUndefined()
    expect(await store.delete(write.key)).toBe(false)
    expect(await store.get(write.key)).toEqual(newer)
    await memory.update({ key: write.key, set: { v: 1 } })
    expect(await store.update(write)).toBeDefined()
    expect(await store.delete(write.key, { present: 'v' })).toBe(true)
  })

  it('is no item that is not there', async () => {
    const store = sparingNewer(createMemoryStore())
    expect(await store.update({ key: hostKey(cloud, 'zone-1', 'host-1'), set: { v: 1 } })).toBeDefined()
  })
})
