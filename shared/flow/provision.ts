/**
 * One job for one host, from its queue to its record. In: a job, the driver of this function. Out: the outcome on the
 * host's record; then the message is acknowledged. The record retries, not the queue (DESIGN 10).
 *
 * - paused: put the job back and do nothing (pause.ts)
 * - acquire the run on the record: what another run has done, or is doing, is not done twice
 * - read what should be there: never from the job, so a job never goes stale
 * - run the driver, until shortly before the function ends
 * - report: done, or failed with a backoff; of a fall-back (fallback.ts) on its own counters; if the cluster waits for its
 *   next wave, ask for diff
 * - leave a line in the history, if the host is in another state than before
 */
import type { CloudStack } from '../cloudstack/client.ts'
import { type Driver, HostError } from '../hypervisors/driver.ts'
import { type Prune, type Run, run } from '../hypervisors/run.ts'
import { type Job, messageVersion } from '../queue/queues.ts'
import { backoff } from '../reconcile/backoff.ts'
import { eligible } from '../reconcile/candidates.ts'
import { outcome } from '../reconcile/outcome.ts'
import { reasons } from '../reconcile/reasons.ts'
import { type HostRecord, settledIn } from '../reconcile/record.ts'
import { lastSeen } from '../reconcile/seen.ts'
import { ConfigurationError } from '../runtime/configuration.ts'
import type { Values } from '../runtime/metrics.ts'
import type { Ports } from '../runtime/ports.ts'
import { readHost } from '../store/items.ts'
import {
  putJobBack,
  type RunFailure,
  reportDone,
  reportFailed,
  reportRequested,
  reportRequestFailed,
} from '../store/writes.ts'
import { type Acquired, acquire } from './acquire.ts'
import { recordChange, recordRepair, recordRequest } from './history.ts'
import { readPauseOf } from './pause.ts'
import type { Policy } from './policy.ts'
import { prune } from './prune.ts'
import { type Current, readDesired } from './read.ts'

export type ProvisionReport = { readonly host: string } & (
  | { readonly acknowledged: string }
  | { readonly failed: string; readonly detail: string }
  | { readonly verdict: string; readonly created: number; readonly devices: number }
)

export interface Provisioner {
  readonly ports: Ports
  readonly policy: Policy
  /** Made within the run, so that a setting which cannot be used is a failure on the record. */
  readonly driver: (hypervisor: string) => Driver | Promise<Driver>
  /** Asked only before something is removed. */
  readonly cloudstack: () => CloudStack
}

/** @param remaining milliseconds until the function is ended @throws when the store or a queue is out */
export async function provision(provisioner: Provisioner, job: Job, remaining: number): Promise<ProvisionReport> {
  const { ports, policy } = provisioner
  const pause = await readPauseOf(ports.store, job.cloud, job.zone)
  if (pause !== undefined) {
    await ports.store.update(putJobBack(job.cloud, job.zone, job.host, job.tick))
    return { host: job.host, acknowledged: `paused by ${pause.by}` }
  }
  const acquired = await acquire(ports, policy, job, remaining)
  if ('acknowledge' in acquired) return { host: job.host, acknowledged: acquired.acknowledge }
  const desired = await readDesired(ports.store, job.cloud, job.zone, acquired.record.hypervisor)
  const result = await attempt(provisioner, job, acquired.record, desired, remaining)
  const { report, after } = await writeReport(ports, policy, job, acquired, result)
  ports.metrics?.record(job.cloud, valuesOf(result, acquired.record, after))
  ports.logger.info('run', { ...report, name: acquired.record.name, tick: job.tick, why: job.why })
  if (job.more) await askForNextWave(ports, job)
  if (after !== undefined && job.driver !== undefined)
    await recordRequest(ports, policy, acquired.record, after, acquired.runId)
  else if (after !== undefined) await recordChange(ports, policy, 'run', acquired.record, after, acquired.runId)
  if (after !== undefined && 'ran' in result)
    await recordRepair(ports, policy, acquired.record, after, acquired.runId, result.ran.repaired)
  return report
}

type Result = RunFailure | { readonly ran: Run; readonly revision: string }

