import { describe, expect, it } from 'vitest'
import { kickSnapshot } from '../../shared/flow/backfill.ts'
import type { Write } from '../../shared/store/store.ts'
import { createWorld } from './world.ts'

/** The world's store, with every write that was taken kept for counting. */
function counting(world: ReturnType<typeof createWorld>) {
  const writes: Write[] = []
  const update = async (write: Write) => {
    const item = await world.store.update(write)
    if (item !== undefined) writes.push(write)
    return item
  }
  return { writes, store: { ...world.store, update } }
}

describe('the story', () => {
  it('a host that joins late, one rebooted, one back from maintenance, one enabled again: each gets every network', async () => {
    const world = createWorld()
    for (const id of ['a', 'b', 'c', 'd']) world.host(id)
    world.network(100)
    await world.minutes(2)
    world.host('b', { state: 'Alert' })
    world.host('c', { resourceState: 'Maintenance' })
    world.host('d', { resourceState: 'Disabled' })
    world.devices.get('b')?.clear()
    await world.minutes(1)
    world.network(200)
    world.host('late')
    world.host('b', { state: 'Up' })
    world.host('c', { resourceState: 'Enabled' })
    world.host('d', { resourceState: 'Enabled' })
    await world.minutes(2)
    expect(world.converged()).toBe(true)
  })

  it('a device that was deleted by hand is back after the next verification', async () => {
    const world = createWorld({ BRIDGEKEEPER_VERIFY_SECONDS: '600' })
    world.host('a')
    world.network(100)
    await world.minutes(2)
    world.devices.get('a')?.clear()
    await world.minutes(11)
    expect(world.converged()).toBe(true)
  })

  it('a tick in which nothing changed, and no verification is due, writes twice and sends nothing', async () => {
    const world = createWorld({ BRIDGEKEEPER_VERIFY_SECONDS: '604800' })
    for (let id = 0; id < 20; id++) world.host(`h${id}`)
    world.network(100)
    await world.minutes(3)
    const { writes, store } = counting(world)
    const sent = world.queues.sent.length
    world.advance(60_000)
    await world.tick({ store })
    expect(writes).toHaveLength(2)
    expect(world.queues.sent).toHaveLength(sent)
  })

  it('a new network reaches at most a quarter of a cluster at once, and all of it without waiting for a tick', async () => {
    const world = createWorld()
    for (let id = 0; id < 20; id++) world.host(`h${id}`)
    await world.minutes(2)
    world.network(100)
    const from = world.queues.sent.length
    world.advance(60_000)
    await world.tick()
    let inHand = 0
    for (let round = 0; round < 40 && !world.converged(); round++) {
      await world.deliver('diff')
      const waiting = (await world.records()).filter((record) => record.queued !== record.ran).length
      inHand = Math.max(inHand, waiting)
      await world.deliver('provisionKvm')
    }
    expect(world.converged()).toBe(true)
    expect(inHand).toBe(5)
    expect(world.queues.sent.slice(from).filter(({ queue }) => queue === 'provisionKvm')).toHaveLength(20)
  })

  it('a host that is no longer listed is left alone, and is served again when it is back', async () => {
    const world = createWorld()
    world.host('a')
    world.host('b')
    world.network(100)
    await world.minutes(2)
    world.removeHost('b')
    await world.minutes(2)
    world.network(200)
    await world.minutes(2)
    expect((await world.records()).find((record) => record.id === 'b')).toMatchObject({ state: 'Removed', wanted: 1 })
    expect(world.devices.get('b')?.has('vlan://200')).toBe(false)
    world.host('b')
    await world.minutes(2)
    expect(world.devices.get('b')?.has('vlan://200')).toBe(true)
  })

  it('a kick while a snapshot is under way makes it go round once more', async () => {
    const world = createWorld()
    world.host('a')
    let kicked = false
    const list = async (pk: string, prefix: string) => {
      if (!kicked) {
        kicked = true
        world.host('b')
        await kickSnapshot({ ...quiet, store: world.store, queues: world.queues }, 'default', 'test')
      }
      return world.store.list(pk, prefix)
    }
    const quiet = {
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      now: world.now,
      random: () => 0,
      newId: () => 'k',
    }
    world.advance(60_000)
    expect(await world.tick({ store: { ...world.store, list } })).toMatchObject({ tick: 2, hosts: 2 })
  })

  it('a snapshot that finds another at work leaves it alone', async () => {
    const world = createWorld()
    world.host('a')
    await world.store.update({
      key: { pk: 'C#default', sk: 'CONTROL' },
      set: { v: 1, holder: 'x', until: world.now() + 1 },
    })
    expect(await world.tick()).toEqual({ skipped: 'another snapshot holds the lease' })
    world.advance(1)
    expect(await world.tick()).toMatchObject({ tick: 1 })
  })

  it('an operator’s backfill runs a host again although nothing else is due', async () => {
    const world = createWorld()
    world.host('a')
    world.network(100)
    await world.minutes(1)
    await world.backfill()
    await world.minutes(1)
    const [record] = await world.records()
    expect(record).toMatchObject({ wanted: 2, done: 2 })
  })
})
