/**
 * The scheduled step: what does CloudStack say now, and is anybody due? In: a cloud. Out: host states and desired
 * revisions in the store, a diff request for each zone in which a host is due.
 *
 * - take the lease, which numbers the tick and pays for its first requests; a held lease skips it, and so does a
 *   CloudStack that is left alone
 * - list hosts, and the events since last time; list networks too if an event, a new kind of host or the clock says so;
 *   where these cannot be read for want of a right, the last good ones stay in force, and the hosts are served
 * - only then read the records (the other way round loses an edge), and write what changed, each edge with its state
 * - ask `due` of the records as these writes left them; send a diff request for each zone that needs one and is not paused
 * - release, unless somebody kicked meanwhile: then go round once more; after that, release, and leave to the next tick a
 *   refusal that an operator released meanwhile
 */

import type { CloudStack } from '../cloudstack/client.ts'
import { messageVersion } from '../queue/queues.ts'
import { candidates } from '../reconcile/candidates.ts'
import { measure, type Seen } from '../reconcile/measures.ts'
import { select } from '../reconcile/select.ts'
import type { Values } from '../runtime/metrics.ts'
import type { Ports } from '../runtime/ports.ts'
import { type Control, readControl } from '../store/items.ts'
import { nextRound, type Remembered, release, releaseFailed, releaseKicked } from '../store/writes.ts'
import { type NoTick, takeTick } from './lease.ts'
import { type Observed, observe } from './observe.ts'
import { readPauseOf } from './pause.ts'
import type { Policy } from './policy.ts'
import { readPointers } from './read.ts'
import type { SharedGate } from './sharedGate.ts'

export type SnapshotReport =
  | NoTick
  | { readonly skipped: 'another snapshot took the lease' }
  | { readonly tick: number; readonly hosts: number; readonly edges: number; readonly zonesDue: number }

const rounds = 2

/** @param gate that every request of `cloudstack` passes @param leaseMilliseconds outlasts the function's own timeout. @throws when the store or a queue is out. */
export async function snapshot(
  ports: Ports,
  cloudstack: CloudStack,
  gate: SharedGate,
  policy: Policy,
  leaseMilliseconds: number,
): Promise<SnapshotReport> {
  const me = ports.newId()
  const taken = await takeTick(ports, gate, policy, me, leaseMilliseconds)
  if (!('control' in taken)) {
    if ('failed' in taken) ports.metrics?.record(policy.cloud, { goodSnapshots: 0, breakerOpen: 1 })
    return taken
  }
  let control: Control | undefined = taken.control
  let before: Remembered = {}
  const tell = ({ values }: Pick<Round, 'values'>): void =>
    ports.metrics?.record(policy.cloud, { ...values, cloudstackRequests: gate.passed() })
  for (let left = rounds; control !== undefined; left--) {
    const round = await oneRound(ports, cloudstack, policy, me, followingOn(control, before))
    if ('failed' in round) {
      tell(round)
      return { failed: round.failed }
    }
    const remembered = { ...round.remembered, requests: gate.passed() }
    const released = await ports.store.update(release(policy.cloud, me, control.kick, remembered))
    if (released !== undefined || left <= 1) tell(round)
    if (released !== undefined) return round.report
    if (left <= 1) {
      const { cloud } = policy
      const kicked = await ports.store.update(releaseKicked(cloud, me, control.refusals, remembered))
      if (kicked === undefined) await ports.store.update(release(cloud, me, undefined, unjudged(remembered)))
      return round.report
    }
    const renewed = await ports.store.update(nextRound(policy.cloud, me))
    if (renewed === undefined) return { skipped: 'another snapshot took the lease' }
    control = readControl(renewed)
    before = round.remembered
  }
  return { skipped: 'a newer version runs here' }
}