/** Whatever goes wrong with one host ends on its own record, and nowhere else. */
async function attempt(
  { ports, policy, driver, cloudstack }: Provisioner,
  job: Job,
  record: HostRecord,
  desired: Current | undefined,
  remaining: number,
): Promise<Result> {
  if (desired === undefined)
    return { reason: 'NotYetVerified', detail: 'the networks of this zone were not listed yet' }
  const entry = job.driver === undefined ? policy.driverOf(record.hypervisor) : fallbackFor(policy, job, record)
  if (job.driver !== undefined && entry === undefined)
    return { reason: 'NoDriver', detail: `${record.hypervisor} does not fall back to ${job.driver} any more` }
  if (!eligible(record, entry)) {
    return { reason: 'HostNotUp', detail: `the host is ${record.state} and ${record.resourceState}` }
  }
  const { id, cluster, name, address, resourceState, request } = record
  const target = {
    ...{ cloud: job.cloud, zone: job.zone, id, cluster, name, address, resourceState },
    ...(request === undefined ? {} : { request }),
  }
  const signal = AbortSignal.timeout(Math.max(1, Math.floor(remaining - reserve(remaining))))
  const context = { ports, cloudstack, policy, zone: job.zone, desired: desired.networks, signal }
  const pruning: Prune = (session, orphans) => prune(context, session, orphans)
  const seen = lastSeen(record, settledIn(desired.revision, policy.mode), ports.now())
  const last = seen === undefined ? undefined : { seen: seen.digest, devices: seen.devices }
  try {
    return {
      ran: await run(await driver(record.hypervisor), target, desired, policy.mode, signal, pruning, last),
      revision: desired.revision,
    }
  } catch (error) {
    if (error instanceof HostError) return { reason: error.reason, detail: error.message.slice(0, 500) }
    if (error instanceof ConfigurationError) return { reason: 'Misconfigured', detail: error.message.slice(0, 500) }
    if (signal.aborted) return { reason: 'TimeOut', detail: `the run did not end within ${remaining} ms` }
    return { reason: 'RunCrashed', detail: String(error).slice(0, 500) }
  }
}

const fallbackFor = ({ fallbacks, fallbackOf }: Policy, { driver }: Job, { hypervisor }: HostRecord) =>
  fallbacks[hypervisor] === driver ? fallbackOf(hypervisor) : undefined

/** The end of a function's time is kept for the report: 10 s, or a fifth of a short time. */
const reserve = (remaining: number): number => Math.min(10_000, remaining / 5)

/** `readySeconds` is that of this run where the host had waited to be ready until then. */
function valuesOf(result: Result, before: HostRecord, after: HostRecord | undefined): Values {
  const isReady = before.unreadySince !== undefined && after?.unreadySince === undefined
  const seconds = isReady ? after?.readySeconds : undefined
  return {
    runs: 1,
    failedRuns: 'reason' in result ? 1 : 0,
    ...('reason' in result && result.reason === 'RunCrashed' ? { crashedRuns: 1 } : {}),
    ...(seconds === undefined ? {} : { timeToReady: seconds }),
  }
}

interface Reported {
  readonly report: ProvisionReport
  /** The record as the report left it; undefined where the run was no longer this one's. */
  readonly after: HostRecord | undefined
}

async function writeReport(
  ports: Ports,
  policy: Policy,
  job: Job,
  { record, runId }: Acquired,
  result: Result,
): Promise<Reported> {
  const { host, cloud } = job
  const now = ports.now()
  if (job.driver !== undefined)
    return writeRequest(ports, policy, { ...job, driver: job.driver }, record, runId, result)
  if ('reason' in result) {
    const nextAttemptAt = now + backoff(record.failures + 1, policy, ports.random())
    const by = reasons[result.reason].unreached ? chainOf(policy, record) : undefined
    const unreached = by === undefined ? undefined : { by, now }
    const write = reportFailed(cloud, record, runId, { ...result, nextAttemptAt }, unreached)
    const after = readHost(await ports.store.update(write))
    return { after, report: { host, failed: result.reason, detail: result.detail } }
  }
  const done = outcome(record, result.ran, result.revision, policy, now, ports.random())
  const after = readHost(await ports.store.update(reportDone(cloud, record, runId, done, now)))
  return { after, report: { host, verdict: done.verdict, created: done.created, devices: done.devices } }
}

/** The name of the host's own driver, if there is one to fall back to. */
const chainOf = ({ drivers, fallbacks }: Policy, { hypervisor }: HostRecord): string | undefined =>
  fallbacks[hypervisor] === undefined ? undefined : drivers[hypervisor]

async function writeRequest(
  ports: Ports,
  policy: Policy,
  { cloud, host, driver: by }: Job & { readonly driver: string },
  record: HostRecord,
  runId: string,
  result: Result,
): Promise<Reported> {
  const now = ports.now()
  if ('reason' in result) {
    const nextAttemptAt = now + backoff((record.requestFailures ?? 0) + 1, policy, ports.random())
    const write = reportRequestFailed(cloud, record, runId, { ...result, nextAttemptAt })
    const after = readHost(await ports.store.update(write))
    return { after, report: { host, failed: result.reason, detail: result.detail } }
  }
  const { verdict, created, devices, request } = result.ran
  const settled = settledIn(result.revision, policy.mode)
  const after = readHost(await ports.store.update(reportRequested(cloud, record, runId, { by, settled, request }, now)))
  return { after, report: { host, verdict, created, devices } }
}

async function askForNextWave(ports: Ports, { cloud, zone, tick, host }: Job): Promise<void> {
  const body = { v: messageVersion, cloud, zone, tick } as const
  await ports.queues.send('diff', [
    { body, group: `${cloud}-${zone}`, deduplication: `${cloud}-${zone}-${tick}-${host}` },
  ])
}
