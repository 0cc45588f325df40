/**
 * Putting a listing of networks in force. In: what CloudStack listed. Out: immutable revisions, the pointers to them,
 * tombstones of what is gone; and the guard's refusal, if too much is gone at once: then the last good set stays.
 */
import { type Graves, graves, keeping, networkKey, type Tombstone } from '../reconcile/absence.ts'
import { type DesiredSet, desiredSets, unplacedNetworks } from '../reconcile/desired.ts'
import { judgeAbsent, type Refusal } from '../reconcile/guard.ts'
import type { CloudFacts, Desired, HostFact } from '../reconcile/model.ts'
import { type EncodedRevision, encodeRevision, RevisionTooLarge } from '../reconcile/revision.ts'
import type { Ports } from '../runtime/ports.ts'
import { tombstoneKey } from '../store/items.ts'
import { pointer, revisionBody, tombstone } from '../store/writes.ts'
import { parallel } from './parallel.ts'
import type { Policy } from './policy.ts'
import { type Current, readDesired, readTombstones } from './read.ts'

/**
 * How long a revision outlives being current: longer than CloudStack is ever away, since only a listing refreshes it; and a
 * tombstone its network.
 */
const revisionDays = 60
const tombstoneDays = 30
/** In seconds. */
const day = 24 * 60 * 60

export interface Published {
  /** Under which a part of the last good set stays in force. */
  readonly refusal: Refusal | undefined
  /** False: a set did not fit, and the one before it stays in force. */
  readonly whole: boolean
}

/** @param refusedBefore what the guard refused at the last listing, if it did */
export async function publish(
  ports: Ports,
  policy: Policy,
  tick: number,
  facts: CloudFacts,
  hosts: readonly HostFact[],
  refusedBefore: Refusal | undefined,
): Promise<Published> {
  const { cloud } = policy
  const listed = desiredSets(facts, hosts)
  const inForce = await parallel(listed, ({ zone, hypervisor }) => readDesired(ports.store, cloud, zone, hypervisor))
  const known = new Set(listed.flatMap(({ zone }, index) => keysOf(zone, inForce[index]?.networks ?? [])))
  const seen = new Set(listed.flatMap(({ zone, networks }) => keysOf(zone, networks)))
  const { gone, refusal } = judgeAbsent([...known], seen, policy.guardPercent, refusedBefore, ports.now())
  const believed = new Set(gone)
  const sets = listed.map((set, index) => keeping(set, inForce[index], believed))
  for (const network of unplacedNetworks(facts)) {
    ports.logger.warn('no single physical network for a network: left out', { id: network.id, name: network.name })
  }
  for (const [zone, ofZone] of Map.groupBy(sets, (set) => set.zone)) {
    const before = inForce.filter((_, index) => listed[index]?.zone === zone)
    await bury(ports, cloud, zone, ofZone, before)
  }
  const fitted = await parallel(
    sets.map((set, index) => ({ set, before: inForce[index] })),
    ({ set, before }) => putInForce(ports, cloud, tick, set, before),
  )
  return { refusal, whole: fitted.every(Boolean) }
}

const keysOf = (zone: string, networks: Desired['networks']): readonly string[] =>
  networks.map((network) => networkKey(zone, network))

/** Before the pointers move: a tombstone too many is taken away by the next listing, a missing one never comes back. */
async function bury(
  ports: Ports,
  cloud: string,
  zone: string,
  sets: readonly DesiredSet[],
  inForce: readonly (Current | undefined)[],
): Promise<void> {
  const tombstones: readonly Tombstone[] = await readTombstones(ports.store, cloud, zone)
  const now = sets.flatMap((set) => set.networks)
  const before = inForce.flatMap((set) => set?.networks ?? [])
  const { set, take }: Graves = graves(zone, now, before, tombstones, ports.now())
  const expires = Math.floor(ports.now() / 1000) + tombstoneDays * day
  await parallel(set, (grave) => ports.store.update(tombstone(cloud, zone, grave, expires)))
  await parallel(take, (grave) => ports.store.delete(tombstoneKey(cloud, zone, grave.physicalNetwork, grave.uri)))
  if (set.length > 0)
    ports.logger.info('networks are gone', {
      cloud,
      zone,
      uris: set.slice(0, 10).map(({ uri }) => uri),
      count: set.length,
    })
}

/**
 * Immutable revisions first, then the pointers to them: a pointer never names what is not there. A set that is too large
 * stops neither the other zones nor the hosts of its own. @returns whether it fitted
 */
async function putInForce(
  ports: Ports,
  cloud: string,
  tick: number,
  { zone, hypervisor, networks, labels }: DesiredSet,
  before: Current | undefined,
): Promise<boolean> {
  const encoded = fitting({ networks, labels })
  if ('tooLarge' in encoded) {
    ports.logger.error('a desired set does not fit', { cloud, zone, hypervisor, why: encoded.tooLarge })
    return false
  }
  const { revision, body } = encoded
  const seconds = Math.floor(ports.now() / 1000)
  const lasts = before?.revision === revision && before.expires - seconds > (revisionDays * day) / 2
  if (!lasts)
    await ports.store.update(revisionBody(cloud, zone, hypervisor, revision, body, seconds + revisionDays * day))
  await ports.store.update(pointer(cloud, zone, hypervisor, revision, tick))
  if (revision !== before?.revision)
    ports.logger.info('new revision', { cloud, zone, hypervisor, revision, networks: networks.length })
  return true
}

function fitting(desired: Desired): EncodedRevision | { readonly tooLarge: string } {
  try {
    return encodeRevision(desired)
  } catch (error) {
    if (error instanceof RevisionTooLarge) return { tooLarge: error.message }
    throw error
  }
}
