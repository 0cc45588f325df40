/**
 * Every conditional write, as data. Their order and conditions were model-checked before they were written down here
 * (docs/design.md); change none alone. Each holds only if no newer version wrote the item, besides (notNewer.ts). In: names, ticks, times. Out: a Write for any engine.
 *
 * | write          | holds only if                                                      | by       |
 * |----------------|--------------------------------------------------------------------|----------|
 * | acquireTick    | nobody holds the lease, or it ran out                              | snapshot |
 * | nextRound      | I hold it                                                          | snapshot |
 * | release        | I hold it, and nobody kicked since I read                          | snapshot |
 * | releaseKicked  | I hold it, and nobody released a refusal since I read (else release without them) | snapshot |
 * | those of gateWrites.ts | on the rate and the breaker                                | all who ask CloudStack |
 * | those of hostKeyWrites.ts | on the keys of hosts                                    | run, operator |
 * | state          | no later tick wrote the host, and nobody since I read it           | snapshot |
 * | pointer        | no later or equal tick wrote it                                    | snapshot |
 * | kick           | –                                                                  | backfill |
 * | want           | the host exists                                                    | backfill |
 * | mark           | no later job was queued, this tick's did not run nor was it marked for longer | diff |
 * | acquireRun     | this tick's did not run, no run is under way                       | run      |
 * | crash          | their run is still theirs and is past its time                     | run      |
 * | reportDone     | the run is mine                                                    | run      |
 * | reportFailed   | the run is mine                                                    | run      |
 * | acquireRequest | as acquireRun, and the last job went to this fall-back, and the host's own driver does not reach it | run |
 * | crashRequest   | their run is still theirs and is past its time                     | run      |
 * | reportRequested, reportRequestFailed | the run is mine                              | run      |
 * | putJobBack     | this tick's did not run, no run is under way                       | run      |
 * | holdIs, holdIsOver | nobody wrote it since I read                                   | diff, operator |
 * | releaseRefusal | it is still the refusal that I read                                | operator |
 * | those of leaseWrites.ts | on what only one run may do at a time                    | run      |
 * | pauseIs        | nobody paused before                                               | operator |
 * | history        | –                                                                  | run, diff, operator |
 */
import type { Why } from '../queue/queues.ts'
import type { Tombstone } from '../reconcile/absence.ts'
import type { Hold } from '../reconcile/holds.ts'
import type { HostFact } from '../reconcile/model.ts'
import type { Outcome } from '../reconcile/outcome.ts'
import type { Reason } from '../reconcile/reasons.ts'
import type { HostRecord, Request } from '../reconcile/record.ts'
import type { Method } from '../reconcile/transitions.ts'
import { type Paying, pay } from './gateWrites.ts'
import {
  type Control,
  controlKey,
  type HistoryLine,
  historyKey,
  holdKey,
  hostKey,
  itemVersion,
  pauseKey,
  pointerKey,
  revisionKey,
  type StoredHold,
  sweptKey,
  tombstoneKey,
} from './items.ts'
import type { Condition, Write } from './store.ts'

const v = itemVersion
const holds = (me: string): Condition => ({ attribute: 'holder', is: '=', value: me })
const equals = (attribute: string, value: string | number): Condition => ({ attribute, is: '=', value })
const absentOr = (attribute: string, is: '<' | '<=', value: number): Condition => ({
  any: [{ absent: attribute }, { attribute, is, value }],
})

/** @param paying what the tick's first requests cost, if they are paid for in the same write */
export function acquireTick(cloud: string, me: string, now: number, until: number, paying?: Paying): Write {
  const free: Condition = { any: [{ absent: 'holder' }, { attribute: 'until', is: '<=', value: now }] }
  const paid = paying === undefined ? undefined : pay(cloud, paying)
  return {
    key: controlKey(cloud),
    set: { v, holder: me, until, ...paid?.set },
    add: { tick: 1, ...paid?.add },
    when: paid?.when === undefined ? free : { all: [free, paid.when] },
  }
}

/** Another round under the same lease, with a tick of its own. */
export const nextRound = (cloud: string, me: string): Write => ({
  key: controlKey(cloud),
  add: { tick: 1 },
  when: holds(me),
})

