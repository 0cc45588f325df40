/**
 * Every item of the table, on one page: its key, who writes what, and its schema. In: an Item as the engine gave it.
 * Out: a typed record, or undefined where a newer version wrote it (then nothing is done: the next tick serves it).
 *
 * | Item     | pk           | sk                  | writers                                                        |
 * |----------|--------------|---------------------|----------------------------------------------------------------|
 * | control  | C#cloud      | CONTROL             | snapshot; `kick` also backfill; rate, breaker: all who ask CloudStack |
 * | host     | Z#cloud#zone | H#host              | snapshot: facts, wanted · diff: queued · run: the rest         |
 * | pointer  | Z#cloud#zone | D#hypervisor        | snapshot                                                       |
 * | revision | Z#cloud#zone | R#hypervisor#sha256 | snapshot; immutable but for its expiry                         |
 * | tombstone| Z#cloud#zone | T#network#uri       | snapshot: networks that CloudStack no longer lists             |
 * | host key | Z#cloud#zone | K#host              | operator; a run: the key that it refused, or took under accept-new |
 * |          | C#cloud      | K#jump#address      | the same, of the jump host                                     |
 * | lease    | Z#cloud#zone | L#name              | run: holder, until, fence, while it works on what hosts share  |
 * | hold     | Z#cloud#zone | HOLD#cause          | diff; operator: opens it                                       |
 * | pause    | C#cloud, or Z#cloud#zone | PAUSE   | operator                                                       |
 * | history  | C#cloud, or Z#cloud#zone | E#host#time#id | run, diff, operator; host is empty for a zone or the cloud |
 * | certificate | C#cloud   | CERTIFICATE         | housekeeping, operator: how the agents' certificate stands, nothing secret |
 * | swept    | C#cloud      | SWEPT               | housekeeping: zones that may still hold items                  |
 *
 * Every item carries `v`, its schema version. Times are milliseconds since the epoch, but for `expires`, which is in
 * seconds, as DynamoDB's TTL wants it.
 */
import '../english.ts'
import * as z from 'zod/mini'
import { whys } from '../queue/queues.ts'
import type { Tombstone } from '../reconcile/absence.ts'
import type { Hold } from '../reconcile/holds.ts'
import { reasonNames } from '../reconcile/reasons.ts'
import { type HostRecord, verdicts } from '../reconcile/record.ts'
import type { Item, Key } from './store.ts'

export const itemVersion = 1

export const cloudPartition = (cloud: string): string => `C#${cloud}`
export const controlKey = (cloud: string): Key => ({ pk: cloudPartition(cloud), sk: 'CONTROL' })
export const sweptKey = (cloud: string): Key => ({ pk: cloudPartition(cloud), sk: 'SWEPT' })
export const certificateKey = (cloud: string): Key => ({ pk: cloudPartition(cloud), sk: 'CERTIFICATE' })
export const zonePartition = (cloud: string, zone: string): string => `Z#${cloud}#${zone}`
export const hostKey = (cloud: string, zone: string, host: string): Key => ({
  pk: zonePartition(cloud, zone),
  sk: `H#${host}`,
})
export const pointerKey = (cloud: string, zone: string, hypervisor: string): Key => ({
  pk: zonePartition(cloud, zone),
  sk: `D#${hypervisor}`,
})
export const revisionKey = (cloud: string, zone: string, hypervisor: string, revision: string): Key => ({
  pk: zonePartition(cloud, zone),
  sk: `R#${hypervisor}#${revision}`,
})
export const tombstoneKey = (cloud: string, zone: string, physicalNetwork: string, uri: string): Key => ({
  pk: zonePartition(cloud, zone),
  sk: `T#${physicalNetwork}#${uri}`,
})
export const sshKeyKey = (cloud: string, zone: string, host: string): Key => ({
  pk: zonePartition(cloud, zone),
  sk: `K#${host}`,
})
/** @param place `address:port` */
export const jumpKeyKey = (cloud: string, place: string): Key => ({ pk: cloudPartition(cloud), sk: `K#jump#${place}` })

