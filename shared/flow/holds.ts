/**
 * Holds between the store and reconcile/holds.ts. In: what diff decided. Out: the items, each written on what was read of
 * it, with a line in the log and in the history where one begins or ends. A write that is refused changes nothing: the
 * next diff decides anew.
 */
import type { Hold } from '../reconcile/holds.ts'
import type { Ports } from '../runtime/ports.ts'
import { readHold, type StoredHold, zonePartition } from '../store/items.ts'
import type { Store } from '../store/store.ts'
import { holdIs, holdIsOver } from '../store/writes.ts'
import { recordAct } from './history.ts'
import type { Policy } from './policy.ts'

/** Those that are held or open; what is over counts as none, but its item still numbers the writes. */
export async function readHolds(store: Store, cloud: string, zone: string): Promise<readonly StoredHold[]> {
  return (await readAllHolds(store, cloud, zone)).holds
}

/** Also whether a newer version wrote one of them: then nobody here knows what it keeps back. */
export async function readAllHolds(
  store: Store,
  cloud: string,
  zone: string,
): Promise<{ readonly holds: readonly StoredHold[]; readonly newer: boolean }> {
  const items = await store.list(zonePartition(cloud, zone), 'HOLD#')
  const holds = items.map(readHold).filter((hold) => hold !== undefined)
  return { holds, newer: holds.length < items.length }
}

/** How long an item outlives its hold. */
const keptSeconds = 24 * 60 * 60

export async function writeHolds(
  ports: Ports,
  policy: Policy,
  zone: string,
  before: readonly StoredHold[],
  after: readonly Hold[],
): Promise<void> {
  const { cloud } = policy
  const stored = new Map(before.map((hold) => [hold.cause, hold]))
  for (const hold of after) {
    const was = stored.get(hold.cause)
    if (was !== undefined && !was.over && same(was, hold)) continue
    const written = await ports.store.update(holdIs(cloud, zone, hold, was?.serial))
    if (written !== undefined) await tell(ports, policy, zone, was?.over ? undefined : was, hold)
  }
  const expires = Math.floor(ports.now() / 1000) + keptSeconds
  const now = new Set(after.map(({ cause }) => cause))
  for (const hold of before.filter(({ cause, over }) => !over && !now.has(cause))) {
    const written = await ports.store.update(holdIsOver(cloud, zone, hold, expires))
    if (written !== undefined) await tell(ports, policy, zone, hold, { ...hold, state: 'open', by: 'nobody fails' })
  }
}

const same = (one: Hold, other: Hold): boolean =>
  one.state === other.state &&
  one.since === other.since &&
  one.tolerated === other.tolerated &&
  one.probes === other.probes

async function tell(ports: Ports, policy: Policy, zone: string, was: Hold | undefined, is: Hold): Promise<void> {
  const { cause, failing, tried, by } = is
  const fields = { cloud: policy.cloud, zone, cause, failing, tried }
  if (is.state === 'held' && was?.state !== 'held') {
    ports.logger.error('a hold begins: many hosts fail from one cause', fields)
    const detail = `${cause}: ${failing} of ${tried} hosts fail from it`
    await recordAct(ports, policy, { zone }, 'hold', { by: 'bridgekeeper' }, `begins: ${detail}`)
  }
  if (is.state === 'open' && was?.state === 'held') {
    ports.logger.warn('a hold ends', { ...fields, by })
    await recordAct(ports, policy, { zone }, 'hold', { by: 'bridgekeeper' }, `ends: ${cause}: ${by}`)
  }
}
