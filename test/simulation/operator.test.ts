import { describe, expect, it } from 'vitest'
import { kickSnapshot } from '../../shared/flow/backfill.ts'
import { readHistory } from '../../shared/flow/history.ts'
import { readHolds } from '../../shared/flow/holds.ts'
import { pause, readPauses, resume } from '../../shared/flow/pause.ts'
import { release } from '../../shared/flow/release.ts'
import { controlKey, holdKey, pauseKey, readControl } from '../../shared/store/items.ts'
import { sparingNewer } from '../../shared/store/notNewer.ts'
import type { Store } from '../../shared/store/store.ts'
import { settledWorld } from './settledWorld.ts'
import { createWorld, type World } from './world.ts'

const by = 'ann@desk'
const zone = 'zone-1'
const held = async (world: World) =>
  (await readHolds(world.store, 'default', zone)).filter(({ state }) => state === 'held').map(({ cause }) => cause)
const jobs = (world: World) => world.queues.sent.filter(({ queue }) => queue === 'provisionKvm').length

describe.each([
  ['the cloud', undefined],
  ['its zone', 'one'],
])('while %s is paused', (_, chosen) => {
  it('no job is sent, and a reboot is served after the resume, at once', async () => {
    const world = await settledWorld(2)
    await pause(world.ports, world.policy, chosen, { by, why: 'switch work' })
    world.devices.get('h0')?.clear()
    world.host('h0', { state: 'Alert' })
    await world.minutes(1)
    world.host('h0', { state: 'Up' })
    const before = jobs(world)
    await world.minutes(30)
    expect(jobs(world)).toBe(before)
    expect(await readPauses(world.store, 'default', [{ id: zone, name: 'one' }])).toMatchObject([
      { by, why: 'switch work' },
    ])
    await resume(world.ports, world.policy, chosen, { by })
    await world.deliver('snapshot')
    await world.deliver('diff')
    await world.deliver('provisionKvm')
    expect(world.converged()).toBe(true)
  })

  it.each(['edge', 'revision'] as const)(
    'a job (%s) that was queued before does nothing, and is due again after it',
    async (why) => {
      const world = await settledWorld(1)
      if (why === 'edge') await world.backfill()
      else world.network(200)
      world.devices.get('h0')?.clear()
      world.advance(60_000)
      await world.tick()
      await world.deliver('diff')
      expect((await world.records())[0]).toMatchObject({ queuedWhy: why })
      const [before] = await world.records()
      await pause(world.ports, world.policy, chosen, { by })
      await world.deliver('provisionKvm')
      const [after] = await world.records()
      expect(after).toEqual({ ...before, ran: before?.queued })
      expect(world.devices.get('h0')?.size).toBe(0)
      await resume(world.ports, world.policy, chosen, { by })
      await world.minutes(1)
      expect(world.converged()).toBe(true)
      expect((await world.records())[0]).toMatchObject({ verdict: 'InSync', failures: 0 })
    },
  )

  it('a diff that was killed after its marks and comes again sends nothing', async () => {
    const world = await settledWorld(1)
    await world.backfill()
    world.advance(60_000)
    await world.tick()
    const refusing = { send: () => Promise.reject(new Error('the queue is out')) }
    await world.deliver('diff', { queues: refusing })
    await pause(world.ports, world.policy, chosen, { by })
    const before = jobs(world)
    world.advance(400_000)
    await world.deliver('diff')
    expect(jobs(world)).toBe(before)
  })
})

