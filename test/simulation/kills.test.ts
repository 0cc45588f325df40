import { describe, expect, it } from 'vitest'
import { killedAt } from './faults.ts'
import { createWorld, type World } from './world.ts'

const hostCount = 8

/** Eight hosts in one cluster with three networks, in sync; then each loses its devices and comes Up anew. */
async function rebooted(): Promise<World> {
  const world = createWorld()
  for (let id = 1; id <= hostCount; id++) world.host(`h${id}`)
  for (const id of [100, 200, 300]) world.network(id)
  await world.minutes(2)
  expect(world.converged()).toBe(true)
  for (const [id, devices] of world.devices) {
    world.host(id, { state: 'Alert' })
    devices.clear()
  }
  await world.minutes(1)
  for (const id of world.devices.keys()) world.host(id, { state: 'Up' })
  world.applied.length = 0
  return world
}

async function expectConverged(world: World): Promise<void> {
  expect(world.converged()).toBe(true)
  expect(world.overlaps).toEqual([])
  for (const record of await world.records()) {
    expect(record).toMatchObject({ wanted: 2, tried: 2, done: 2, verdict: 'InSync' })
    expect(record.runId).toBeUndefined()
  }
}

describe('everything converges, and nothing runs twice at once', () => {
  it('when nothing fails', async () => {
    const world = await rebooted()
    await world.minutes(1)
    await expectConverged(world)
    expect(world.applied).toHaveLength(hostCount)
  })

  it('when a snapshot is killed after its state writes and before its diff request', async () => {
    const world = await rebooted()
    const killable = killedAt(world, { send: (queue) => queue === 'diff' })
    await expect(world.tick(killable.ports)).rejects.toThrow('killed here')
    expect((await world.records()).every((record) => record.wanted === 2)).toBe(true)
    await world.minutes(6)
    await expectConverged(world)
    expect(world.applied).toHaveLength(hostCount)
  })

  it('when a diff is killed after its marks and before its send', async () => {
    const world = await rebooted()
    const killable = killedAt(world, { send: (queue) => queue === 'provisionKvm' })
    await world.tick()
    await world.deliver('diff', killable.ports)
    expect(killable.killed()).toBe(true)
    expect((await world.records()).every((record) => record.queued !== record.ran)).toBe(true)
    await world.minutes(7)
    await expectConverged(world)
    expect(world.applied).toHaveLength(hostCount)
  })

  it('when a run is killed between its apply and its report', async () => {
    const world = await rebooted()
    const killable = killedAt(world, { write: (write) => write.copy?.done !== undefined })
    await world.tick()
    await world.deliver('diff')
    await world.deliver('provisionKvm', killable.ports)
    expect(killable.killed()).toBe(true)
    expect((await world.records()).some((record) => record.runId !== undefined)).toBe(true)
    await world.minutes(8)
    await expectConverged(world)
  })

  it.each(['diff', 'provisionKvm'] as const)('when the queue %s is purged between two ticks', async (queue) => {
    const world = await rebooted()
    await world.tick()
    if (queue === 'provisionKvm') await world.deliver('diff')
    world.queues.purge(queue)
    await world.minutes(7)
    await expectConverged(world)
    expect(world.applied).toHaveLength(hostCount)
  })
})
