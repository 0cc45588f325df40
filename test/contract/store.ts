/** What every store engine must do; run over each with `describe.each` (store.test.ts). */
import { expect, it } from 'vitest'
import { hostKey, readControl, readHost, zonePartition } from '../../shared/store/items.ts'
import type { Condition, Item, Range, Store, Write } from '../../shared/store/store.ts'
import * as writes from '../../shared/store/writes.ts'
import { hostFact, hostRecord } from '../factories.ts'
import { gateWritesContract } from './gateWrites.ts'
import { leaseWritesContract } from './leaseWrites.ts'
import { operatorWrites } from './operatorWrites.ts'

const cloud = 'test'

/** Each case works in a zone and a cloud of its own, so one engine serves them all. */
export function storeContract(store: () => Store): void {
  let serial = 0
  const ownZone = (): string => `zone-${++serial}`
  const ownCloud = (): string => `cloud-${++serial}`
  const readBack = async (zone: string) => readHost(await store().get(hostKey(cloud, zone, 'host-1')))

  const withHost = async (): Promise<string> => {
    const zone = ownZone()
    await store().update(writes.state(cloud, hostFact({ zone }), 1, 'hostAdded', 5))
    return zone
  }
  const run = (zone: string, tick: number, runId: string, now = 0, why: 'edge' | 'revision' = 'edge') =>
    store().update(
      writes.acquireRun(cloud, zone, 'host-1', tick, why, runId, {
        now,
        runUntil: now + 50,
        outstandingUntil: now + 90,
      }),
    )

  operatorWrites(store, ownZone)
  gateWritesContract(store, ownCloud)
  leaseWritesContract(store, ownZone)

  it('gives back what was written, bytes and nested values too', async () => {
    const key = { pk: ownZone(), sk: 'X' }
    const written = {
      text: 'ü',
      number: 1.5,
      no: false,
      none: null,
      bytes: new Uint8Array([0, 255]),
      list: [{ a: [] }],
    }
    await store().update({ key, set: written })
    expect(await store().get(key)).toEqual({ ...key, ...written })
    await store().delete(key)
    expect(await store().get(key)).toBeUndefined()
  })

  it('lists one partition by prefix, in key order, past the size of a page', async () => {
    const pk = ownZone()
    const filler = 'x'.repeat(100_000)
    for (let n = 0; n < 25; n++)
      await store().update({ key: { pk, sk: `H#${String(n).padStart(3, '0')}` }, set: { filler } })
    await store().update({ key: { pk, sk: 'I#0' }, set: { filler: '' } })
    const listed: readonly Item[] = await store().list(pk, 'H#')
    expect(listed.map((item) => item.sk)).toEqual(
      Array.from({ length: 25 }, (_, n) => `H#${String(n).padStart(3, '0')}`),
    )
  })

  it('lists a part of a partition: so many, after a key, or from the last one backwards', async () => {
    const pk = ownZone()
    for (const sk of ['E#a', 'E#b', 'E#c', 'E#d', 'F#a']) await store().update({ key: { pk, sk }, set: { v: 1 } })
    const keys = async (range: Range) => (await store().list(pk, 'E#', range)).map((item) => item.sk)
    expect(await keys({ limit: 2 })).toEqual(['E#a', 'E#b'])
    expect(await keys({ limit: 2, after: 'E#b' })).toEqual(['E#c', 'E#d'])
    expect(await keys({ after: 'E#bb' })).toEqual(['E#c', 'E#d'])
    expect(await keys({ limit: 2, newestFirst: true })).toEqual(['E#d', 'E#c'])
    expect(await keys({ after: 'E#c', newestFirst: true })).toEqual(['E#b', 'E#a'])
  })

  it('deletes only what is as it was read, where that is asked for', async () => {
    const key = { pk: ownZone(), sk: 'X' }
    const as = (value: string): Condition => ({ attribute: 'state', is: '=', value })
    await store().update({ key, set: { state: 'Up' } })
    expect(await store().delete(key, as('Removed'))).toBe(false)
    expect(await store().get(key)).toBeDefined()
    expect(await store().delete(key, as('Up'))).toBe(true)
    expect(await store().get(key)).toBeUndefined()
    expect(await store().delete(key, as('Up'))).toBe(false)
    expect(await store().delete(key)).toBe(true)
  })

  it('sets what is absent first, and leaves it from then on', async () => {
    const key = { pk: ownZone(), sk: 'X' }
    await store().update({ key, first: { since: 1 } })
    await store().update({ key, first: { since: 2, until: 3 } })
    expect(await store().get(key)).toEqual({ ...key, since: 1, until: 3 })
  })

  it('reaches into a map, and not through what is none', async () => {
    const key = { pk: ownZone(), sk: 'X' }
    await store().update({ key, set: { outer: { inner: { text: 'a' }, other: 1 } } })
    const write = (text: string) =>
      store().update({
        key,
        set: { 'outer.inner.seen': true },
        when: { attribute: 'outer.inner.text', is: '=', value: text },
      })
    expect(await write('b')).toBeUndefined()
    expect(await write('a')).toMatchObject({ outer: { inner: { text: 'a', seen: true }, other: 1 } })
    await expect(store().update({ key, set: { 'outer.missing.seen': true } })).rejects.toThrow()
  })

  it.each<readonly [string, Pick<Write, 'set' | 'add' | 'remove'>]>([
    ['sets and adds to one attribute', { set: { a: 1 }, add: { a: 1 } }],
    ['sets and removes one attribute', { set: { a: 1 }, remove: ['a'] }],
    ['sets a map and what is in it', { set: { a: { b: 1 }, 'a.b': 2 } }],
  ])('refuses a write that %s', async (_what, write) => {
    await expect(store().update({ key: { pk: ownZone(), sk: 'X' }, ...write })).rejects.toThrow()
  })

  it('lets one of many at once take the tick, and numbers it', async () => {
    const own = ownCloud()
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((me) => store().update(writes.acquireTick(own, me, 0, 100))))
    const taken = all.filter((item) => item !== undefined)
    expect(taken).toHaveLength(1)
    expect(readControl(taken[0])?.tick).toBe(1)
  })

  it('lets a lease be taken over once it ran out, and its late holder release nothing', async () => {
    const own = ownCloud()
    await store().update(writes.acquireTick(own, 'a', 0, 100))
    expect(await store().update(writes.acquireTick(own, 'b', 99, 200))).toBeUndefined()
    expect(readControl(await store().update(writes.acquireTick(own, 'b', 100, 200)))?.tick).toBe(2)
    expect(await store().update(writes.release(own, 'a', undefined, {}))).toBeUndefined()
    expect(await store().update(writes.nextRound(own, 'a'))).toBeUndefined()
  })

  it('refuses a release when somebody kicked since the control was read', async () => {
    const own = ownCloud()
    await store().update(writes.acquireTick(own, 'a', 0, 100))
    await store().update(writes.kick(own))
    expect(await store().update(writes.release(own, 'a', 0, {}))).toBeUndefined()
    expect(readControl(await store().update(writes.nextRound(own, 'a')))).toMatchObject({ tick: 2, kick: 1 })
    expect(await store().update(writes.release(own, 'a', 1, { cursor: 'c' }))).toMatchObject({ cursor: 'c' })
    expect(await store().update(writes.acquireTick(own, 'b', 1, 100))).toBeDefined()
  })

  it('adds an edge in the write that stores its state, and takes no state of an earlier tick', async () => {
    const zone = await withHost()
    await store().update(writes.state(cloud, hostFact({ zone, state: 'Alert' }), 3, undefined, 6))
    expect(await store().update(writes.state(cloud, hostFact({ zone }), 2, 'hostConnect', 7))).toBeUndefined()
    expect(await store().update(writes.state(cloud, hostFact({ zone }), 4, undefined, 8, 1))).toBeUndefined()
    expect(await store().update(writes.state(cloud, hostFact({ zone }), 4, undefined, 8, 0))).toBeUndefined()
    expect(await readBack(zone)).toMatchObject({ state: 'Alert', wanted: 1, tick: 3, edge: 'hostAdded', edgeAt: 5 })
  })

  it('forgets the management server of a host that is not connected', async () => {
    const zone = await withHost()
    const { managementServer, ...unconnected } = hostFact({ zone, state: 'Disconnected' })
    await store().update(writes.state(cloud, unconnected, 2, undefined, 6))
    expect(managementServer).toBeDefined()
    expect(await readBack(zone)).not.toHaveProperty('managementServer')
  })

  it('moves a pointer forward only', async () => {
    const zone = ownZone()
    expect(await store().update(writes.pointer(cloud, zone, 'KVM', 'r2', 2))).toBeDefined()
    expect(await store().update(writes.pointer(cloud, zone, 'KVM', 'r1', 2))).toBeUndefined()
    expect(await store().list(zonePartition(cloud, zone), 'D#')).toMatchObject([{ revision: 'r2' }])
  })

  it('marks a host for a tick, again for the same tick, and never for one that ran', async () => {
    const zone = await withHost()
    const mark = (tick: number) => store().update(writes.mark(cloud, hostRecord({ zone }), tick, 'edge', 100))
    expect(await mark(4)).toBeDefined()
    expect(await mark(4)).toBeDefined()
    expect(await mark(3)).toBeUndefined()
    const record = readHost(await run(zone, 4, 'run'))
    await store().update(
      writes.reportFailed(cloud, record ?? hostRecord(), 'run', { reason: 'TimeOut', detail: '', nextAttemptAt: 9 }),
    )
    expect(await mark(4)).toBeUndefined()
  })

  it('gives a lease back in the last round, whoever kicked, unless an operator released a refusal meanwhile', async () => {
    const own = `${cloud}-${ownZone()}`
    const refused = { digest: 'd', absentees: 8, known: 9, since: 1, times: 1 }
    await store().update(writes.acquireTick(own, 'a', 0, 100))
    await store().update(writes.kick(own))
    const given = await store().update(writes.releaseKicked(own, 'a', undefined, { refusals: { hosts: refused } }))
    expect(readControl(given)).toMatchObject({ refusals: { hosts: refused } })
    expect(given).not.toHaveProperty('holder')
    await store().update(writes.acquireTick(own, 'b', 1, 100))
    await store().update(writes.releaseRefusal(own, 'hosts', 'd'))
    expect(await store().update(writes.releaseKicked(own, 'b', { hosts: refused }, { refusals: {} }))).toBeUndefined()
    const asRead = { hosts: { ...refused, released: true } }
    expect(await store().update(writes.releaseKicked(own, 'b', asRead, { refusals: {} }))).toBeDefined()
  })

  it('lets a mark that comes late not shorten what was marked since, of the same tick', async () => {
    const zone = await withHost()
    const mark = (tick: number, until: number) =>
      store().update(writes.mark(cloud, hostRecord({ zone }), tick, 'edge', until))
    expect(await mark(4, 100)).toBeDefined()
    expect(await mark(4, 99)).toBeUndefined()
    expect(await mark(5, 99)).toMatchObject({ queued: 5, outstandingUntil: 99 })
  })

  it('marks no host that has no record', async () => {
    expect(await store().update(writes.mark(cloud, hostRecord({ zone: ownZone() }), 1, 'edge', 1))).toBeUndefined()
    expect(await store().update(writes.want(cloud, hostRecord({ zone: ownZone() }), 'backfill', 1))).toBeUndefined()
  })

  it('lets one of many at once take a run, which copies wanted and unsettles the host', async () => {
    const zone = await withHost()
    await store().update(writes.mark(cloud, hostRecord({ zone }), 1, 'edge', 100))
    const all = await Promise.all(['a', 'b', 'c'].map((id) => run(zone, 1, id)))
    expect(all.filter((item) => item !== undefined)).toHaveLength(1)
    expect(await readBack(zone)).toMatchObject({ tried: 1, done: 0, wanted: 1 })
  })

  it('moves done to what the run tried, not to what is wanted by then', async () => {
    const zone = await withHost()
    await store().update(writes.mark(cloud, hostRecord({ zone }), 1, 'edge', 100))
    const record = readHost(await run(zone, 1, 'mine'))
    await store().update(writes.want(cloud, hostRecord({ zone }), 'backfill', 8))
    const report = {
      settled: 'r:apply',
      verdict: 'InSync',
      devices: 2,
      created: 2,
      exceptions: [],
      moreExceptions: 0,
      orphans: [],
      readiness: [],
      failures: 0,
      retries: 0,
    } as const
    expect(await store().update(writes.reportDone(cloud, record ?? hostRecord(), 'theirs', report, 9))).toBeUndefined()
    await store().update(writes.reportDone(cloud, record ?? hostRecord(), 'mine', report, 9))
    const after = await readBack(zone)
    expect(after).toMatchObject({ wanted: 2, tried: 1, done: 1, ran: 1, settled: 'r:apply', created: 2, verifiedAt: 9 })
    expect(after).not.toHaveProperty('runId')
    expect(await run(zone, 1, 'again')).toBeUndefined()
  })

  it('does not move done when the run failed', async () => {
    const zone = await withHost()
    await store().update(writes.mark(cloud, hostRecord({ zone }), 1, 'edge', 100))
    const record = readHost(await run(zone, 1, 'mine'))
    const failure = { reason: 'HostUnreachable', detail: 'refused', nextAttemptAt: 30 } as const
    await store().update(writes.reportFailed(cloud, record ?? hostRecord(), 'mine', failure))
    const after = await readBack(zone)
    expect(after).toMatchObject({
      done: 0,
      tried: 1,
      failures: 1,
      ran: 1,
      nextAttemptAt: 30,
      reason: 'HostUnreachable',
    })
    expect(after).not.toHaveProperty('settled')
  })

  it('keeps a fall-back’s counters beside the own driver’s, and drops them when that finishes a run', async () => {
    const zone = await withHost()
    const host = hostRecord({ zone })
    const times = { now: 0, runUntil: 50, outstandingUntil: 90 }
    const request = (tick: number, runId: string) =>
      store().update(writes.acquireRequest(cloud, zone, 'host-1', tick, 'edge', runId, times, 'cloudstack'))
    const failure = { reason: 'HostUnreachable', detail: 'refused', nextAttemptAt: 30 } as const
    await store().update(writes.mark(cloud, host, 1, 'edge', 100))
    const failed = readHost(await run(zone, 1, 'own')) ?? host
    await store().update(writes.reportFailed(cloud, failed, 'own', failure, { by: 'kvm-ssh', now: 7 }))
    expect(await request(2, 'early')).toBeUndefined()
    await store().update(writes.mark(cloud, host, 2, 'edge', 100, 'cloudstack'))
    await store().update(writes.want(cloud, host, 'backfill', 8))
    const acquired = readHost(await request(2, 'request')) ?? host
    expect(acquired).toMatchObject({ wanted: 2, tried: 1, requestTried: 2, runBy: 'cloudstack', unreachedSince: 7 })
    const requested = {
      by: 'cloudstack',
      settled: 'r:apply',
      request: { call: 'updateHost', answered: true, at: 8 },
    } as const
    await store().update(writes.reportRequested(cloud, acquired, 'request', requested, 9))
    const after = await readBack(zone)
    expect(after).toMatchObject({ wanted: 2, tried: 1, done: 0, failures: 1, requestDone: 2, requestedAt: 9, ran: 2 })
    for (const name of ['runId', 'runBy', 'settled']) expect(after).not.toHaveProperty(name)
    expect(await request(2, 'again')).toBeUndefined()
    await store().update(writes.mark(cloud, host, 3, 'edge', 100))
    const own = readHost(await run(zone, 3, 'own again')) ?? host
    expect(await request(4, 'late')).toBeUndefined()
    const report = { settled: 'r:apply', verdict: 'InSync', devices: 0, created: 0, exceptions: [] } as const
    const rest = { moreExceptions: 0, orphans: [], readiness: [], failures: 0, retries: 0 } as const
    await store().update(writes.reportDone(cloud, own, 'own again', { ...report, ...rest }, 9))
    const last = (await readBack(zone)) ?? {}
    expect(last).toMatchObject({ done: 2, lastSettled: 'r:apply' })
    expect(Object.keys(last).filter((name) => /^request|^unreached|^queuedTo/.test(name))).toEqual([])
  })

  it('records a crash only past the run’s time, and only while nothing newer is wanted', async () => {
    const zone = await withHost()
    await store().update(writes.mark(cloud, hostRecord({ zone }), 1, 'edge', 100))
    const record = readHost(await run(zone, 1, 'theirs')) ?? hostRecord()
    const crash = (now: number, newer: boolean) => store().update(writes.crash(cloud, record, now, 99, newer))
    expect(await crash(49, false)).toBeUndefined()
    await store().update(writes.want(cloud, hostRecord({ zone }), 'backfill', 8))
    expect(await crash(50, false)).toBeUndefined()
    expect(await crash(50, true)).toMatchObject({ failures: 1, reason: 'RunCrashed' })
    expect(await readBack(zone)).not.toHaveProperty('ran')
    expect(await run(zone, 1, 'mine')).toBeDefined()
  })

  it('lets a job of the rollout run only while its turn lasts', async () => {
    const zone = await withHost()
    await store().update(writes.mark(cloud, hostRecord({ zone }), 1, 'revision', 100))
    expect(await run(zone, 1, 'late', 100, 'revision')).toBeUndefined()
    expect(await run(zone, 1, 'in time', 99, 'revision')).toBeDefined()
  })

  it('reads an item of a newer version as none', async () => {
    const zone = await withHost()
    await store().update({ key: hostKey(cloud, zone, 'host-1'), set: { v: 2 } })
    expect(await readBack(zone)).toBeUndefined()
  })
}
