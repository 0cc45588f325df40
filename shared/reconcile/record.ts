/**
 * The host record: all that is remembered of one host. Three writers each own their attributes: the snapshot (facts
 * and `wanted`), diff (`queued…`), and the run (the rest). Its counters are the state machine: Idle → Queued → Running
 * → Idle or Backoff.
 */
import type { Why } from '../queue/queues.ts'
import type { HostFact } from './model.ts'
import type { Reason } from './reasons.ts'

export const verdicts = ['InSync', 'OutOfSync', 'Unknown'] as const
/** What the last finished run knew of the host. */
export type Verdict = (typeof verdicts)[number]

/** Why one network is not simply present on a host; kept on the record, 64 at most. */
export interface Exception {
  readonly physicalNetwork: string
  readonly uri: string
  readonly reason: Reason
  readonly detail: string
}

/** Devices with our mark that no desired network names, and what became of them. */
export interface OrphanOutcome {
  readonly devices: readonly string[]
  readonly uri?: string
  /** Absent: they were removed. */
  readonly kept?: string
}

/** How a host looked when all was right, so that a verification need not list it again while it is still so (seen.ts). */
export interface Seen {
  /** The driver's own words. */
  readonly digest: string
  readonly devices: number
  /** `revision:mode`. */
  readonly settled: string
  /** When the host was last listed in full. */
  readonly listedAt: number
}

/** The agent on a host, as the last run that spoke to it found it. */
export interface AgentSeen {
  /** Its release. */
  readonly version: string
  /** How often it repaired or restored its host by itself, and when last, by the host's clock. */
  readonly repairs: number
  readonly repairedAt?: number
}

export interface HostRecord extends HostFact {
  /** The tick whose snapshot last wrote the facts. */
  readonly tick: number
  /** Edges seen. Only ever added to, in the write that stores the state which caused it. */
  readonly wanted: number
  /** The names of the last edge, for people; and when it was seen. */
  readonly edge?: string
  readonly edgeAt?: number
  /** Since when the host waits to be ready: its first edge that no run has ended InSync, or its last (re)connection. */
  readonly unreadySince?: number
  /** When it was first missing from CloudStack's listing, for a record whose state is Removed. */
  readonly removedAt?: number

  /** The tick of the last job sent, why it was sent, and until when it counts as outstanding. */
  readonly queued?: number
  readonly queuedWhy?: Why
  readonly outstandingUntil?: number

  /** The run under way. */
  readonly runId?: string
  readonly runUntil?: number
  /** `wanted` as the last run found it at its start; and as the last run that finished had found it. */
  readonly tried: number
  readonly done: number
  /** The tick of the last job that ran to a report, or crashed. */
  readonly ran?: number
  /** `revision:mode` that the last finished run left the host in. Absent from the start of a run to its report. */
  readonly settled?: string
  readonly verifiedAt?: number
  readonly bootId?: string
  readonly verdict?: Verdict
  /** Of the last run, if it failed or the verdict is not InSync. */
  readonly reason?: Reason
  readonly detail?: string
  /** Desired devices present and right; created over the life of the record. */
  readonly devices?: number
  readonly created: number
  /** Runs in a row that failed; and that finished with exceptions which may heal. */
  readonly failures: number
  readonly retries: number
  readonly nextAttemptAt?: number
  readonly exceptions: readonly Exception[]
  /** Exceptions beyond the 64 that are kept. */
  readonly moreExceptions?: number
  /** Orphans that the last run left, 64 at most, where the removal policy is report or prune. */
  readonly orphans?: readonly OrphanOutcome[]
  /** What would stand in the way of networks to come, as the last run judged it. */
  readonly readiness?: readonly Exception[]
  /** From the edge to its verification, in seconds. */
  readonly readySeconds?: number
  readonly agent?: AgentSeen
  /** Of the last run that finished, if it left nothing to do and nothing to tell. */
  readonly seen?: Seen

  /** What `settled` was after the last run of the host's own driver that finished; it outlives the beginning of the next. */
  readonly lastSettled?: string
  readonly request?: Request

  /** Since when its own driver, of this name, has failed to reach it: then the fall-back may be asked (fallback.ts). */
  readonly unreachedSince?: number
  readonly unreachedBy?: string
  /** The fall-back to which the last job was sent, and which runs now; absent: the host's own driver. */
  readonly queuedTo?: string
  readonly runBy?: string
  /** The fall-back's own counters, as tried, done, settled and so on are the own driver's. Gone when that finishes a run. */
  readonly requestTried?: number
  readonly requestDone?: number
  readonly requestSettled?: string
  readonly requestedAt?: number
  readonly requestedBy?: string
  readonly requestFailures?: number
  readonly requestReason?: Reason
  readonly requestDetail?: string
  readonly requestNextAttemptAt?: number
}

/** What a host is settled in: a desired revision, brought about (apply) or only looked at (observe). */
export const settledIn = (revision: string, mode: string): string => `${revision}:${mode}`

/** A host whose job is under way or waiting; what is outstanding is not sent again (DESIGN 11). */
export const outstanding = (record: HostRecord, now: number): boolean =>
  record.queued !== undefined &&
  (record.ran === undefined || record.queued > record.ran) &&
  record.outstandingUntil !== undefined &&
  now < record.outstandingUntil

/** The last thing that CloudStack was asked to do for a host (DESIGN 23). It tells nothing of the host itself. */
export interface Request {
  readonly call: 'updateHost' | 'reconnectHost'
  /** False: no answer came in time. It counts as asked, and may still be at work. */
  readonly answered: boolean
  /** When it was sent. */
  readonly at: number
  /** What else is known of it, in words. */
  readonly note?: string
  /** When the host was last reconnected. */
  readonly reconnectedAt?: number
}

/** How many exceptions a record keeps. */
export const exceptionLimit = 64