export type Remembered = Partial<
  Pick<
    Control,
    | 'cursor'
    | 'listedAt'
    | 'zones'
    | 'desired'
    | 'lastGoodAt'
    | 'refusals'
    | 'judged'
    | 'settings'
    | 'requests'
    | 'failure'
    | 'failureAt'
  >
>

/**
 * @param kickAsRead undefined: release whatever was kicked; the next tick serves it. Then `remembered` is to be without
 *   refusals: an operator may have released one.
 */
export const release = (cloud: string, me: string, kickAsRead: number | undefined, remembered: Remembered): Write => ({
  key: controlKey(cloud),
  set: { ...remembered },
  remove: [
    'holder',
    'until',
    ...(['failure', 'failureAt'] as const).filter((failing) => remembered[failing] === undefined),
  ],
  when: kickAsRead === undefined ? holds(me) : { all: [holds(me), kickIs(kickAsRead)] },
})

/**
 * Of the last round, whoever kicked: the next tick serves it. A refusal that an operator released since it was read stands,
 * so this is refused then.
 */
export const releaseKicked = (
  cloud: string,
  me: string,
  asRead: Control['refusals'],
  remembered: Remembered,
): Write => ({
  ...release(cloud, me, undefined, remembered),
  when: {
    all: [
      holds(me),
      ...(['hosts', 'networks'] as const)
        .filter((what) => asRead?.[what]?.released !== true)
        .map((what) => ({ absent: `refusals.${what}.released` })),
    ],
  },
})

const kickIs = (kick: number): Condition => (kick === 0 ? { absent: 'kick' } : equals('kick', kick))

export const releaseFailed = (cloud: string, me: string, failure: string, now: number): Write => ({
  key: controlKey(cloud),
  set: { failure, failureAt: now },
  remove: ['holder', 'until'],
  when: holds(me),
})

export const kick = (cloud: string): Write => ({ key: controlKey(cloud), set: { v }, add: { kick: 1 } })

/**
 * The host's facts, and in the same write the edge that they are.
 * @param asRead the tick of the record that the edge was judged by, 0 where there was none: over what a late snapshot wrote
 *   since then, these facts might be an edge that nobody counted
 */
export function state(
  cloud: string,
  host: HostFact,
  tick: number,
  edge: string | undefined,
  now: number,
  asRead: number = tick,
): Write {
  const { id, zone, managementServer, ...facts } = host
  const removed = host.state === 'Removed'
  return {
    key: hostKey(cloud, zone, id),
    set: {
      v,
      ...facts,
      managementServer,
      tick,
      ...(edge === undefined ? {} : { edge, edgeAt: now }),
      ...(edge !== undefined && connects(edge) ? { unreadySince: now } : {}),
    },
    first: {
      ...(edge !== undefined && !connects(edge) ? { unreadySince: now } : {}),
      ...(removed ? { removedAt: now } : {}),
    },
    ...(edge === undefined ? {} : { add: { wanted: 1 } }),
    remove: [...(managementServer === undefined ? ['managementServer'] : []), ...(removed ? [] : ['removedAt'])],
    when: absentOr('tick', '<=', Math.min(asRead, tick)),
  }
}

/** A host that comes Up anew starts to wait anew; being enabled as well does not shorten its wait. */
const connects = (edge: string): boolean => edge !== ('hostEnabled' satisfies Method)

export const pointer = (cloud: string, zone: string, hypervisor: string, revision: string, tick: number): Write => ({
  key: pointerKey(cloud, zone, hypervisor),
  set: { v, revision, tick },
  when: absentOr('tick', '<', tick),
})

/** @param expires in seconds; a tombstone that stands already keeps its time. */
export const tombstone = (cloud: string, zone: string, grave: Tombstone, expires: number): Write => ({
  key: tombstoneKey(cloud, zone, grave.physicalNetwork, grave.uri),
  set: {
    v,
    physicalNetwork: grave.physicalNetwork,
    uri: grave.uri,
    goneSince: grave.goneSince,
    networks: grave.networks.map(({ id, name }) => ({ id, name })),
    expires,
  },
  when: { absent: 'goneSince' },
})

