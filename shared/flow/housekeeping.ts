/**
 * The daily sweep: what DynamoDB's TTL takes away after a while, and what it cannot know. The embedded store has no TTL.
 * In: a cloud. Out: how many items of each kind were swept. It reads in pages, stops in time, and may be killed anywhere:
 * the next day goes on. Nothing is deleted but under the condition that made it one to delete.
 *
 * | item      | swept when                                                                                      |
 * |-----------|-------------------------------------------------------------------------------------------------|
 * | history   | it expired                                                                                      |
 * | hold      | it is over, and expired                                                                         |
 * | tombstone | it expired                                                                                      |
 * | revision  | it expired, and its pointer, read right before, names another                                   |
 * | host      | Removed for longer than 30 days, with no job outstanding, and no run but one killed as long ago |
 * | host key  | its host has no item any more, read right before                                                |
 * | any other, any of a newer version, any of another cloud | never                                             |
 *
 * A revision that becomes current again at that moment is safe: a snapshot writes it with a new expiry before it moves
 * the pointer, so either the delete is refused, or the item is written anew.
 */
import type { Ports } from '../runtime/ports.ts'
import {
  cloudPartition,
  controlKey,
  hostKey,
  itemVersion,
  pointerKey,
  readControl,
  readPointer,
  readSwept,
  sweptKey,
  zonePartition,
} from '../store/items.ts'
import type { Condition, Item, Store } from '../store/store.ts'
import { sweptZones } from '../store/writes.ts'
import { parallel } from './parallel.ts'
import type { Policy } from './policy.ts'

const kinds = ['history', 'hold', 'tombstone', 'revision', 'host', 'hostKey'] as const
type Kind = (typeof kinds)[number]

export interface HousekeepingReport {
  readonly swept: Readonly<Record<Kind, number>>
  /** False: the time was up before all was looked at. */
  readonly complete: boolean
}

const prefixes: Readonly<Record<Kind, string>> = {
  history: 'E#',
  hold: 'HOLD#',
  tombstone: 'T#',
  revision: 'R#',
  host: 'H#',
  hostKey: 'K#',
}

/** Items of one reading: revisions of up to 350 KB are among them, so a page is 9 MB at most. */
const pageSize = 25
const removedMilliseconds = 30 * 24 * 60 * 60_000
/** The end of a function's time, in milliseconds: a page is done in less. */
const reserve = 10_000

/** @param remaining milliseconds until the function is ended. @throws when the store is out */
export async function housekeeping(
  ports: Ports,
  { cloud }: Pick<Policy, 'cloud'>,
  remaining: number,
): Promise<HousekeepingReport> {
  const { store, now } = ports
  const until = now() + remaining - Math.min(reserve, remaining / 5)
  const swept: Record<Kind, number> = { history: 0, hold: 0, tombstone: 0, revision: 0, host: 0, hostKey: 0 }
  let complete = true
  const sweep = async (pk: string, kind: Kind, may: (item: Item) => Promise<Condition | undefined>) => {
    for await (const page of pages(store, pk, prefixes[kind])) {
      const gone = await parallel(page, async (item) => {
        const when = item.v === itemVersion ? await may(item) : undefined
        return when !== undefined && (await store.delete({ pk: item.pk, sk: item.sk }, when))
      })
      swept[kind] += gone.filter(Boolean).length
      if (now() < until) continue
      complete = false
      return
    }
  }

  await sweep(cloudPartition(cloud), 'history', async (item) => expired(item, now()))
  for (const zone of await zonesEver(store, cloud)) {
    const pk = zonePartition(cloud, zone)
    for (const kind of ['history', 'hold', 'tombstone'] as const) {
      if (complete) await sweep(pk, kind, async (item) => expired(item, now()))
    }
    if (complete) await sweep(pk, 'revision', (item) => expiredRevision(store, cloud, zone, item, now()))
    if (complete) await sweep(pk, 'host', async (item) => longRemoved(item, now()))
    if (complete) await sweep(pk, 'hostKey', (item) => ofNoHost(store, cloud, zone, item))
  }
  ports.logger.info('housekeeping', { cloud, ...swept, complete })
  return { swept, complete }
}

async function* pages(store: Store, pk: string, prefix: string): AsyncGenerator<readonly Item[]> {
  let after: string | undefined
  do {
    const page = await store.list(pk, prefix, { limit: pageSize, ...(after === undefined ? {} : { after }) })
    if (page.length > 0) yield page
    after = page.length < pageSize ? undefined : page.at(-1)?.sk
  } while (after !== undefined)
}

/** Also zones that CloudStack no longer has: their items are to be swept as well. */
async function zonesEver(store: Store, cloud: string): Promise<readonly string[]> {
  const remembered = readSwept(await store.get(sweptKey(cloud)))
  const listed = (readControl(await store.get(controlKey(cloud)))?.zones ?? []).map(({ id }) => id)
  const all = [...new Set([...remembered, ...listed])].sort()
  if (all.length > remembered.length) await store.update(sweptZones(cloud, all))
  return all
}

function expired(item: Item, now: number): Condition | undefined {
  const seconds = Math.floor(now / 1000)
  if (typeof item.expires !== 'number' || item.expires > seconds) return undefined
  return { attribute: 'expires', is: '<=', value: seconds }
}

/** `R#hypervisor#sha256`; the hypervisor's name comes from outside. */
const revisionParts = /^R#(.*)#([^#]*)$/s

async function expiredRevision(
  store: Store,
  cloud: string,
  zone: string,
  item: Item,
  now: number,
): Promise<Condition | undefined> {
  const [, hypervisor, revision] = revisionParts.exec(item.sk) ?? []
  const when = expired(item, now)
  if (when === undefined || hypervisor === undefined) return undefined
  const pointer = await store.get(pointerKey(cloud, zone, hypervisor))
  const current = readPointer(pointer)?.revision
  const unknown = pointer !== undefined && current === undefined
  return unknown || current === revision ? undefined : when
}

/** CloudStack never gives an id twice, so whoever is gone stays gone. */
async function ofNoHost(store: Store, cloud: string, zone: string, item: Item): Promise<Condition | undefined> {
  const host = await store.get(hostKey(cloud, zone, item.sk.slice(prefixes.hostKey.length)))
  return host === undefined ? { present: 'v' } : undefined
}

function longRemoved(item: Item, now: number): Condition | undefined {
  const before = now - removedMilliseconds
  if (item.state !== 'Removed' || typeof item.removedAt !== 'number' || item.removedAt > before) return undefined
  return {
    all: [
      { attribute: 'state', is: '=', value: 'Removed' },
      { attribute: 'removedAt', is: '<=', value: before },
      { any: [{ absent: 'runId' }, { attribute: 'runUntil', is: '<=', value: before }] },
      { any: [{ absent: 'outstandingUntil' }, { attribute: 'outstandingUntil', is: '<=', value: now }] },
    ],
  }
}
