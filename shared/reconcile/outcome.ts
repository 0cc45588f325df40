/**
 * What a run that finished means for the host's record. Pure. In: the record as acquired, what the run found, the
 * revision and the policy. Out: the attributes of the report.
 *
 * | the run                                  | verdict   | reason              | next attempt                    |
 * |------------------------------------------|-----------|---------------------|---------------------------------|
 * | found all present at its end             | InSync    | –                   | –                               |
 * | left findings, some of which may heal    | OutOfSync | the first of them   | after a backoff of its own count|
 * | left findings, none of which heals       | OutOfSync | the first of them   | –                               |
 * | only looked (mode observe), found missing| as found  | ObserveOnly         | –                               |
 * | asked an API that does not tell          | Unknown   | RequestedUnverified | –                               |
 *
 * The findings are the listeners' (listeners.ts): what stands in the way of networks to come is judged after the host was
 * added or connected, and then stands until it is judged again.
 */
import { type BackoffPolicy, backoff } from './backoff.ts'
import { requestSays } from './fallback.ts'
import { findingsOf, listens, methodsOf } from './listeners.ts'
import { type Reason, reasons } from './reasons.ts'
import {
  type AgentSeen,
  type Exception,
  exceptionLimit,
  type HostRecord,
  type OrphanOutcome,
  type Request,
  type Seen,
  settledIn,
  type Verdict,
} from './record.ts'

export interface Pending {
  readonly physicalNetwork: string
  readonly uri: string
  readonly devices: readonly string[]
  readonly steps: readonly string[]
}

/** What a run found, as far as the record is concerned. */
export interface RunResult {
  readonly verdict: Verdict
  readonly bootId?: string
  readonly devices: number
  readonly created: number
  readonly findings: readonly Exception[]
  /** What an apply would do, network by network (mode observe). */
  readonly pending: readonly Pending[]
  readonly readiness: readonly Exception[]
  readonly orphans: readonly OrphanOutcome[]
  /** What the host looks like, where all is right and the driver can compare. */
  readonly seen?: string
  /** True: it was not listed, since it is exactly as it was seen before. */
  readonly unchanged?: boolean
  readonly agent?: AgentSeen
  readonly request?: Request
}

/** What a run that finished says. */
export interface Outcome {
  readonly settled: string
  readonly verdict: Verdict
  readonly reason?: Reason
  readonly detail?: string
  readonly bootId?: string
  readonly devices: number
  readonly created: number
  readonly exceptions: readonly Exception[]
  readonly moreExceptions: number
  readonly orphans: readonly OrphanOutcome[]
  readonly readiness: readonly Exception[]
  readonly failures: 0
  /** Runs in a row that finished with exceptions which may heal. */
  readonly retries: number
  readonly nextAttemptAt?: number
  readonly readySeconds?: number
  readonly seen?: Seen
  readonly agent?: AgentSeen
  readonly request?: Request
}

export function outcome(
  record: HostRecord,
  result: RunResult,
  revision: string,
  policy: BackoffPolicy & { readonly mode: string },
  now: number,
  random: number,
): Outcome {
  const { verdict, bootId, devices, created } = result
  const methods = record.tried > record.done ? methodsOf(record.edge) : []
  const { persistentNetworks, hostReadiness } = findingsOf(methods, result)
  const findings =
    policy.mode === 'observe' ? [...persistentNetworks, ...result.pending.map(onlyObserved)] : persistentNetworks
  const readiness = listens('hostReadiness', methods) ? hostReadiness : (record.readiness ?? [])
  const mayHeal = findings.some((finding) => reasons[finding.reason].retry)
  const retries = mayHeal ? record.retries + 1 : 0
  const since = record.unreadySince ?? (record.tried > record.done ? record.edgeAt : undefined)
  const settled = settledIn(revision, policy.mode)
  return {
    settled,
    verdict,
    ...why(result, policy.mode),
    ...(bootId === undefined ? {} : { bootId }),
    devices,
    created,
    exceptions: findings.slice(0, exceptionLimit).map(bounded),
    moreExceptions: Math.max(0, findings.length - exceptionLimit),
    orphans: result.orphans.filter(({ kept }) => kept !== undefined).slice(0, exceptionLimit),
    readiness: readiness.slice(0, exceptionLimit).map(bounded),
    failures: 0,
    retries,
    ...(mayHeal ? { nextAttemptAt: now + backoff(retries, policy, random) } : {}),
    ...(verdict === 'InSync' && since !== undefined ? { readySeconds: Math.round((now - since) / 100) / 10 } : {}),
    ...seenOf(record, result, settled, now),
    ...(result.agent === undefined ? {} : { agent: result.agent }),
    ...(result.request === undefined ? {} : { request: result.request }),
  }
}

function seenOf(record: HostRecord, result: RunResult, settled: string, now: number): { readonly seen?: Seen } {
  const { seen: digest, devices, unchanged, verdict } = result
  if (digest === undefined || verdict !== 'InSync') return {}
  const listedAt = unchanged ? record.seen?.listedAt : now
  return listedAt === undefined ? {} : { seen: { digest, devices, settled, listedAt } }
}

const onlyObserved = ({ physicalNetwork, uri, devices, steps }: Pending): Exception => ({
  physicalNetwork,
  uri,
  reason: 'ObserveOnly',
  detail: [devices.join(', '), steps.join(', ')].filter(Boolean).join(': '),
})

function why({ verdict, findings, pending, request }: RunResult, mode: string): { reason?: Reason; detail?: string } {
  if (verdict === 'InSync') return {}
  if (verdict === 'Unknown' && (mode === 'apply' || pending.length === 0))
    return { reason: 'RequestedUnverified', ...(request === undefined ? {} : { detail: requestSays(request) }) }
  const [first] = findings
  if (first === undefined) return { reason: 'ObserveOnly', detail: `${pending.length} networks would be prepared` }
  const others = findings.length === 1 ? '' : ` (and ${findings.length - 1} more)`
  return { reason: first.reason, detail: `${first.uri}: ${first.detail}${others}`.slice(0, 500) }
}

const bounded = ({ physicalNetwork, uri, reason, detail }: Exception): Exception => ({
  physicalNetwork,
  uri,
  reason,
  detail: detail.slice(0, 200),
})
