/** Reading a zone back from the store. In: cloud and zone. Out: its host records, its current revisions. */
import type { Tombstone } from '../reconcile/absence.ts'
import type { Desired } from '../reconcile/model.ts'
import type { HostRecord } from '../reconcile/record.ts'
import { decodeRevision, RevisionDamaged } from '../reconcile/revision.ts'
import {
  pointerKey,
  readHost,
  readPointer,
  readRevision,
  readTombstone,
  revisionKey,
  zonePartition,
} from '../store/items.ts'
import type { Store } from '../store/store.ts'

export async function readHosts(store: Store, cloud: string, zone: string): Promise<readonly HostRecord[]> {
  const items = await store.list(zonePartition(cloud, zone), 'H#')
  return items.map(readHost).filter((record) => record !== undefined)
}

/** The current revision of each hypervisor of the zone. */
export async function readPointers(store: Store, cloud: string, zone: string): Promise<ReadonlyMap<string, string>> {
  const items = await store.list(zonePartition(cloud, zone), 'D#')
  const pairs = items.map((item) => [item.sk.slice('D#'.length), readPointer(item)?.revision] as const)
  return new Map(pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined))
}

export interface Current extends Desired {
  readonly revision: string
  /** When its item may be swept, in seconds since the epoch. */
  readonly expires: number
}

/** What should be on the hosts of this zone and hypervisor; undefined while no snapshot has listed it, or if it is damaged: the next listing writes it anew. */
export async function readDesired(
  store: Store,
  cloud: string,
  zone: string,
  hypervisor: string,
): Promise<Current | undefined> {
  const revision = readPointer(await store.get(pointerKey(cloud, zone, hypervisor)))?.revision
  if (revision === undefined) return undefined
  const item = readRevision(await store.get(revisionKey(cloud, zone, hypervisor, revision)))
  if (item === undefined) return undefined
  try {
    return { revision, expires: item.expires, ...decodeRevision({ revision, body: item.body }) }
  } catch (error) {
    if (error instanceof RevisionDamaged) return undefined
    throw error
  }
}

/** The zone's networks that are gone from CloudStack's listings. */
export async function readTombstones(store: Store, cloud: string, zone: string): Promise<readonly Tombstone[]> {
  const items = await store.list(zonePartition(cloud, zone), 'T#')
  return items.map(readTombstone).filter((tombstone) => tombstone !== undefined)
}
