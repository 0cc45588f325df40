import { beforeEach, describe, expect, it } from 'vitest'
import { housekeeping } from '../../shared/flow/housekeeping.ts'
import { encodeRevision } from '../../shared/reconcile/revision.ts'
import { silent } from '../../shared/runtime/logger.ts'
import type { Ports } from '../../shared/runtime/ports.ts'
import { keyRefused } from '../../shared/store/hostKeyWrites.ts'
import {
  controlKey,
  hostKey,
  readHost,
  revisionKey,
  sshKeyKey,
  sweptKey,
  zonePartition,
} from '../../shared/store/items.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Store } from '../../shared/store/store.ts'
import * as writes from '../../shared/store/writes.ts'
import { desiredOf, hostFact, hostRecord, vlan } from '../factories.ts'

const day = 24 * 60 * 60_000
const start = 1_800_000_000_000
const cloud = 'default'
const zone = 'zone-1'

let store: Store
let now: number
const ports = (given: Partial<Ports> = {}): Ports => ({
  store,
  queues: { send: async () => {} },
  logger: silent,
  now: () => now,
  random: () => 0,
  newId: () => 'id',
  ...given,
})
const sweep = (given: Partial<Ports> = {}, remaining = 300_000) => housekeeping(ports(given), { cloud }, remaining)
const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000)
const keysOf = async (pk: string, prefix: string) => (await store.list(pk, prefix)).map(({ sk }) => sk)

beforeEach(async () => {
  store = createMemoryStore()
  now = start
  await store.update({ key: controlKey(cloud), set: { v: 1, zones: [{ id: zone, name: 'one' }] } })
})

describe('history', () => {
  const line = (of: string, at: number, id: string, inZone: string | undefined = zone) =>
    store.update(writes.history(of, inZone, 'h', { at, what: 'run', expires: seconds(at + 30 * day) }, id))

  it('is swept once it expired, in the zone and of the cloud, past many pages', async () => {
    for (let n = 0; n < 130; n++) await line(cloud, start + n, `${n}`)
    await line(cloud, start, 'c', undefined)
    await line(cloud, start + 20 * day, 'young')
    now = start + 31 * day
    expect(await sweep()).toMatchObject({ complete: true, swept: { history: 131 } })
    expect(await keysOf(zonePartition(cloud, zone), 'E#')).toHaveLength(1)
    expect(await keysOf('C#default', 'E#')).toEqual([])
  })

  it('of another cloud is not touched', async () => {
    await line('default2', start, 'a')
    await line('other', start, 'a')
    now = start + 99 * day
    expect(await sweep()).toMatchObject({ swept: { history: 0 } })
    expect(await keysOf(zonePartition('other', zone), 'E#')).toHaveLength(1)
    expect(await keysOf(zonePartition('default2', zone), 'E#')).toHaveLength(1)
  })

  it('of a zone that CloudStack no longer has is swept as well', async () => {
    await line(cloud, start, 'a')
    await sweep()
    await store.update({ key: controlKey(cloud), set: { v: 1, zones: [] } })
    now = start + 31 * day
    expect(await sweep()).toMatchObject({ swept: { history: 1 } })
    expect(await store.get(sweptKey(cloud))).toMatchObject({ zones: [zone] })
  })

  it('of a newer version is left alone', async () => {
    await line(cloud, start, 'a')
    const [item] = await store.list(zonePartition(cloud, zone), 'E#')
    await store.update({ key: { pk: item?.pk ?? '', sk: item?.sk ?? '' }, set: { v: 2 } })
    now = start + 31 * day
    expect(await sweep()).toMatchObject({ swept: { history: 0 } })
  })

  it('that does not fit into the time waits for the next day', async () => {
    for (let n = 0; n < 100; n++) await line(cloud, start, `${n}`)
    now = start + 31 * day
    const slow: Store = {
      ...store,
      delete: (key, when) => {
        now += 1000
        return store.delete(key, when)
      },
    }
    const first = await sweep({ store: slow }, 50_000)
    expect(first).toMatchObject({ complete: false, swept: { history: 50 } })
    expect(await sweep()).toMatchObject({ complete: true, swept: { history: 50 } })
  })
})

