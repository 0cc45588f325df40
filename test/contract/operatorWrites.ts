/** What every store engine must do for pauses, holds, releases and the history; a part of the store's contract. */
import { expect, it } from 'vitest'
import { type Hold, probed } from '../../shared/reconcile/holds.ts'
import { firstKey, keyRefused, keysAre } from '../../shared/store/hostKeyWrites.ts'
import {
  controlKey,
  historyPrefix,
  holdKey,
  hostKey,
  jumpKeyKey,
  pauseKey,
  readControl,
  readHistoryLine,
  readHold,
  readHost,
  readPause,
  readSshKeys,
  sshKeyKey,
  zonePartition,
} from '../../shared/store/items.ts'
import type { Condition, Store } from '../../shared/store/store.ts'
import * as writes from '../../shared/store/writes.ts'
import { hostFact, hostRecord } from '../factories.ts'

const cloud = 'test'
const cause = 'KVM/HostUnreachable'

/** @param ownZone a zone that no other case works in */
export function operatorWrites(store: () => Store, ownZone: () => string): void {
  const host = async (zone: string) => readHost(await store().get(hostKey(cloud, zone, 'host-1')))
  const hold = (given: Partial<Hold> = {}): Hold => ({
    ...{ cause, state: 'held', since: 1, failing: 3, tried: 9, tolerated: 0, probes: 0 },
    ...given,
  })

  it('lets the first pause stand', async () => {
    const zone = ownZone()
    expect(readPause(await store().update(writes.pauseIs(cloud, zone, 1, 'ann', 'work')))).toMatchObject({ by: 'ann' })
    expect(await store().update(writes.pauseIs(cloud, zone, 2, 'bob', undefined))).toBeUndefined()
    expect(readPause(await store().get(pauseKey(cloud, zone)))).toEqual({ v: 1, at: 1, by: 'ann', why: 'work' })
  })

  it('writes a hold only on what was read of it', async () => {
    const zone = ownZone()
    const first = readHold(await store().update(writes.holdIs(cloud, zone, hold(), undefined)))
    expect(first).toMatchObject({ cause, state: 'held', serial: 1, over: false })
    expect(await store().update(writes.holdIs(cloud, zone, hold({ probes: 7 }), undefined))).toBeUndefined()
    const probe = hold({ probes: 1, probedAt: 5, probeHost: 'h', probeTick: 4 })
    expect(readHold(await store().update(writes.holdIs(cloud, zone, probe, 1)))).toMatchObject({ ...probe, serial: 2 })
    expect(await store().update(writes.holdIs(cloud, zone, hold({ state: 'open' }), 1))).toBeUndefined()
    const open = readHold(await store().update(writes.holdIs(cloud, zone, hold({ state: 'open', by: 'ann' }), 2)))
    expect(open).toMatchObject({ state: 'open', by: 'ann', serial: 3 })
    expect(open).not.toHaveProperty('probeHost')
  })

  it('writes the probe of a hold as it was read, with all that was read of it', async () => {
    const zone = ownZone()
    await store().update(writes.holdIs(cloud, zone, hold(), undefined))
    const read = readHold(await store().get(holdKey(cloud, zone, cause)))
    if (read === undefined) throw new Error('there is no hold')
    const written = await store().update(writes.holdIs(cloud, zone, probed(read, 'host-1', 7, 9), read.serial))
    expect(readHold(written)).toMatchObject({ probes: 1, probeHost: 'host-1', probeTick: 7, probedAt: 9, serial: 2 })
    expect(written).not.toHaveProperty('over')
  })

  it('numbers the writes of a hold on when it is over and begins again', async () => {
    const zone = ownZone()
    const first = readHold(await store().update(writes.holdIs(cloud, zone, hold(), undefined)))
    const over = first && readHold(await store().update(writes.holdIsOver(cloud, zone, first, 99)))
    expect(over).toMatchObject({ over: true, serial: 2 })
    const again = readHold(await store().update(writes.holdIs(cloud, zone, hold({ since: 9 }), over?.serial)))
    expect(again).toMatchObject({ over: false, since: 9, serial: 3 })
  })

  it('puts a job back once, unless it ran, a later one did, or a run is under way', async () => {
    const zone = ownZone()
    const putJobBack = (tick: number) => store().update(writes.putJobBack(cloud, zone, 'host-1', tick))
    expect(await putJobBack(1)).toBeUndefined()
    await store().update(writes.state(cloud, hostFact({ zone }), 1, 'hostAdded', 5))
    await store().update(writes.mark(cloud, hostRecord({ zone }), 2, 'edge', 100))
    expect(readHost(await putJobBack(2))).toMatchObject({ ran: 2, wanted: 1, done: 0 })
    expect(await putJobBack(2)).toBeUndefined()
    const times = { now: 0, runUntil: 50, outstandingUntil: 90 }
    await store().update(writes.acquireRun(cloud, zone, 'host-1', 3, 'edge', 'run', times))
    expect(await putJobBack(3)).toBeUndefined()
  })

  it('releases just the refusal that was read, and kicks in the same write', async () => {
    const own = ownZone()
    const refusal = { digest: 'a', absentees: 8, known: 9, since: 1, times: 1 }
    expect(await store().update(writes.releaseRefusal(own, 'hosts', 'a'))).toBeUndefined()
    await store().update({ key: controlKey(own), set: { v: 1, refusals: { hosts: refusal, networks: refusal } } })
    expect(await store().update(writes.releaseRefusal(own, 'hosts', 'b'))).toBeUndefined()
    const after = readControl(await store().update(writes.releaseRefusal(own, 'hosts', 'a')))
    expect(after).toMatchObject({ kick: 1, refusals: { hosts: { ...refusal, released: true }, networks: refusal } })
    expect(after?.refusals?.networks).not.toHaveProperty('released')
  })

  it('keeps the first key of a host, and writes others only on what was read', async () => {
    const key = sshKeyKey(cloud, ownZone(), 'host-1')
    const by = (source: 'import' | 'accept-new', at: number) => ({ source, by: 'ann', at }) as const
    const read = async () => readSshKeys(await store().get(key))
    await store().update(keyRefused(key, 'ssh-ed25519 A', 1))
    expect(readSshKeys(await store().update(firstKey(key, 'ssh-ed25519 B', by('accept-new', 2))))).toEqual({
      ...{ keys: ['ssh-ed25519 B'], serial: 1 },
      ...by('accept-new', 2),
    })
    expect(await store().update(firstKey(key, 'ssh-ed25519 C', by('accept-new', 3)))).toBeUndefined()
    expect(await store().update(keysAre(key, ['ssh-rsa D'], by('import', 4), undefined))).toBeUndefined()
    const why = { ...by('import', 5), why: 'reinstalled' }
    expect(await store().update(keysAre(key, ['ssh-rsa D', '@revoked ssh-ed25519 B'], why, 1))).toBeDefined()
    expect(await store().update(keysAre(key, ['ssh-rsa E'], by('import', 6), 1))).toBeUndefined()
    expect(await read()).toMatchObject({ keys: ['ssh-rsa D', '@revoked ssh-ed25519 B'], serial: 2, why: 'reinstalled' })
    await store().update(keysAre(key, ['ssh-rsa E'], by('import', 7), 2))
    expect(await read()).not.toHaveProperty('why')
  })

  it('takes a condition that is one of one', async () => {
    const key = pauseKey(cloud, ownZone())
    const when: Condition = { all: [{ all: [{ absent: 'x' }] }, { any: [{ all: [{ absent: 'y' }] }] }] }
    expect(await store().update({ key, set: { x: 1 }, when })).toBeDefined()
    expect(await store().update({ key, set: { x: 2 }, when })).toBeUndefined()
    expect(await store().delete(key, { any: [when] })).toBe(false)
  })

  it('keeps the last key that was refused, and takes it only while it is still that one', async () => {
    const key = jumpKeyKey(ownZone(), '192.0.2.9:22')
    const by = { source: 'accept', by: 'ann', at: 9 } as const
    expect(readSshKeys(await store().update(keyRefused(key, 'k1', 1)))).toEqual({
      keys: [],
      refused: 'k1',
      refusedAt: 1,
    })
    expect(await store().update(keyRefused(key, 'k1', 2))).toBeUndefined()
    for (const other of ['k0', 'k2']) expect(await store().update(keyRefused(key, other, 3))).toBeDefined()
    expect(await store().update(keysAre(key, ['k1'], by, undefined, 'k1'))).toBeUndefined()
    expect(readSshKeys(await store().update(keysAre(key, ['k2'], by, undefined, 'k2')))).toEqual({
      ...{ keys: ['k2'], serial: 1 },
      ...by,
    })
    expect(await store().update(keysAre(key, ['k2'], by, 1, 'k2'))).toBeUndefined()
  })

  it('keeps the history of a host in the order of time, and a line that is written twice once', async () => {
    const zone = ownZone()
    const line = (host: string, at: number, id: string) =>
      store().update(writes.history(cloud, zone, host, { at, what: 'run', expires: 9 }, id))
    for (const [at, id] of [
      [5, 'a'],
      [1_800_000_000_000, 'b'],
      [40, 'c'],
      [5, 'a'],
    ] as const)
      await line('h', at, id)
    await line('h2', 6, 'd')
    await line('', 7, 'e')
    const read = async (host: string) =>
      (await store().list(zonePartition(cloud, zone), historyPrefix(host))).map((item) => readHistoryLine(item)?.at)
    expect([await read('h'), await read('h2'), await read('')]).toEqual([[5, 40, 1_800_000_000_000], [6], [7]])
  })

  it('counts the wait for being ready from the first edge, and anew from a new connection', async () => {
    const zone = ownZone()
    const edge = (tick: number, methods: string, now: number) =>
      store().update(writes.state(cloud, hostFact({ zone }), tick, methods, now))
    await edge(1, 'hostAdded+hostConnect', 10)
    await edge(2, 'hostEnabled', 20)
    await store().update(writes.want(cloud, hostRecord({ zone }), 'backfill', 30))
    expect(await host(zone)).toMatchObject({ unreadySince: 10, edgeAt: 30, wanted: 3 })
    await edge(3, 'hostConnect+hostEnabled', 40)
    expect(await host(zone)).toMatchObject({ unreadySince: 40 })
  })

  it('keeps since when a host is gone, and forgets it when the host is back', async () => {
    const zone = ownZone()
    const state = (given: string, tick: number, now: number) =>
      store().update(writes.state(cloud, hostFact({ zone, state: given }), tick, undefined, now))
    await state('Removed', 1, 10)
    await state('Removed', 2, 20)
    expect(await host(zone)).toMatchObject({ removedAt: 10 })
    await state('Up', 3, 30)
    expect(await host(zone)).not.toHaveProperty('removedAt')
  })
}