/** @param name of what hosts share, as `xapi-` and a pool's uuid */
export const leaseKey = (cloud: string, zone: string, name: string): Key => ({
  pk: zonePartition(cloud, zone),
  sk: `L#${name}`,
})

export const holdKey = (cloud: string, zone: string, cause: string): Key => ({
  pk: zonePartition(cloud, zone),
  sk: `HOLD#${cause}`,
})
/** Of a zone, or of the whole cloud. */
export const placePartition = (cloud: string, zone: string | undefined): string =>
  zone === undefined ? cloudPartition(cloud) : zonePartition(cloud, zone)
export const pauseKey = (cloud: string, zone: string | undefined): Key => ({
  pk: placePartition(cloud, zone),
  sk: 'PAUSE',
})
export const historyPrefix = (host: string): string => `E#${host}#`
/** Keys in the order of time. @param id tells two lines of one millisecond apart */
export const historyKey = (cloud: string, zone: string | undefined, host: string, at: number, id: string): Key => ({
  pk: placePartition(cloud, zone),
  sk: `${historyPrefix(host)}${String(at).padStart(15, '0')}#${id}`,
})

const text = z.string()
const count = z._default(z.number(), 0)
const time = z.exactOptional(z.number())

const zoneName = z.object({ id: text, name: text })

/** What the bad-read guard refused, and whether an operator let it pass (reconcile/guard.ts). */
const refusal = z.object({
  digest: text,
  absentees: z.number(),
  known: z.number(),
  since: z.number(),
  times: z.number(),
  released: z.exactOptional(z.boolean()),
})

/** What one cloud's snapshot remembers between ticks. */
const control = z.object({
  v: z.literal(itemVersion),
  holder: z.exactOptional(text),
  until: time,
  tick: count,
  kick: count,
  /** Up to where CloudStack's events were read before networks were last listed. */
  cursor: z.exactOptional(text),
  listedAt: time,
  zones: z._default(z.array(zoneName), []),
  /** `zone/hypervisor` of each desired set that exists. */
  desired: z._default(z.array(text), []),
  lastGoodAt: time,
  /** Disappearances that are not believed: the last good set stays in force. */
  refusals: z.exactOptional(z.object({ hosts: z.exactOptional(refusal), networks: z.exactOptional(refusal) })),
  /** The tick whose listing was last judged and remembered. */
  judged: time,
  /** What the functions decide by, so that a reader with another environment judges as they do. */
  settings: z.exactOptional(
    z.object({
      mode: z.enum(['observe', 'apply']),
      drivers: z.record(text, text),
      fallbacks: z.exactOptional(z.record(text, text)),
      verifyMilliseconds: z.number(),
      agentVerifyMilliseconds: z.exactOptional(z.number()),
      ssh: z.exactOptional(
        z.object({ port: z.number(), jump: z.exactOptional(z.object({ address: text, port: z.number() })) }),
      ),
    }),
  ),
  /** Up to when all requests to CloudStack are paid for (reconcile/rate.ts), and how many the last good tick sent. */
  paidUntil: time,
  requests: time,
  /** Requests without an answer, in a row, since when, why, and until when CloudStack is asked nothing (reconcile/breaker.ts). */
  noAnswers: count,
  noAnswerSince: time,
  noAnswer: z.exactOptional(text),
  leftAloneUntil: time,
  /** Why the last snapshot failed, if it did. */
  failure: z.exactOptional(text),
  failureAt: time,
})
export type Control = z.infer<typeof control>

/** A reason that a newer release added is no reason to stop serving the host. */
const reason = z.catch(z.enum(reasonNames), 'Unrecognised')

const exception = z.object({ physicalNetwork: text, uri: text, reason, detail: text })

