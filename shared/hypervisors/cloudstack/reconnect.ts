/**
 * `reconnectHost`, where an operator allows it (BRIDGEKEEPER_CLOUDSTACK_RECONNECT): the host's agent is made to connect anew, and
 * CloudStack sends it every network as it does so (FACTS A2, H). In: the host, what was asked before. Out: a request, or why
 * updateHost is to be sent instead. **Commands in flight to the host are cancelled**, such as a VM's start or a snapshot.
 *
 * | it is made only if                                                                | since                               |
 * |-----------------------------------------------------------------------------------|-------------------------------------|
 * | the last updateHost of this host got no answer in time                            | that is how a connection shows that commands hang on; a new one heals it, another updateHost only hangs too |
 * | the host was not reconnected for a day                                            | a reconnect that did not help is not repeated |
 * | no other host of the zone is being reconnected                                   | two at once could take the last two of a cluster |
 * | by a reading right before, it is Up and Enabled, and so is another of its cluster | in maintenance it would end in Alert; the last one leaves nobody to run VMs |
 */
import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod/mini'
import type { CloudStack } from '../../cloudstack/client.ts'
import { CloudStackError } from '../../cloudstack/errors.ts'
import type { Request } from '../../reconcile/record.ts'
import type { Logger } from '../../runtime/logger.ts'
import { HostError, type Target } from '../driver.ts'
import { freshMilliseconds, notReconnectable, notSendable, readNow } from './freshRead.ts'

export interface Reconnecting {
  /** Held while one host of the zone is away; undefined: somebody else holds it. */
  readonly lease: (
    zone: string,
    milliseconds: number,
  ) => Promise<{ readonly release: () => Promise<unknown> } | undefined>
  readonly logger: Logger
  readonly sleep?: (milliseconds: number) => Promise<unknown>
}

/** `beside`: nothing was reconnected, updateHost is to be sent, and this is to be told with it. */
export type Tried = { readonly request: Request } | { readonly beside: Pick<Request, 'note' | 'reconnectedAt'> }

const day = 24 * 60 * 60 * 1000
/** Milliseconds: a KVM host is back in seconds, a direct one after 37 to 80 s, or up to 240 s (FACTS H, API-BEHAVIOUR). */
const times = { lease: 300_000, job: 60_000, betweenJobs: 2_000, back: 240_000, betweenStates: 5_000, away: 15_000 }

export const mayReconnect = ({ request }: Target, now: number): boolean =>
  request?.call === 'updateHost' && !request.answered && now - (request.reconnectedAt ?? 0) >= day

/** @throws HostError when CloudStack cannot be asked, or the host is not to be sent anything */
export async function reconnect(
  cloudstack: Pick<CloudStack, 'reconnectHost' | 'hostsNow' | 'call'>,
  reconnecting: Reconnecting,
  target: Target,
  now: () => number,
  signal: AbortSignal,
): Promise<Tried> {
  const lease = await reconnecting.lease(target.zone, times.lease)
  if (lease === undefined) return { beside: { note: 'not reconnected: another host of the zone is being reconnected' } }
  try {
    const { id, cluster } = target
    const hosts = await readNow(cloudstack, cluster === '' ? { id } : { clusterid: cluster })
    const unfit = notSendable(hosts.find((host) => host.id === id))
    if (unfit !== undefined) throw new HostError('HostNotUp', unfit)
    const why = notReconnectable(id, hosts)
    if (why !== undefined) return { beside: { note: `not reconnected: ${why}` } }
    return await send(cloudstack, reconnecting, target, now, signal)
  } finally {
    await lease.release()
  }
}

/** Thrown right before the request would go; nothing of it was sent. */
class NotSent extends Error {
  override readonly name = 'NotSent'
}

async function send(
  cloudstack: Pick<CloudStack, 'reconnectHost' | 'hostsNow' | 'call'>,
  { logger, sleep = delay }: Reconnecting,
  { id, name }: Target,
  now: () => number,
  signal: AbortSignal,
): Promise<Tried> {
  const readAt = now()
  const before = (): void => {
    if (signal.aborted || now() - readAt > freshMilliseconds) throw new NotSent()
    logger.warn('a host is reconnected: CloudStack cancels the commands that are in flight to it', { host: name, id })
  }
  const cancelled = 'commands in flight to the host were cancelled'
  const made = (answered: boolean, note: string): Tried => ({
    request: { call: 'reconnectHost', answered, at: readAt, reconnectedAt: readAt, note: `${cancelled}; ${note}` },
  })
  const pause = async (milliseconds: number): Promise<void> => {
    await Promise.race([sleep(milliseconds), ended(signal)])
  }
  try {
    const job = await cloudstack.reconnectHost(id, before)
    const failed = await failureOf(cloudstack, job, now, pause, signal)
    if (failed !== undefined) return { beside: { note: `reconnectHost failed: ${failed}`, reconnectedAt: readAt } }
    return made(true, await backAfter(cloudstack, id, now, pause, signal))
  } catch (error) {
    if (error instanceof NotSent) return { beside: { note: 'not reconnected: its reading grew too old' } }
    if (!(error instanceof CloudStackError)) throw error
    if (error.timedOut) return made(false, 'whether it is back is not known')
    throw new HostError('CloudStackRefused', `reconnectHost: ${error.message}`)
  }
}

const jobResult = z.object({
  jobstatus: z.number(),
  jobresult: z.optional(z.looseObject({ errortext: z.optional(z.string()) })),
})

/** Polls the job, which succeeds while the host is still on its way (API-BEHAVIOUR). @returns why it failed, if it did */
async function failureOf(
  cloudstack: Pick<CloudStack, 'call'>,
  jobid: string,
  now: () => number,
  pause: (milliseconds: number) => Promise<void>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const until = now() + times.job
  while (!signal.aborted && now() < until) {
    const { jobstatus, jobresult } = await cloudstack.call('queryAsyncJobResult', { jobid }, jobResult)
    if (jobstatus === 1) return undefined
    if (jobstatus !== 0) return (jobresult?.errortext ?? `job status ${jobstatus}`).slice(0, 200)
    await pause(times.betweenJobs)
  }
  return undefined
}

/** In words. A host back Up tells that every command of the pass was answered, not that it succeeded (FACTS A6). */
async function backAfter(
  cloudstack: Pick<CloudStack, 'hostsNow'>,
  id: string,
  now: () => number,
  pause: (milliseconds: number) => Promise<void>,
  signal: AbortSignal,
): Promise<string> {
  const from = now()
  let wasAway = false
  let last = 'not read'
  while (!signal.aborted && now() - from < times.back) {
    await pause(times.betweenStates)
    const [host] = await readNow(cloudstack, { id }).catch(() => [])
    if (host === undefined) continue
    last = host.state
    wasAway ||= host.state !== 'Up'
    const seconds = Math.round((now() - from) / 1000)
    if (host.state === 'Up' && (wasAway || now() - from >= times.away)) return `it is Up ${seconds} s later`
  }
  return `it was not back Up while it was watched, last ${last}`
}

const ended = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