describe('pausing', () => {
  it('twice leaves the first pause as it is', async () => {
    const world = await settledWorld(1)
    await pause(world.ports, world.policy, undefined, { by, why: 'first' })
    const second = await pause(world.ports, world.policy, undefined, { by: 'bob@desk', why: 'second' })
    expect(second).toMatchObject({ before: true, paused: { by, why: 'first' } })
  })

  it('a zone and the cloud are two pauses, and each ends by itself', async () => {
    const world = await settledWorld(1)
    await pause(world.ports, world.policy, undefined, { by })
    await pause(world.ports, world.policy, 'one', { by })
    const first = await resume(world.ports, world.policy, 'one', { by })
    expect(first).toMatchObject({ ended: { zone: { id: zone } }, standing: [{ by }] })
    expect(await resume(world.ports, world.policy, 'one', { by })).toMatchObject({
      ended: undefined,
      standing: [{ by }],
    })
    expect(await resume(world.ports, world.policy, undefined, { by })).toMatchObject({ ended: { by }, standing: [] })
  })

  it('a zone that is not there is refused with those that are', async () => {
    const world = await settledWorld(1)
    await expect(pause(world.ports, world.policy, 'two', { by })).rejects.toThrow(
      'no zone is called "two": zones are "one"',
    )
  })

  it('one that a newer version wrote stands: no job is sent, and a resume by this version says so', async () => {
    const world = await settledWorld(1)
    await world.store.update({ key: pauseKey('default', zone), set: { v: 2, at: 1, until: 'tomorrow' } })
    await world.backfill()
    const before = jobs(world)
    await world.minutes(3)
    expect(jobs(world)).toBe(before)
    const ports = { ...world.ports, store: sparingNewer(world.store) }
    await expect(resume(ports, world.policy, 'one', { by })).rejects.toThrow(
      'or a newer version of Bridgekeeper wrote it',
    )
    expect(await world.store.get(pauseKey('default', zone))).toMatchObject({ v: 2, until: 'tomorrow' })
  })

  it('asks for no diff of a paused zone', async () => {
    const world = await settledWorld(1)
    await world.backfill()
    await pause(world.ports, world.policy, 'one', { by })
    world.advance(60_000)
    expect(await world.tick()).toMatchObject({ zonesDue: 0 })
    await resume(world.ports, world.policy, 'one', { by })
    expect(await world.tick()).toMatchObject({ zonesDue: 1 })
  })

  it('leaves a line each time, with who and why', async () => {
    const world = await settledWorld(1)
    await pause(world.ports, world.policy, 'one', { by, why: 'switch work' })
    await resume(world.ports, world.policy, 'one', { by: 'bob@desk' })
    const lines = await readHistory(world.store, 'default', { zone }, 10)
    expect(lines.map(({ what, by: who, why }) => [what, who, why])).toEqual(
      expect.arrayContaining([
        ['pause', by, 'switch work'],
        ['resume', 'bob@desk', undefined],
      ]),
    )
  })
})

describe('a cause that many hosts fail from', () => {
  /** Twelve hosts; all but one lose their uplink as a second network comes. */
  async function broken(): Promise<World> {
    const world = await settledWorld(12, 1, { BRIDGEKEEPER_HOLD_PROBE_SECONDS: '300' })
    for (let n = 0; n < 12; n++) world.faults.set(`h${n}`, 'UplinkMissing')
    world.network(200)
    await world.minutes(2)
    return world
  }

  it('is carried to a wave or two, and to no more hosts', async () => {
    const world = await broken()
    expect(await held(world)).toEqual(['KVM/UplinkMissing/pn-1'])
    const failed = (await world.records()).filter((record) => record.verdict === 'OutOfSync')
    expect(failed.length).toBeLessThanOrEqual(6)
    const before = jobs(world)
    await world.minutes(4)
    expect(jobs(world) - before).toBeLessThanOrEqual(1)
  })

  it('does not make a rebooted host wait', async () => {
    const world = await broken()
    world.faults.delete('h11')
    world.host('h11', { state: 'Alert' })
    await world.minutes(1)
    world.devices.get('h11')?.clear()
    world.host('h11', { state: 'Up' })
    await world.minutes(1)
    expect(world.devices.get('h11')?.size).toBe(2)
    expect(await held(world)).toHaveLength(1)
  })

  it('outlives a new revision', async () => {
    const world = await broken()
    world.network(300)
    await world.minutes(3)
    expect(await held(world)).toHaveLength(1)
  })

  it('is over by a probe once it is gone, and everything comes right by itself', async () => {
    const world = await broken()
    world.faults.clear()
    await world.minutes(15)
    expect(await held(world)).toEqual([])
    await world.minutes(60)
    expect(world.converged()).toBe(true)
  })

  it('stays held when a pause puts its probe back: a job that did nothing shows nothing', async () => {
    const world = await broken()
    const probeOfFine = async () => {
      const [hold] = await readHolds(world.store, 'default', zone)
      const host = (await world.records()).find(({ id }) => id === hold?.probeHost)
      return host?.verdict === 'InSync' && host.ran !== hold?.probeTick ? host : undefined
    }
    for (let minute = 0; minute < 30 && (await probeOfFine()) === undefined; minute++) {
      await world.deliver('provisionKvm')
      world.advance(60_000)
      await world.tick()
      await world.deliver('diff')
    }
    const probe = await probeOfFine()
    expect(probe).toBeDefined()
    await pause(world.ports, world.policy, undefined, { by })
    await world.deliver('provisionKvm')
    expect((await world.records()).find(({ id }) => id === probe?.id)?.ran).toBe(probe?.queued)
    await resume(world.ports, world.policy, undefined, { by })
    await world.deliver('snapshot')
    await world.deliver('diff')
    expect(await held(world)).toEqual(['KVM/UplinkMissing/pn-1'])
  })

  it('is opened by an operator, is not held again over the same hosts, and the rest is served', async () => {
    const world = await broken()
    for (let n = 0; n < 12; n++) {
      const verdict = (await world.records()).find(({ id }) => id === `h${n}`)?.verdict
      if (verdict === 'InSync') world.faults.delete(`h${n}`)
    }
    expect(await release(world.ports, world.policy, {}, { by })).toMatchObject([
      { what: 'hold', zone: { name: 'one' } },
    ])
    await world.minutes(5)
    expect(await held(world)).toEqual([])
    const waiting = (await world.records()).filter(
      ({ id }) => !world.faults.has(id) && !world.devices.get(id)?.has('vlan://200'),
    )
    expect(waiting).toEqual([])
  })

  it('keeps everything back while a newer version has written a hold, which this one cannot read', async () => {
    const world = await settledWorld(2)
    await world.store.update({ key: holdKey('default', zone, 'KVM/HostUnreachable'), set: { v: 2 } })
    world.network(200)
    const before = jobs(world)
    await world.minutes(3)
    expect(jobs(world)).toBe(before)
  })

  it('a cause that nobody knows is refused', async () => {
    const world = await settledWorld(1)
    await expect(release(world.ports, world.policy, { cause: 'KVM/Nonsense' }, { by })).rejects.toThrow('KVM/Nonsense')
    expect(await release(world.ports, world.policy, {}, { by })).toEqual([])
  })
})