/** @param expires in seconds: refreshed whenever networks were listed and this revision is current. */
export const revisionBody = (
  cloud: string,
  zone: string,
  hypervisor: string,
  revision: string,
  body: Uint8Array,
  expires: number,
): Write => ({ key: revisionKey(cloud, zone, hypervisor, revision), set: { v, body, expires } })

/** An edge that an operator asks for. */
export const want = (cloud: string, host: HostRecord, edge: string, now: number): Write => ({
  key: hostKey(cloud, host.zone, host.id),
  set: { edge, edgeAt: now },
  first: { unreadySince: now },
  add: { wanted: 1 },
  when: { present: 'tick' },
})

/** @param to the driver that the host falls back to, if the job is for that one */
export const mark = (
  cloud: string,
  host: HostRecord,
  tick: number,
  why: Why,
  outstandingUntil: number,
  to?: string,
): Write => ({
  key: hostKey(cloud, host.zone, host.id),
  set: { queued: tick, queuedWhy: why, outstandingUntil, ...(to === undefined ? {} : { queuedTo: to }) },
  ...(to === undefined ? { remove: ['queuedTo'] } : {}),
  when: { all: [{ present: 'tick' }, isLaterMark(tick, outstandingUntil), absentOr('ran', '<', tick)] },
})

/**
 * A diff that was paused and wakes up late marks by its old clock: it must not shorten what a second delivery, or the run
 * that followed, made of the same tick. That delivery's own send stands; a mark refused here sends nothing.
 */
const isLaterMark = (tick: number, until: number): Condition => ({
  any: [absentOr('queued', '<', tick), { all: [equals('queued', tick), absentOr('outstandingUntil', '<=', until)] }],
})

export interface RunTimes {
  readonly now: number
  /** The run ends itself before this. */
  readonly runUntil: number
  readonly outstandingUntil: number
}

export const acquireRun = (
  cloud: string,
  zone: string,
  host: string,
  tick: number,
  why: Why,
  runId: string,
  times: RunTimes,
): Write => ({
  key: hostKey(cloud, zone, host),
  set: { runId, runUntil: times.runUntil, outstandingUntil: times.outstandingUntil },
  copy: { tried: 'wanted' },
  remove: ['settled'],
  when: { all: [isFree(tick), ...inItsTurn(why, times)] },
})

/**
 * The run of a fall-back has counters of its own, so that it neither ends the own driver's backoff nor takes an edge from
 * it. Refused once another job of the host was sent to its own driver, or that reached it.
 */
export const acquireRequest = (
  cloud: string,
  zone: string,
  host: string,
  tick: number,
  why: Why,
  runId: string,
  times: RunTimes,
  driver: string,
): Write => ({
  key: hostKey(cloud, zone, host),
  set: { runId, runUntil: times.runUntil, outstandingUntil: times.outstandingUntil, runBy: driver },
  copy: { requestTried: 'wanted' },
  when: {
    all: [isFree(tick), ...inItsTurn(why, times), equals('queuedTo', driver), { present: 'unreachedSince' }],
  },
})

const isFree = (tick: number): Condition => ({
  all: [{ present: 'tick' }, absentOr('ran', '<', tick), { absent: 'runId' }],
})

const inItsTurn = (why: Why, { now }: RunTimes): readonly Condition[] =>
  why === 'revision' ? [{ attribute: 'outstandingUntil', is: '>', value: now }] : []

/** @param newer true: something is wanted since that run began, so this job goes on at once and `ran` stays. */
export const crash = (cloud: string, host: HostRecord, now: number, nextAttemptAt: number, newer: boolean): Write => ({
  key: hostKey(cloud, host.zone, host.id),
  set: {
    nextAttemptAt,
    reason: 'RunCrashed' satisfies Reason,
    detail: 'a run ended without a report',
    ...(newer || host.queued === undefined ? {} : { ran: host.queued }),
  },
  add: { failures: 1 },
  remove: ['runId', 'runUntil', ...unreachedAttributes],
  when: {
    all: [...isOver(host, now), ...(newer ? [] : [{ attribute: 'wanted', is: '<=' as const, other: 'tried' }])],
  },
})

