/**
 * The history: one line a change of a host, and one an operator's act; never one for a run that found all as it was. It
 * is for people, so nothing is decided by it, and a function that is killed may leave a line out. In: what changed, or
 * who did what. Out: lines with an expiry, bounded in size; and the last ones read back.
 */

import { notRequestedSays, requestedSays } from '../reconcile/fallback.ts'
import type { ZoneFact } from '../reconcile/model.ts'
import type { HostRecord } from '../reconcile/record.ts'
import type { Ports } from '../runtime/ports.ts'
import { type HistoryLine, historyPrefix, placePartition, readHistoryLine } from '../store/items.ts'
import type { Store } from '../store/store.ts'
import { history } from '../store/writes.ts'
import { parallel } from './parallel.ts'
import type { Policy } from './policy.ts'

export type Keeping = Pick<Policy, 'cloud' | 'historyMilliseconds'>

/** Who does something, as the operating system or the caller calls them, and why. */
export interface Act {
  readonly by: string
  readonly why?: string
}

/** What a line is about: a host, all of a zone, or the cloud. */
export interface Place {
  readonly zone?: string
  readonly host?: string
}

const detailLimit = 200

/** One line if the host is in another state than before, or was given devices. @param runId so that it is written once */
export async function recordChange(
  ports: Ports,
  keeping: Keeping,
  what: 'run' | 'crash',
  before: HostRecord,
  after: HostRecord,
  runId: string,
): Promise<void> {
  const created = after.created - before.created
  const isNew = before.request?.call !== 'reconnectHost' || before.request.at !== after.request?.at
  const reconnected = after.request?.call === 'reconnectHost' && isNew
  if (before.verdict === after.verdict && before.reason === after.reason && created === 0 && !reconnected) return
  const { verdict, reason, detail } = after
  const line = { what, verdict, reason, detail, ...(created === 0 ? {} : { created }) }
  await write(ports, keeping, { zone: after.zone, host: after.id }, line, runId)
}

/** One line if the agent repaired its host by itself since the last run. @param devices those of the last time */
export async function recordRepair(
  ports: Ports,
  keeping: Keeping,
  before: HostRecord,
  after: HostRecord,
  runId: string,
  devices: readonly string[] = [],
): Promise<void> {
  const times = (after.agent?.repairs ?? 0) - (before.agent?.repairs ?? 0)
  if (times <= 0) return
  const detail = `${times === 1 ? 'once' : `${times} times`} by itself, last: ${devices.join(', ')}`
  await write(ports, keeping, { zone: after.zone, host: after.id }, { what: 'repair', detail }, `${runId} repair`)
}

/** One line of a fall-back: what was asked of CloudStack because the host's own driver did not reach it, or why not. */
export async function recordRequest(
  ports: Ports,
  keeping: Keeping,
  before: HostRecord,
  after: HostRecord,
  runId: string,
): Promise<void> {
  const place = { zone: after.zone, host: after.id }
  const by = after.requestedBy ?? before.runBy
  const { requestReason: reason } = after
  if (reason !== undefined) {
    if (reason === before.requestReason) return
    await write(ports, keeping, place, { what: 'request', reason, detail: notRequestedSays(after), by }, runId)
    return
  }
  const verdict = 'Unknown'
  const detail = requestedSays(after)
  await write(ports, keeping, place, { what: 'request', verdict, reason: 'RequestedUnverified', detail, by }, runId)
}

/** @param detail what it was done to, in words */
export async function recordAct(
  ports: Ports,
  keeping: Keeping,
  place: Place,
  what: Exclude<HistoryLine['what'], 'run' | 'crash' | 'repair' | 'request'>,
  { by, why }: Act,
  detail?: string,
): Promise<void> {
  await write(ports, keeping, place, { what, by, why, detail }, ports.newId())
}

type Undefinable<T> = { readonly [Name in keyof T]: T[Name] | undefined }
type Written = Pick<HistoryLine, 'what'> & Partial<Undefinable<Omit<HistoryLine, 'v' | 'at' | 'expires' | 'what'>>>

async function write(ports: Ports, keeping: Keeping, { zone, host = '' }: Place, line: Written, id: string) {
  const at = ports.now()
  const { detail, why, by, verdict, reason, created, what } = line
  const given = Object.entries({
    verdict,
    reason,
    created,
    by,
    why,
    detail,
    correlation: ports.correlation?.(),
  }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, typeof value === 'string' ? value.slice(0, detailLimit) : value] as const],
  )
  const expires = Math.floor((at + keeping.historyMilliseconds) / 1000)
  await ports.store.update(history(keeping.cloud, zone, host, { at, what, expires, ...Object.fromEntries(given) }, id))
}

/** The last lines of a host, or of the zone or the cloud itself; newest first. */
export async function readHistory(
  store: Store,
  cloud: string,
  { zone, host = '' }: Place,
  limit: number,
): Promise<readonly HistoryLine[]> {
  const items = await store.list(placePartition(cloud, zone), historyPrefix(host), { limit, newestFirst: true })
  return items.map(readHistoryLine).filter((line) => line !== undefined)
}

export interface PlacedLine {
  /** Undefined: of the whole cloud. */
  readonly zone?: ZoneFact
  readonly line: HistoryLine
}

/** The last lines of the cloud and of these zones together, without those of hosts; newest first. */
export async function readActs(
  store: Store,
  cloud: string,
  zones: readonly ZoneFact[],
  limit: number,
): Promise<readonly PlacedLine[]> {
  const found = await parallel([undefined, ...zones], async (zone) => {
    const lines = await readHistory(store, cloud, zone === undefined ? {} : { zone: zone.id }, limit)
    return lines.map((line) => ({ line, ...(zone === undefined ? {} : { zone }) }))
  })
  return found
    .flat()
    .sort((one, other) => other.line.at - one.line.at)
    .slice(0, limit)
}
