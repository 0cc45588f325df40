/**
 * Taking a run on a host's record, or knowing why not. In: a job. Out: the record as acquired and the run's id, or the
 * reason to acknowledge the message unread. A crashed run that is found here is recorded as the failure that it is.
 */
import type { Job } from '../queue/queues.ts'
import { backoff } from '../reconcile/backoff.ts'
import type { HostRecord } from '../reconcile/record.ts'
import type { Ports } from '../runtime/ports.ts'
import { hostKey, readHost } from '../store/items.ts'
import { acquireRequest, acquireRun, crash, crashRequest } from '../store/writes.ts'
import { recordChange, recordRequest } from './history.ts'
import type { Policy } from './policy.ts'

export interface Acquired {
  readonly record: HostRecord
  readonly runId: string
}

/** Thrown when another run holds the host: the message must come back later, and nothing is wrong. */
export class RunUnderWay extends Error {
  override readonly name = 'RunUnderWay'
}

/** Beyond the function's end and its queue's visibility (timeout + 30 s): room for a redelivery to find a crash. */
const redeliveryMilliseconds = 90_000
const attempts = 5

/** @throws RunUnderWay while another run is under way. */
export async function acquire(
  ports: Ports,
  policy: Policy,
  job: Job,
  remaining: number,
): Promise<Acquired | { readonly acknowledge: string }> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const now = ports.now()
    const times = { now, runUntil: now + remaining, outstandingUntil: now + remaining + redeliveryMilliseconds }
    const runId = ports.newId()
    const write =
      job.driver === undefined
        ? acquireRun(job.cloud, job.zone, job.host, job.tick, job.why, runId, times)
        : acquireRequest(job.cloud, job.zone, job.host, job.tick, job.why, runId, times, job.driver)
    const record = readHost(await ports.store.update(write))
    if (record !== undefined) return { record, runId }
    const refused = await refusal(ports, policy, job)
    if (refused !== 'again') return { acknowledge: refused }
  }
  throw new RunUnderWay(`host ${job.host}: its record changed ${attempts} times while a run was being taken`)
}

/** Why the record refused: a reason to acknowledge, or `again` after what stood in the way was cleared. */
async function refusal(ports: Ports, policy: Policy, job: Job): Promise<string> {
  const now = ports.now()
  const record = readHost(await ports.store.get(hostKey(job.cloud, job.zone, job.host)))
  if (record === undefined) return 'the host has no record that this version reads'
  if (record.ran !== undefined && record.ran >= job.tick) return 'this job, or a later one, has run'
  if (job.driver !== undefined && (record.queuedTo !== job.driver || record.unreachedSince === undefined))
    return 'its own driver goes first'
  if (record.runId !== undefined) {
    if (record.runUntil !== undefined && record.runUntil > now) return underWay(job)
    return recordCrash(ports, policy, job, record, now)
  }
  const expired = job.why === 'revision' && (record.outstandingUntil ?? 0) <= now
  return expired ? 'its turn in the rollout is over' : 'again'
}

/**
 * A fall-back's queue is shared by all hosts of a cloud, so nobody waits there for another driver's run: once that has
 * ended, or is overdue, the host is as due as before.
 * @throws RunUnderWay
 */
function underWay(job: Job): string {
  if (job.driver !== undefined) return 'another run of the host is under way'
  throw new RunUnderWay(`host ${job.host}: a run is under way`)
}

async function recordCrash(ports: Ports, policy: Policy, job: Job, record: HostRecord, now: number): Promise<string> {
  if (record.runBy !== undefined) return recordCrashedRequest(ports, policy, job, record, now)
  const newer = record.wanted > record.tried
  const nextAttemptAt = now + backoff(record.failures + 1, policy, ports.random())
  const written = await ports.store.update(crash(job.cloud, record, now, nextAttemptAt, newer))
  if (written === undefined) return 'again'
  const after = readHost(written)
  if (after !== undefined) await recordChange(ports, policy, 'crash', record, after, record.runId ?? '')
  ports.metrics?.record(policy.cloud, { crashedRuns: 1 })
  ports.logger.error('a run ended without a report', { host: record.name, failures: record.failures + 1 })
  return newer ? 'again' : 'the run crashed; its record retries'
}

async function recordCrashedRequest(
  ports: Ports,
  policy: Policy,
  job: Job,
  record: HostRecord,
  now: number,
): Promise<string> {
  const failures = (record.requestFailures ?? 0) + 1
  const own = job.driver === undefined
  const next = now + backoff(failures, policy, ports.random())
  const after = readHost(await ports.store.update(crashRequest(job.cloud, record, now, next, own)))
  if (after === undefined) return 'again'
  await recordRequest(ports, policy, record, after, record.runId ?? '')
  ports.metrics?.record(policy.cloud, { crashedRuns: 1 })
  ports.logger.error('a request ended without a report', { host: record.name, failures, by: record.runBy })
  return own ? 'again' : 'the request crashed; its record retries'
}