/** A second round judges what is absent by what the first one saw, which is not written yet; an operator's word stands. */
function followingOn(control: Control, { judged, refusals }: Remembered): Control {
  if (judged === undefined || refusals === undefined) return control
  const { hosts = refusals.hosts, networks = refusals.networks } = releasedOf(control.refusals)
  return { ...control, judged, refusals: { ...(hosts && { hosts }), ...(networks && { networks }) } }
}

const releasedOf = ({ hosts, networks }: Required<Control>['refusals'] = {}): Required<Control>['refusals'] => ({
  ...(hosts?.released && { hosts }),
  ...(networks?.released && { networks }),
})

/**
 * Without the refusals, so that an operator's release of one stands; and without what says that networks were listed, so
 * that the next tick lists and judges them anew.
 */
const unjudged = ({ refusals, judged, listedAt, cursor, desired, ...rest }: Remembered): Remembered => rest

interface Round {
  readonly report: Extract<SnapshotReport, { tick: number }>
  readonly remembered: Remembered
  readonly values: Values
}

/** CloudStack being away is no crash: it is remembered for the status, and the next tick asks again. */
async function oneRound(
  ports: Ports,
  cloudstack: CloudStack,
  policy: Policy,
  me: string,
  control: Control,
): Promise<Round | { readonly failed: string; readonly values: Values }> {
  let observed: Observed
  try {
    observed = await observe(ports, cloudstack, policy, control)
  } catch (error) {
    const failed = error instanceof Error ? error.message : String(error)
    ports.logger.error('the snapshot failed', { cloud: policy.cloud, tick: control.tick, failed })
    await ports.store.update(releaseFailed(policy.cloud, me, failed.slice(0, 1000), ports.now()))
    return { failed, values: { goodSnapshots: 0, ...ageOf(control.lastGoodAt, ports.now()) } }
  }
  const { zonesDue, due, seen } = await requestDiffs(ports, policy, control.tick, observed)
  const { tick } = control
  const edges = observed.edges
  ports.logger.info('snapshot', { cloud: policy.cloud, tick, hosts: observed.records.length, edges, zonesDue })
  const { remembered } = observed
  const now = ports.now()
  const values = {
    goodSnapshots: remembered.lastGoodAt === undefined ? 0 : 1,
    ...ageOf(remembered.lastGoodAt ?? control.lastGoodAt, now),
    refusals: Object.keys(remembered.refusals ?? {}).length,
    breakerOpen: 0,
    ...measure(seen, policy, now),
    hostsDue: due,
  }
  return { report: { tick, hosts: observed.records.length, edges, zonesDue }, remembered, values }
}

const ageOf = (lastGoodAt: number | undefined, now: number): Values =>
  lastGoodAt === undefined ? {} : { snapshotAge: Math.round((now - lastGoodAt) / 1000) }

interface Requested {
  /** How many zones have a host that is due now, and are not paused. */
  readonly zonesDue: number
  /** Hosts, also of zones that are paused. */
  readonly due: number
  readonly seen: readonly Seen[]
}

async function requestDiffs(ports: Ports, policy: Policy, tick: number, observed: Observed): Promise<Requested> {
  const { cloud } = policy
  const messages = []
  const seen: Seen[] = []
  let due = 0
  for (const zone of new Set(observed.records.map((record) => record.zone))) {
    const revisions = await readPointers(ports.store, cloud, zone)
    const records = observed.records.filter((record) => record.zone === zone)
    const now = ports.now()
    seen.push(...records.map((record) => ({ record, revision: revisions.get(record.hypervisor) })))
    const chosen = select(candidates(records, revisions, policy, policy, now), policy, tick, now).length
    due += chosen
    if (chosen === 0) continue
    if ((await readPauseOf(ports.store, cloud, zone)) !== undefined) continue // A resume kicks.
    const body = { v: messageVersion, cloud, zone, tick } as const
    messages.push({ body, group: `${cloud}-${zone}`, deduplication: `${cloud}-${zone}-${tick}` })
  }
  if (messages.length > 0) await ports.queues.send('diff', messages)
  return { zonesDue: messages.length, due, seen }
}