describe('a disappearance that is refused', () => {
  it('is believed once an operator released just this one', async () => {
    const world = await settledWorld(8)
    for (let n = 0; n < 8; n++) world.removeHost(`h${n}`)
    await world.minutes(1)
    const refusals = async () => readControl(await world.store.get(controlKey('default')))?.refusals
    expect(await refusals()).toMatchObject({ hosts: { absentees: 8 } })
    expect(await release(world.ports, world.policy, { cause: 'hosts' }, { by, why: 'site closed' })).toMatchObject([
      { what: 'refusal', cause: 'hosts', count: 8 },
    ])
    expect(await refusals()).toMatchObject({ hosts: { absentees: 8, released: true } })
    await world.deliver('snapshot')
    expect((await world.records()).every(({ state }) => state === 'Removed')).toBe(true)
    expect(await refusals()).toEqual({})
    expect(await readHistory(world.store, 'default', {}, 1)).toMatchObject([
      { what: 'release', by, why: 'site closed' },
    ])
  })

  it.each([1, 2])('stays released when that happens in round %i of a snapshot', async (during) => {
    const world = await settledWorld(8)
    for (let n = 0; n < 8; n++) world.removeHost(`h${n}`)
    await world.minutes(1)
    let round = 0
    const list: Store['list'] = async (pk, prefix, range) => {
      const read = await world.store.list(pk, prefix, range)
      if (prefix !== 'H#' || ++round > during) return read
      if (round < during) await kickSnapshot(world.ports, 'default', 'test')
      else await release(world.ports, world.policy, { cause: 'hosts' }, { by })
      return read
    }
    world.advance(60_000)
    await world.tick({ store: { ...world.store, list } })
    expect(round).toBe(2)
    await world.minutes(1)
    expect((await world.records()).every(({ state }) => state === 'Removed')).toBe(true)
  })
})

describe('a snapshot that is kicked in both its rounds', () => {
  /** @returns the control item after a tick in which each round was kicked once it had listed. */
  async function kickedTwice(world: World) {
    const list: Store['list'] = async (pk, prefix, range) => {
      if (prefix === 'H#') await kickSnapshot(world.ports, 'default', 'test')
      return world.store.list(pk, prefix, range)
    }
    world.advance(60_000)
    await world.tick({ store: { ...world.store, list } })
    return readControl(await world.store.get(controlKey('default')))
  }

  it('gives its lease back and is known to have gone well', async () => {
    const world = await settledWorld(1)
    const control = await kickedTwice(world)
    expect(control).not.toHaveProperty('holder')
    expect(control?.lastGoodAt).toBe(world.now())
  })

  it('counts a refusal all the same: it ends although somebody kicks in every round', async () => {
    const world = createWorld()
    world.host('a')
    for (let id = 100; id < 108; id++) world.network(id)
    await world.minutes(2)
    for (let id = 100; id < 108; id++) world.removeNetwork(id)
    expect((await kickedTwice(world))?.refusals).toMatchObject({ networks: { absentees: 8, known: 8, times: 2 } })
    for (let minute = 0; minute < 4; minute++) {
      expect((await kickedTwice(world))?.refusals).toHaveProperty('networks')
    }
    expect((await kickedTwice(world))?.refusals).toEqual({})
  })
})

it('a snapshot whose lease another one took says so, and leaves the lease alone', async () => {
  const world = await settledWorld(1)
  const list: Store['list'] = async (pk, prefix, range) => {
    await world.store.update({ key: controlKey('default'), set: { holder: 'other' } })
    return world.store.list(pk, prefix, range)
  }
  expect(await world.tick({ store: { ...world.store, list } })).toEqual({ skipped: 'another snapshot took the lease' })
  expect(await world.store.get(controlKey('default'))).toMatchObject({ holder: 'other' })
})
