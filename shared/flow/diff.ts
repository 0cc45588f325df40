/**
 * The only step that sends jobs. In: a zone and a tick. Out: one job for each host chosen, marked on its record before
 * it is sent, so that a lost message is known to be lost once its mark runs out.
 */
import { type DiffRequest, type Job, type Message, messageVersion, type Why } from '../queue/queues.ts'
import { candidates } from '../reconcile/candidates.ts'
import type { HostRecord } from '../reconcile/record.ts'
import { type Selected, select } from '../reconcile/select.ts'
import type { Ports } from '../runtime/ports.ts'
import { mark } from '../store/writes.ts'
import { parallel } from './parallel.ts'
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
  const revisions = await readPointers(ports.store, cloud, zone)
  const records = await readHosts(ports.store, cloud, zone)
  const now = ports.now()
  const chosen = select(candidates(records, revisions, policy.driverOf, policy, now), policy, tick, now)

  const until = now + policy.outstandingMilliseconds
  const marked = await parallel(chosen, async (job) => {
    const written = await ports.store.update(mark(cloud, job.record, tick, job.why, until))
    return written === undefined ? [] : [job]
  })
  const resumed = redelivered ? records.filter((record) => markedNotRun(record, tick)).map(resume) : []
  const jobs = [...marked.flat(), ...resumed]
  await send(ports, policy, request, jobs)
  if (jobs.length > 0) ports.logger.info('diff', { cloud, zone, tick, jobs: counted(jobs) })
  return { jobs: jobs.length }
}

const markedNotRun = (record: HostRecord, tick: number): boolean =>
  record.queued === tick && record.queuedWhy !== undefined && (record.ran === undefined || record.ran < tick)

const resume = (record: HostRecord): Selected => ({ record, why: record.queuedWhy ?? 'edge', more: true })

async function send(ports: Ports, policy: Policy, request: DiffRequest, jobs: readonly Selected[]): Promise<void> {
  const { cloud, zone, tick } = request
  const byQueue = Map.groupBy(jobs, ({ record }) => policy.driverOf(record.hypervisor)?.provisioner)
  for (const [queue, selected] of byQueue) {
    if (queue === undefined) continue
    const messages = selected.map(({ record, why, more }): Message => {
      const body: Job = { v: messageVersion, cloud, zone, host: record.id, tick, why, ...(more ? { more } : {}) }
      const group = policy.driverOf(record.hypervisor)?.group(cloud, record.id) ?? record.id
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