/** The same of a fall-back's run. @param own true: the own driver's job found it, and goes on at once */
export const crashRequest = (
  cloud: string,
  host: HostRecord,
  now: number,
  requestNextAttemptAt: number,
  own: boolean,
): Write => ({
  key: hostKey(cloud, host.zone, host.id),
  set: {
    requestNextAttemptAt,
    requestReason: 'RunCrashed' satisfies Reason,
    requestDetail: 'a run ended without a report: whether CloudStack was asked is not known',
    ...(own || host.queued === undefined ? {} : { ran: host.queued }),
  },
  add: { requestFailures: 1 },
  remove: ['runId', 'runUntil', 'runBy'],
  when: { all: isOver(host, now) },
})

const isOver = ({ runId = '' }: HostRecord, now: number): readonly Condition[] => [
  equals('runId', runId),
  { attribute: 'runUntil', is: '<=', value: now },
]

/** What says that the own driver does not reach its host; every other outcome of that driver ends it. */
const unreachedAttributes = ['unreachedSince', 'unreachedBy'] as const
/** What a fall-back wrote, void once the own driver has finished a run. */
const requestAttributes = [
  'requestTried',
  'requestDone',
  'requestSettled',
  'requestedAt',
  'requestedBy',
  'requestFailures',
  'requestReason',
  'requestDetail',
  'requestNextAttemptAt',
] as const

export function reportDone(cloud: string, host: HostRecord, runId: string, outcome: Outcome, now: number): Write {
  const { created, nextAttemptAt, reason, detail, exceptions, orphans, readiness, seen, agent, request, ...rest } =
    outcome
  return {
    key: hostKey(cloud, host.zone, host.id),
    set: {
      ...rest,
      exceptions: exceptions.map((exception) => ({ ...exception })),
      orphans: orphans.map((orphan) => ({ ...orphan })),
      readiness: readiness.map((finding) => ({ ...finding })),
      seen: seen === undefined ? undefined : { ...seen },
      agent: agent === undefined ? undefined : { ...agent },
      request: request === undefined ? undefined : { ...request },
      lastSettled: rest.settled,
      verifiedAt: now,
      nextAttemptAt,
      reason,
      detail,
      ...(host.queued === undefined ? {} : { ran: host.queued }),
    },
    copy: { done: 'tried' },
    add: { created },
    remove: [
      'runId',
      'runUntil',
      ...(nextAttemptAt === undefined ? ['nextAttemptAt'] : []),
      ...(reason === undefined ? ['reason'] : []),
      ...(detail === undefined ? ['detail'] : []),
      ...(seen === undefined ? ['seen'] : []),
      ...(agent === undefined ? ['agent'] : []),
      ...(request === undefined ? ['request'] : []),
      ...unreachedAttributes,
      ...requestAttributes,
      ...(outcome.verdict === 'InSync' ? ['unreadySince'] : []),
    ],
    when: equals('runId', runId),
  }
}

/** Why a whole run failed. */
export interface RunFailure {
  readonly reason: Reason
  readonly detail: string
}

/** @param unreached by which driver the host was not reached, and since now, if there is another one to fall back to */
export const reportFailed = (
  cloud: string,
  host: HostRecord,
  runId: string,
  failure: RunFailure & { readonly nextAttemptAt: number },
  unreached?: { readonly by: string; readonly now: number },
): Write => ({
  key: hostKey(cloud, host.zone, host.id),
  set: {
    ...failure,
    ...(unreached === undefined ? {} : { unreachedBy: unreached.by }),
    ...(host.queued === undefined ? {} : { ran: host.queued }),
  },
  ...(unreached === undefined ? {} : { first: { unreachedSince: unreached.now } }),
  add: { failures: 1 },
  remove: ['runId', 'runUntil', ...(unreached === undefined ? unreachedAttributes : [])],
  when: equals('runId', runId),
})