const host = z.object({
  v: z.literal(itemVersion),
  pk: text,
  sk: text,
  name: text,
  cluster: text,
  hypervisor: text,
  address: text,
  state: text,
  resourceState: text,
  managementServer: z.exactOptional(text),
  tick: z.number(),
  wanted: count,
  edge: z.exactOptional(text),
  edgeAt: time,
  unreadySince: time,
  removedAt: time,
  queued: time,
  queuedWhy: z.exactOptional(z.enum(whys)),
  outstandingUntil: time,
  runId: z.exactOptional(text),
  runUntil: time,
  tried: count,
  done: count,
  ran: time,
  settled: z.exactOptional(text),
  verifiedAt: time,
  bootId: z.exactOptional(text),
  verdict: z.exactOptional(z.enum(verdicts)),
  reason: z.exactOptional(reason),
  detail: z.exactOptional(text),
  devices: time,
  created: count,
  failures: count,
  retries: count,
  nextAttemptAt: time,
  exceptions: z._default(z.array(exception), []),
  moreExceptions: time,
  orphans: z.exactOptional(
    z.array(z.object({ devices: z.array(text), uri: z.exactOptional(text), kept: z.exactOptional(text) })),
  ),
  readiness: z.exactOptional(z.array(exception)),
  readySeconds: time,
  agent: z.exactOptional(z.object({ version: text, repairs: z.number(), repairedAt: time })),
  seen: z.exactOptional(z.object({ digest: text, devices: z.number(), settled: text, listedAt: z.number() })),
  lastSettled: z.exactOptional(text),
  request: z.exactOptional(
    z.object({
      call: z.enum(['updateHost', 'reconnectHost']),
      answered: z.boolean(),
      at: z.number(),
      note: z.exactOptional(text),
      reconnectedAt: time,
    }),
  ),
  unreachedSince: time,
  unreachedBy: z.exactOptional(text),
  queuedTo: z.exactOptional(text),
  runBy: z.exactOptional(text),
  requestTried: time,
  requestDone: time,
  requestSettled: z.exactOptional(text),
  requestedAt: time,
  requestedBy: z.exactOptional(text),
  requestFailures: time,
  requestReason: z.exactOptional(reason),
  requestDetail: z.exactOptional(text),
  requestNextAttemptAt: time,
})

const pointer = z.object({ v: z.literal(itemVersion), revision: text, tick: z.number() })
type Pointer = z.infer<typeof pointer>

const revision = z.object({ v: z.literal(itemVersion), body: z.instanceof(Uint8Array), expires: z.number() })
type Revision = z.infer<typeof revision>

const tombstone = z.object({
  v: z.literal(itemVersion),
  physicalNetwork: text,
  uri: text,
  goneSince: z.number(),
  networks: z.array(zoneName),
  expires: z.number(),
})

const hold = z.object({
  v: z.literal(itemVersion),
  sk: text,
  /** Counts the writes: each is made on what it has read. */
  serial: z.number(),
  state: z.enum(['held', 'open']),
  since: z.number(),
  failing: z.number(),
  tried: z.number(),
  tolerated: z.number(),
  probes: z.number(),
  probedAt: time,
  probeHost: z.exactOptional(text),
  probeTick: time,
  by: z.exactOptional(text),
  /** Present once it is over. */
  expires: time,
})
export type StoredHold = Hold & { readonly serial: number; readonly over: boolean }

const pause = z.object({ v: z.literal(itemVersion), at: z.number(), by: text, why: z.exactOptional(text) })
export type Pause = z.infer<typeof pause>

export const happenings = [
  'run',
  'crash',
  'hold',
  'backfill',
  'pause',
  'resume',
  'release',
  'repair',
  'request',
  'hostkey',
] as const

const historyLine = z.object({
  v: z.literal(itemVersion),
  at: z.number(),
  what: z.enum(happenings),
  /** Of a run: what it left the host in, and how many devices it created. */
  verdict: z.exactOptional(z.enum(verdicts)),
  reason: z.exactOptional(z.enum(reasonNames)),
  created: time,
  detail: z.exactOptional(text),
  /** Who did it, and why: of an operator's act. */
  by: z.exactOptional(text),
  why: z.exactOptional(text),
  /** What the log lines of the same call carry (runtime/correlation.ts). */
  correlation: z.exactOptional(text),
  expires: z.number(),
})
export type HistoryLine = z.infer<typeof historyLine>

