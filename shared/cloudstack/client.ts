/**
 * The door to CloudStack: the few calls that Bridgekeeper makes, over one signed transport. In: a URL and a pair of keys.
 * Out: the facts of reconcile/model.ts, complete or an error (errors.ts), never a part of them.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type * as z from 'zod/mini'
import type { CloudFacts, HostFact, NetworkFact } from '../reconcile/model.ts'
import { type Logger, silent } from '../runtime/logger.ts'
import { eventRow, hostRow, jobStarted, pageOf } from './answers.ts'
import type { Command } from './calls.ts'
import { MalformedAnswer, RequestRefused } from './errors.ts'
import { judge, parseCursor, startDate } from './events.ts'
import { type List, readFacts, readNetwork, readNetworksOn } from './facts.ts'
import { type Gate, openGate } from './gate.ts'
import type { Http } from './http.ts'
import { readAll } from './paging.ts'
import { createSend, type Send } from './transport.ts'

/** Whether the desired set may have changed, and where the next question starts. The cursor is opaque and may be stored. */
export interface Changes {
  readonly changed: boolean
  readonly cursor: string
}

type Parameters = Readonly<Record<string, string>>

export interface CloudStack {
  /** Every host of type Routing. @throws CloudStackError */
  listHosts(): Promise<readonly HostFact[]>
  /** Everything that the desired set is made of; never a host. @throws CloudStackError */
  listFacts(): Promise<CloudFacts>
  /** Undefined: it is deleted. @throws CloudStackError */
  network(id: string): Promise<NetworkFact | undefined>
  /** Every network on a physical network, whatever its offering, state and owner. @throws CloudStackError */
  networksOn(zone: string, physicalNetwork: string): Promise<readonly NetworkFact[]>
  /** One listEvents call. Without a cursor, or when the answer cannot be judged: changed. @throws CloudStackError */
  changedSince(cursor: string | undefined): Promise<Changes>
  /**
   * Makes the server set up every network on this host: `id` and nothing else, whatever else would be changed (FACTS H).
   * Lasts as long as the server's pass. @param before is called right before it goes, each time that it goes; what it
   * throws is thrown, and nothing goes. @throws CloudStackError, `timedOut` when it may still be at work
   */
  updateHost(id: string, before?: () => void): Promise<void>
  /** Never sent twice. @param before as of updateHost. @returns the job's id. @throws CloudStackError, `timedOut` as well */
  reconnectHost(id: string, before?: () => void): Promise<string>
  /** One host, or those of one cluster, as they are now. @throws CloudStackError; 431 for an id that is not known */
  hostsNow(which: { readonly id: string } | { readonly clusterid: string }): Promise<readonly HostFact[]>
  /**
   * Any other command of calls.ts: its answer without the outer key, parsed by `schema`. A request whose kept connection
   * died goes twice, so the command should be one that may. @throws CloudStackError
   */
  call<T>(command: Command, parameters: Parameters, schema: z.ZodMiniType<T>): Promise<T>
}

export interface CloudStackOptions {
  /** The API's address, for example https://cloud.example.org/client/api. */
  readonly url: string
  readonly apiKey: string
  readonly secretKey: string
  /** PEM certificates, for a private CA. */
  readonly ca?: string
  /** An http proxy. */
  readonly proxy?: URL
  /** For one answer, in milliseconds; 60 s unless told. */
  readonly timeoutMs?: number
  /** For updateHost, which lasts as long as the server's pass over all networks; 10 minutes unless told. */
  readonly updateHostTimeoutMs?: number
  /** Whoever asks has to end then, in milliseconds since the epoch: nothing is asked or waited for after it. */
  readonly until?: number
  readonly logger?: Logger
  /** What paces requests together with those of others; none unless given. */
  readonly gate?: Gate
  readonly now?: () => number
  readonly sleep?: (milliseconds: number) => Promise<void>
  /** The wire; over the network unless given. */
  readonly http?: Http
}

/** @throws WrongEndpoint when the URL is none */
export function createCloudStack(options: CloudStackOptions): CloudStack {
  const { timeoutMs = 60_000, updateHostTimeoutMs = 600_000, gate = openGate } = options
  const { logger = silent, now = Date.now, sleep = delay } = options
  const send = createSend({ ...options, timeoutMs, gate, logger, now, sleep: async (wait) => void (await sleep(wait)) })
  const sized = createSized()
  const list = createList(send, sized)

  return {
    listHosts: () => list('listHosts', { type: 'Routing', details: 'min' }, 'host', hostRow),
    listFacts: () => readFacts(list),
    network: (id) => readNetwork(list, id),
    networksOn: (zone, physicalNetwork) => readNetworksOn(list, zone, physicalNetwork),
    changedSince: async (text) => {
      const cursor = parseCursor(text)
      const parameters = { listall: 'true', startdate: startDate(cursor, now()), page: '1' }
      const page = await sized((size) =>
        ask(send, 'listEvents', { ...parameters, pagesize: String(size) }, pageOf('event', eventRow)),
      )
      const judged = judge(cursor, page, now())
      return { changed: judged.changed, cursor: JSON.stringify(judged.cursor) }
    },
    updateHost: async (id, before) => {
      await send({ command: 'updateHost', parameters: { id }, timeoutMs: updateHostTimeoutMs, ...given({ before }) })
    },
    reconnectHost: async (id, before) => {
      const request = { command: 'reconnectHost', parameters: { id }, once: true, ...given({ before }) }
      return understood('reconnectHost', jobStarted, await send(request)).jobid
    },
    hostsNow: (which) => list('listHosts', { ...which }, 'host', hostRow),
    call: (command, parameters, schema) => ask(send, command, parameters, schema),
  }
}

async function ask<T>(send: Send, command: Command, parameters: Parameters, schema: z.ZodMiniType<T>): Promise<T> {
  return understood(command, schema, await send({ command, parameters }))
}

const given = ({ before }: { readonly before: (() => void) | undefined }) => (before === undefined ? {} : { before })

function understood<T>(command: Command, schema: z.ZodMiniType<T>, answered: unknown): T {
  const answer = schema.safeParse(answered)
  if (answer.success) return answer.data
  const issues = answer.error.issues.slice(0, 3).map(({ path, message }) => `${path.map(String).join('.')}: ${message}`)
  throw new MalformedAnswer(`CloudStack's answer to ${command} is not understood (${issues.join('; ')})`)
}

/** Lists whole, page by page. */
function createList(send: Send, sized: Sized): List {
  return (command, parameters, name, row) => {
    const page = pageOf(name, row)
    return sized((size) =>
      readAll(command, size, (number) =>
        ask(send, command, { ...parameters, page: String(number), pagesize: String(size) }, page),
      ),
    )
  }
}

type Sized = <T>(attempt: (size: number) => Promise<T>) => Promise<T>

/** The largest page: CloudStack's own maximum, or what the server says when its operator lowered default.page.size. */
function createSized(): Sized {
  let size = 500
  return async (attempt) => {
    try {
      return await attempt(size)
    } catch (error) {
      const allowed = allowedSize(error)
      if (allowed === undefined || allowed >= size) throw error
      size = allowed
      return attempt(size)
    }
  }
}

function allowedSize(error: unknown): number | undefined {
  if (!(error instanceof RequestRefused) || error.code !== 431) return undefined
  const [, size] = /max allowed page size value: (\d{1,3})\b/.exec(error.message) ?? []
  return size === undefined || Number(size) < 1 ? undefined : Number(size)
}