/** A fall-back's run that finished: nothing of the own driver's is touched, least of all `done`. */
export const reportRequested = (
  cloud: string,
  host: HostRecord,
  runId: string,
  requested: { readonly by: string; readonly settled: string; readonly request: Request | undefined },
  now: number,
): Write => ({
  key: hostKey(cloud, host.zone, host.id),
  set: {
    requestedBy: requested.by,
    requestedAt: now,
    requestSettled: requested.settled,
    requestFailures: 0,
    request: requested.request === undefined ? undefined : { ...requested.request },
    ...(host.queued === undefined ? {} : { ran: host.queued }),
  },
  copy: { requestDone: 'requestTried' },
  remove: [
    ...['runId', 'runUntil', 'runBy', 'requestReason', 'requestDetail', 'requestNextAttemptAt'],
    ...(requested.request === undefined ? ['request'] : []),
  ],
  when: equals('runId', runId),
})

export const reportRequestFailed = (
  cloud: string,
  host: HostRecord,
  runId: string,
  { reason, detail, nextAttemptAt }: RunFailure & { readonly nextAttemptAt: number },
): Write => ({
  key: hostKey(cloud, host.zone, host.id),
  set: {
    requestReason: reason,
    requestDetail: detail,
    requestNextAttemptAt: nextAttemptAt,
    ...(host.queued === undefined ? {} : { ran: host.queued }),
  },
  add: { requestFailures: 1 },
  remove: ['runId', 'runUntil', 'runBy'],
  when: equals('runId', runId),
})

/** A job that came while its host was paused is as if it had run, and its host is as due as before. */
export const putJobBack = (cloud: string, zone: string, host: string, tick: number): Write => ({
  key: hostKey(cloud, zone, host),
  set: { ran: tick },
  when: { all: [{ present: 'tick' }, absentOr('ran', '<', tick), { absent: 'runId' }] },
})

const asRead = (serial: number | undefined): Condition =>
  serial === undefined ? { absent: 'serial' } : equals('serial', serial)

/**
 * Of the hold only what a hold has: one that was read has a serial too, and DynamoDB refuses a write that sets what it adds to.
 * @param serial of the item as it was read; undefined where there was none
 */
export function holdIs(cloud: string, zone: string, hold: Hold, serial: number | undefined): Write {
  const { cause, state, since, failing, tried, tolerated, probes, probedAt, probeHost, probeTick, by } = hold
  const counted = { state, since, failing, tried, tolerated, probes }
  const optional = { probedAt, probeHost, probeTick, by }
  const absent = Object.entries(optional).flatMap(([name, value]) => (value === undefined ? [name] : []))
  return {
    key: holdKey(cloud, zone, cause),
    set: { v, ...counted, ...optional },
    add: { serial: 1 },
    remove: ['expires', ...absent],
    when: asRead(serial),
  }
}

/** @param expires in seconds */
export const holdIsOver = (cloud: string, zone: string, { cause, serial }: StoredHold, expires: number): Write => ({
  key: holdKey(cloud, zone, cause),
  set: { state: 'open', tolerated: 0, failing: 0, expires },
  add: { serial: 1 },
  when: asRead(serial),
})

/** Released and kicked in one: a snapshot that is under way goes round once more, and does not write over it. */
export const releaseRefusal = (cloud: string, what: 'hosts' | 'networks', digest: string): Write => ({
  key: controlKey(cloud),
  set: { [`refusals.${what}.released`]: true },
  add: { kick: 1 },
  when: equals(`refusals.${what}.digest`, digest),
})

export const pauseIs = (
  cloud: string,
  zone: string | undefined,
  at: number,
  by: string,
  why: string | undefined,
): Write => ({ key: pauseKey(cloud, zone), set: { v, at, by, why }, when: { absent: 'at' } })

/** @param id the same for a line that is written twice */
export const history = (
  cloud: string,
  zone: string | undefined,
  host: string,
  { at, ...line }: Omit<HistoryLine, 'v'>,
  id: string,
): Write => ({ key: historyKey(cloud, zone, host, at, id), set: { v, at, ...line } })

export const sweptZones = (cloud: string, zones: readonly string[]): Write => ({
  key: sweptKey(cloud),
  set: { v, zones: [...zones] },
})
