import { describe, expect, it } from 'vitest'
import { readHistory } from '../../shared/flow/history.ts'
import { settledWorld } from './settledWorld.ts'
import { createWorld, type World } from './world.ts'

const zone = 'zone-1'

describe('the history of a host', () => {
  it('has a line for each change, and none for a verification that found all as it was', async () => {
    const world = await settledWorld(1, 1, { BRIDGEKEEPER_VERIFY_SECONDS: '300' })
    const lines = () => readHistory(world.store, 'default', { zone, host: 'h0' }, 100)
    expect(await lines()).toMatchObject([{ what: 'run', verdict: 'InSync', created: 1 }])
    await world.minutes(30)
    expect(await lines()).toHaveLength(1)
    world.faults.set('h0', 'HostUnreachable')
    await world.minutes(40)
    expect(await lines()).toMatchObject([{ verdict: 'InSync', reason: 'HostUnreachable' }, { verdict: 'InSync' }])
    world.faults.clear()
    await world.minutes(70)
    const [last, ...before] = await lines()
    expect(last).toMatchObject({ what: 'run', verdict: 'InSync' })
    expect(last).not.toHaveProperty('reason')
    expect(before).toHaveLength(2)
    expect(last?.expires).toBe(Math.floor(((last?.at ?? 0) + 30 * 86_400_000) / 1000))
  })
})

describe('the time to ready', () => {
  const ready = async (world: World, id: string) =>
    (await world.records()).find((record) => record.id === id)?.readySeconds

  it('of a late host, a reboot, an enabling and a backfill is from the edge to the verification', async () => {
    const world = await settledWorld(2)
    world.host('late')
    world.advance(60_000)
    await world.tick()
    world.advance(7_000)
    await world.deliver('diff')
    await world.deliver('provisionKvm')
    expect(await ready(world, 'late')).toBe(7)
    world.host('h0', { state: 'Alert' })
    world.host('h1', { resourceState: 'Disabled' })
    await world.minutes(1)
    world.host('h0', { state: 'Up' })
    world.host('h1', { resourceState: 'Enabled' })
    world.advance(60_000)
    await world.tick()
    world.advance(9_000)
    await world.deliver('diff')
    await world.deliver('provisionKvm')
    expect([await ready(world, 'h0'), await ready(world, 'h1')]).toEqual([9, 9])
    await world.backfill()
    world.advance(4_000)
    await world.deliver('snapshot')
    await world.deliver('diff')
    await world.deliver('provisionKvm')
    expect(await ready(world, 'h0')).toBe(4)
  })

  it('counts from the first edge that was not served, also where a backfill or an enabling came later', async () => {
    const world = createWorld()
    world.faults.set('a', 'HostUnreachable')
    world.host('a', { resourceState: 'Disabled' })
    world.network(100)
    await world.minutes(2)
    await world.backfill()
    world.host('a', { resourceState: 'Enabled' })
    await world.minutes(3)
    world.faults.clear()
    await world.backfill()
    await world.minutes(1)
    const [record] = await world.records()
    expect(record?.verdict).toBe('InSync')
    expect(record?.readySeconds).toBe(5 * 60)
  })

  it('counts anew when the host came Up again', async () => {
    const world = createWorld()
    world.faults.set('a', 'HostUnreachable')
    world.host('a')
    world.network(100)
    await world.minutes(10)
    world.host('a', { state: 'Down' })
    await world.minutes(10)
    world.faults.clear()
    world.host('a', { state: 'Up' })
    await world.minutes(1)
    expect(await ready(world, 'a')).toBe(0)
  })

  it('is told once the host is in sync, also where that took a retry', async () => {
    const world = createWorld()
    world.faults.set('a', 'UplinkMissing')
    world.host('a')
    world.network(100)
    await world.minutes(3)
    expect(await ready(world, 'a')).toBeUndefined()
    world.faults.clear()
    await world.minutes(10)
    expect((await world.records())[0]?.verdict).toBe('InSync')
    expect(await ready(world, 'a')).toBeGreaterThanOrEqual(180)
  })
})