const swept = z.object({ v: z.literal(itemVersion), zones: z.array(text) })

const certificate = z.object({
  v: z.literal(itemVersion),
  /** When it was looked at. */
  at: z.number(),
  /** Of the certificate that is kept; absent where none is, or it cannot be used. */
  from: time,
  to: time,
  renewAt: time,
  /** Why it could not be read or renewed, the last time that was tried. */
  failure: z.exactOptional(text),
})
export type KeptCertificateItem = Omit<z.infer<typeof certificate>, 'v'>

export const keySources = ['import', 'accept', 'accept-new'] as const

const sshKeys = z.object({
  v: z.literal(itemVersion),
  /** As HostKeys speaks of them. */
  keys: z._default(z.array(text), []),
  /** Counts the writes of keys: each is made on what it has read. */
  serial: time,
  source: z.exactOptional(z.enum(keySources)),
  by: z.exactOptional(text),
  why: z.exactOptional(text),
  at: time,
  /** The last key that the host presented and that was not trusted. */
  refused: z.exactOptional(text),
  refusedAt: time,
})
export type SshKeys = Omit<z.infer<typeof sshKeys>, 'v'>
/** How keys came to be on record. */
export type KeysBy = Required<Pick<SshKeys, 'source' | 'by' | 'at'>> & Pick<SshKeys, 'why'>

/** An item that cannot be read: not written by Bridgekeeper, or damaged. Thrown with the key and what is wrong. */
export class ItemMalformed extends Error {
  override readonly name = 'ItemMalformed'
}

/** @returns undefined for an absent item and for one of a newer version. @throws ItemMalformed */
function read<T>(schema: z.ZodMiniType<T>, item: Item | undefined): T | undefined {
  if (item === undefined || (typeof item.v === 'number' && item.v > itemVersion)) return undefined
  const parsed = schema.safeParse(item)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new ItemMalformed(`item ${item.pk} / ${item.sk}: ${issue?.path.join('.')} ${issue?.message}`)
}

export const readControl = (item: Item | undefined): Control | undefined => read(control, item)
export const readPointer = (item: Item | undefined): Pointer | undefined => read(pointer, item)
export const readRevision = (item: Item | undefined): Revision | undefined => read(revision, item)
export const readTombstone = (item: Item | undefined): Tombstone | undefined => read(tombstone, item)
/** One of a newer version is a pause all the same: whoever cannot read it keeps still. */
export const readPause = (item: Item | undefined): Pause | undefined =>
  read(pause, item) ?? (item && { v: itemVersion, at: 0, by: 'a newer version of Bridgekeeper' })
export const readHistoryLine = (item: Item | undefined): HistoryLine | undefined => read(historyLine, item)
export function readCertificate(item: Item | undefined): KeptCertificateItem | undefined {
  const found = read(certificate, item)
  if (found === undefined) return undefined
  const { v, ...kept } = found
  return kept
}
export const readSwept = (item: Item | undefined): readonly string[] => read(swept, item)?.zones ?? []
/** Of an absent item, and of one of a newer version, no keys: then nobody is trusted by them. */
export function readSshKeys(item: Item | undefined): SshKeys {
  const { v, ...kept } = read(sshKeys, item) ?? { v: itemVersion, keys: [] }
  return kept
}

export function readHost(item: Item | undefined): HostRecord | undefined {
  const parsed = read(host, item)
  if (parsed === undefined) return undefined
  const { v, pk, sk, ...attributes } = parsed
  return { ...attributes, id: sk.slice('H#'.length), zone: pk.slice(pk.lastIndexOf('#') + 1) }
}

export function readHold(item: Item | undefined): StoredHold | undefined {
  const parsed = read(hold, item)
  if (parsed === undefined) return undefined
  const { v, sk, expires, ...attributes } = parsed
  return { ...attributes, cause: sk.slice('HOLD#'.length), over: expires !== undefined }
}
