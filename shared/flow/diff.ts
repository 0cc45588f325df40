/**
 * The only step that sends jobs. In: a zone and a tick. Out: one job for each host chosen, marked on its record before
 * it is sent, so that a lost message is known to be lost once its mark runs out. A zone that is paused gets none; what a
 * hold keeps back gets none but its probes. A host whose own driver did not reach it gets one on the other queue.
 */
import { type DiffRequest, type Job, type Message, messageVersion, type Why } from '../queue/queues.ts'
import { candidates } from '../reconcile/candidates.ts'
import { type Decided, decideHolds, probed } from '../reconcile/holds.ts'
import type { HostRecord } from '../reconcile/record.ts'
import { type Selected, select } from '../reconcile/select.ts'
import type { Ports } from '../runtime/ports.ts'
import { mark } from '../store/writes.ts'
import { readAllHolds, writeHolds } from './holds.ts'
import { parallel } from './parallel.ts'
import { readPauseOf } from './pause.ts'
import type { Policy } from './policy.ts'
import { readHosts, readPointers } from './read.ts'

export interface DiffReport {
  readonly jobs: number
}

/**
 * @param redelivered the first delivery may have been killed between its marks and its sends: what this tick marked and
 *   did not run is sent again (deduplication drops what did arrive).
 * @throws when the store or a queue is out.
 */
export async function diff(
  ports: Ports,
  policy: Policy,
  request: DiffRequest,
  redelivered: boolean,
): Promise<DiffReport> {
  const { cloud, zone, tick } = request
  const pause = await readPauseOf(ports.store, cloud, zone)
  if (pause !== undefined) {
    ports.logger.warn('paused: no jobs', { cloud, zone, tick, by: pause.by, since: pause.at })
    return { jobs: 0 }
  }
  const revisions = await readPointers(ports.store, cloud, zone)
  const records = await readHosts(ports.store, cloud, zone)
  const now = ports.now()
  const { holds, newer } = await readAllHolds(ports.store, cloud, zone)
  if (newer) {
    ports.logger.warn('a newer version wrote a hold: no jobs', { cloud, zone, tick })
    return { jobs: 0 }
  }
  const all = candidates(records, revisions, policy, policy, now)
  const decided = decideHolds(
    all,
    holds.filter(({ over }) => !over),
    policy,
    now,
  )
  const chosen = select(decided.candidates, policy, tick, now)
  const held = withProbes(decided, chosen, tick, now)
  await writeHolds(ports, policy, zone, holds, held)
  ports.metrics?.record(cloud, { heldCauses: held.filter(({ state }) => state === 'held').length })

  const until = ports.now() + policy.outstandingMilliseconds // Of this moment: reading may have taken long.
  const marked = await parallel(chosen, async (job) => {
    const written = await ports.store.update(mark(cloud, job.record, tick, job.why, until, fallbackFor(policy, job)))
    return written === undefined ? [] : [job]
  })
  const resumed = redelivered ? records.filter((record) => markedNotRun(record, tick)).map(resume) : []
  const jobs = [...marked.flat(), ...resumed]
  await send(ports, policy, request, jobs)
  const fallbacks = jobs.filter(({ fallback }) => fallback).length
  if (jobs.length > 0) ports.logger.info('diff', { cloud, zone, tick, jobs: counted(jobs), fallbacks })
  return { jobs: jobs.length }
}

/** A hold counts a probe once its host got a job. */
function withProbes({ holds, probes }: Decided, chosen: readonly Selected[], tick: number, now: number) {
  const sent = chosen.filter(({ record }) => probes.has(record.id))
  return holds.map((hold) => {
    const probe = sent.find(({ record }) => probes.get(record.id)?.includes(hold.cause))
    return probe === undefined ? hold : probed(hold, probe.record.id, tick, now)
  })
}

const markedNotRun = (record: HostRecord, tick: number): boolean =>
  record.queued === tick && record.queuedWhy !== undefined && (record.ran === undefined || record.ran < tick)

const resume = (record: HostRecord): Selected => ({
  record,
  why: record.queuedWhy ?? 'edge',
  more: true,
  fallback: record.queuedTo !== undefined,
})

/** The name of the driver that a job is for, where it is not the host's own. */
const fallbackFor = ({ fallbacks }: Policy, { record, fallback }: Selected): string | undefined =>
  fallback ? fallbacks[record.hypervisor] : undefined

const entryFor = (policy: Policy, { record, fallback }: Selected) =>
  fallback ? policy.fallbackOf(record.hypervisor) : policy.driverOf(record.hypervisor)

async function send(ports: Ports, policy: Policy, request: DiffRequest, jobs: readonly Selected[]): Promise<void> {
  const { cloud, zone, tick } = request
  const byQueue = Map.groupBy(jobs, (job) => entryFor(policy, job)?.provisioner)
  for (const [queue, selected] of byQueue) {
    if (queue === undefined) continue
    const messages = selected.map((job): Message => {
      const { record, why, more } = job
      const driver = fallbackFor(policy, job)
      const body: Job = {
        ...{ v: messageVersion, cloud, zone, host: record.id, tick, why },
        ...(more ? { more } : {}),
        ...(driver === undefined ? {} : { driver }),
      }
      const group = entryFor(policy, job)?.group(cloud, record.id) ?? record.id
      return { body, group, deduplication: `${record.id}-${tick}` }
    })
    await ports.queues.send(queue, messages)
  }
}

function counted(jobs: readonly Selected[]): Readonly<Record<Why, number>> {
  const counts = { edge: 0, revision: 0, retry: 0, verify: 0 }
  for (const { why } of jobs) counts[why]++
  return counts
}