describe('a revision', () => {
  const bodies = [100, 200].map((id) => encodeRevision(desiredOf([vlan(id)])))
  const [old, current] = [bodies[0]?.revision ?? '', bodies[1]?.revision ?? '']

  beforeEach(async () => {
    for (const { revision, body } of bodies) {
      await store.update(writes.revisionBody(cloud, zone, 'KVM', revision, body, seconds(start + 7 * day)))
    }
    await store.update(writes.pointer(cloud, zone, 'KVM', current, 1))
    now = start + 8 * day
  })

  it('that expired is swept unless it is the current one', async () => {
    expect(await sweep()).toMatchObject({ swept: { revision: 1 } })
    expect(await keysOf(zonePartition(cloud, zone), 'R#')).toEqual([`R#KVM#${current}`])
  })

  it('that has not expired stays', async () => {
    now = start + 6 * day
    expect(await sweep()).toMatchObject({ swept: { revision: 0 } })
  })

  it('that becomes current again between the reading and the delete stays', async () => {
    const back: Store = {
      ...store,
      delete: async (key, when) => {
        await store.update(
          writes.revisionBody(cloud, zone, 'KVM', old, bodies[0]?.body ?? new Uint8Array(), seconds(now + 7 * day)),
        )
        await store.update(writes.pointer(cloud, zone, 'KVM', old, 2))
        return store.delete(key, when)
      },
    }
    expect(await sweep({ store: back })).toMatchObject({ swept: { revision: 0 } })
    expect(await store.get(revisionKey(cloud, zone, 'KVM', old))).toBeDefined()
  })

  it('whose pointer a newer version wrote stays', async () => {
    await store.update({ key: { pk: zonePartition(cloud, zone), sk: 'D#KVM' }, set: { v: 2 } })
    expect(await sweep()).toMatchObject({ swept: { revision: 0 } })
  })
})

describe('the SSH keys of a host', () => {
  const keys = () => store.update(keyRefused(sshKeyKey(cloud, zone, 'host-1'), 'ssh-ed25519 A', start))

  it('stay as long as the host has a record, and are swept after it', async () => {
    await store.update(writes.state(cloud, hostFact({ zone, state: 'Removed' }), 1, undefined, start))
    await keys()
    now = start + 29 * day
    expect(await sweep()).toMatchObject({ swept: { host: 0, hostKey: 0 } })
    now = start + 30 * day
    expect(await sweep()).toMatchObject({ swept: { host: 1, hostKey: 1 } })
    expect(await keysOf(zonePartition(cloud, zone), 'K#')).toEqual([])
  })

  it('stay where a newer version wrote them', async () => {
    await keys()
    await store.update({ key: sshKeyKey(cloud, zone, 'host-1'), set: { v: 2 } })
    expect(await sweep()).toMatchObject({ swept: { hostKey: 0 } })
  })
})

describe('the record of a host', () => {
  const record = async () => readHost(await store.get(hostKey(cloud, zone, 'host-1')))
  const state = (given: string, tick: number) =>
    store.update(writes.state(cloud, hostFact({ zone, state: given }), tick, undefined, now))

  beforeEach(async () => {
    await state('Up', 1)
    await state('Removed', 2)
    now = start + 15 * day
  })

  it('is swept 30 days after the host was first missing, not before', async () => {
    await state('Removed', 3)
    now = start + 30 * day - 1
    expect(await sweep()).toMatchObject({ swept: { host: 0 } })
    now = start + 30 * day
    expect(await sweep()).toMatchObject({ swept: { host: 1 } })
    expect(await record()).toBeUndefined()
  })

  it('counts anew for a host that was back meanwhile', async () => {
    await state('Up', 3)
    now = start + 20 * day
    await state('Removed', 4)
    now = start + 40 * day
    expect(await sweep()).toMatchObject({ swept: { host: 0 } })
  })

  it('stays while a job is outstanding or a run has not reported', async () => {
    now = start + 31 * day
    await store.update(writes.mark(cloud, hostRecord({ zone }), 3, 'edge', now + 1))
    expect(await sweep()).toMatchObject({ swept: { host: 0 } })
    const times = { now, runUntil: now + 1, outstandingUntil: now }
    await store.update(writes.acquireRun(cloud, zone, 'host-1', 3, 'edge', 'run', times))
    expect(await sweep()).toMatchObject({ swept: { host: 0 } })
  })

  it('is swept although its last run was killed, once that was to end 30 days ago', async () => {
    const ended = start + 16 * day
    const times = { now, runUntil: ended, outstandingUntil: ended }
    await store.update(writes.acquireRun(cloud, zone, 'host-1', 3, 'edge', 'killed', times))
    now = ended + 30 * day - 1
    expect(await sweep()).toMatchObject({ swept: { host: 0 } })
    now = ended + 30 * day
    expect(await sweep()).toMatchObject({ swept: { host: 1 } })
    expect(await record()).toBeUndefined()
  })

  it('stays when the host comes back between the reading and the delete', async () => {
    now = start + 31 * day
    const back: Store = {
      ...store,
      delete: async (key, when) => {
        await state('Up', 9)
        return store.delete(key, when)
      },
    }
    expect(await sweep({ store: back })).toMatchObject({ swept: { host: 0 } })
    expect(await record()).toMatchObject({ state: 'Up' })
  })
})
