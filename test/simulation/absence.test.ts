import { describe, expect, it } from 'vitest'
import { readDesired, readTombstones } from '../../shared/flow/read.ts'
import { controlKey, readControl } from '../../shared/store/items.ts'
import { settledWorld } from './settledWorld.ts'
import type { World } from './world.ts'

const cloud = 'default'
const uris = async (world: World) =>
  (await readDesired(world.store, cloud, 'zone-1', 'KVM'))?.networks.map(({ uri }) => uri)
const control = async (world: World) => readControl(await world.store.get(controlKey(cloud)))

describe('what a listing lacks', () => {
  it('all hosts at once: nobody is Removed, an alarm stands, and the last good snapshot grows old', async () => {
    const world = await settledWorld(8, 1)
    const before = await control(world)
    for (let id = 0; id < 8; id++) world.removeHost(`h${id}`)
    await world.minutes(2)
    expect((await world.records()).map((record) => record.state)).toEqual(Array(8).fill('Up'))
    expect((await control(world))?.refusals?.hosts).toMatchObject({ absentees: 8, known: 8, times: 2 })
    expect((await control(world))?.lastGoodAt).toBe(before?.lastGoodAt)
  })

  it('all hosts, for five minutes: it is believed', async () => {
    const world = await settledWorld(8, 1)
    for (let id = 0; id < 8; id++) world.removeHost(`h${id}`)
    await world.minutes(7)
    expect((await world.records()).map((record) => record.state)).toEqual(Array(8).fill('Removed'))
    expect((await control(world))?.refusals).toEqual({})
  })

  it('all hosts, again after a snapshot that left nothing behind of what it saw: it is counted anew', async () => {
    const world = await settledWorld(8, 1)
    for (let id = 0; id < 8; id++) world.removeHost(`h${id}`)
    await world.minutes(4)
    expect((await control(world))?.refusals?.hosts).toMatchObject({ times: 4 })
    await world.store.update({ key: controlKey(cloud), add: { tick: 1 } })
    await world.minutes(1)
    expect((await control(world))?.refusals?.hosts).toMatchObject({ absentees: 8, times: 1 })
    await world.minutes(4)
    expect((await world.records()).map((record) => record.state)).toEqual(Array(8).fill('Up'))
    await world.minutes(2)
    expect((await world.records()).map((record) => record.state)).toEqual(Array(8).fill('Removed'))
  })

  it('all hosts Disconnected for ten ticks, then Up without devices: no alarm, and all converge', async () => {
    const world = await settledWorld(8, 2)
    for (let id = 0; id < 8; id++) world.host(`h${id}`, { state: 'Disconnected' })
    await world.minutes(10)
    expect((await control(world))?.refusals).toEqual({})
    for (const [id, devices] of world.devices) {
      devices.clear()
      world.host(id, { state: 'Up' })
    }
    await world.minutes(2)
    expect(world.converged()).toBe(true)
  })

  it('two of ten networks: they leave the set at once, with tombstones, and no host is touched for it', async () => {
    const world = await settledWorld(2, 10)
    world.removeNetwork(100)
    world.removeNetwork(101)
    await world.minutes(2)
    expect(await uris(world)).toHaveLength(8)
    const stones = await readTombstones(world.store, cloud, 'zone-1')
    expect(stones.map(({ uri, networks }) => [uri, networks[0]?.id])).toEqual([
      ['vlan://100', 'n-100'],
      ['vlan://101', 'n-101'],
    ])
    expect(world.devices.get('h0')?.has('vlan://100')).toBe(true)
  })

  it('half of the networks: the last good set stays, a new network is added at once, and time or its return ends it', async () => {
    const world = await settledWorld(2, 10)
    for (let id = 0; id < 5; id++) world.removeNetwork(100 + id)
    world.network(500)
    await world.minutes(2)
    expect(await uris(world)).toHaveLength(11)
    expect(world.devices.get('h0')?.has('vlan://500')).toBe(true)
    expect((await control(world))?.refusals?.networks).toMatchObject({ absentees: 5, known: 11 })
    await world.minutes(6)
    expect(await uris(world)).toHaveLength(6)
    expect((await control(world))?.refusals).toEqual({})
  })
})

describe('a snapshot that outlasts its lease', () => {
  it('writes no host any more, so that an older reading cannot swallow an edge', async () => {
    const world = await settledWorld(2, 1)
    world.host('h0', { state: 'Alert' })
    const late = world.tick({
      store: {
        ...world.store,
        list: async (...asked) => {
          const items = await world.store.list(...asked)
          if (asked[1] === 'H#') world.advance(60 * 60_000)
          return items
        },
      },
    })
    expect(await late).toMatchObject({ failed: expect.stringContaining('outlasted its lease') })
    expect((await world.records()).map((record) => record.state)).toEqual(['Up', 'Up'])
    await world.minutes(1)
    expect((await world.records()).map((record) => record.state).sort()).toEqual(['Alert', 'Up'])
  })
})
