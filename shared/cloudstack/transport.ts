/**
 * One signed form POST and its answer. In: a command and its parameters. Out: the answer without its outer key, or one
 * of errors.ts. Bounded in time and patience. Several management servers may stand behind one address:
 *
 * | what came                                          | what is done                                                    |
 * |----------------------------------------------------|-----------------------------------------------------------------|
 * | 429, 503; 502, 504 to a command that only reads    | asked again three times over new connections, as told to wait    |
 * | 502, 504 to any other command                      | NoAnswer, `timedOut`: behind the gateway it may be at work       |
 * | 500 or 530 to a command that only reads            | asked again once, over a new connection: one database may be out |
 * | a kept connection was dead; or, of a command that  | asked again once, over a new connection                          |
 * | only reads, any connection broke before the answer |                                                                 |
 * | anything else                                      | the answer, or its error                                         |
 */
import type { Logger } from '../runtime/logger.ts'
import { type CloudStackError, NoAnswer, OutOfTime, WrongEndpoint } from './errors.ts'
import { broke, describeFailure, diedUnused } from './failure.ts'
import type { Gate } from './gate.ts'
import { createHttp, type Http, type HttpOptions, type Reply } from './http.ts'
import { readAnswer } from './reply.ts'
import { type Keys, signedForm } from './signature.ts'

export interface TransportOptions extends Keys, HttpOptions {
  /** The API's address, for example https://cloud.example.org/client/api. */
  readonly url: string
  /** For one answer, in milliseconds. */
  readonly timeoutMs: number
  /** Nothing is asked or waited for after it, in milliseconds since the epoch: whoever asks has to end. */
  readonly until?: number
  readonly logger: Logger
  /** Passed by every request, also one that is sent again. */
  readonly gate: Gate
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly sleep: (milliseconds: number) => Promise<void>
  /** The wire; over the network unless given. */
  readonly http?: Http
}

export interface Request {
  readonly command: string
  readonly parameters: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  /** Called right before it goes, each time that it goes: what this throws is thrown, and nothing goes. */
  readonly before?: () => void
  /** True: it never goes again once the server may have seen it. */
  readonly once?: boolean
}

export type Send = (request: Request) => Promise<unknown>

/** Busy servers are asked again so many times, waiting as told, but never longer than this. */
const patience = { retries: 3, longestWaitMs: 30_000 }
/** What a server may ask of all functions at most; a longer Retry-After is asked again after it. */
const longestSilence = 300_000
const busy: ReadonlySet<number> = new Set([429, 502, 503, 504])
const gateway: ReadonlySet<number> = new Set([502, 504])
/** Nobody answered behind whoever did. */
const unwell: ReadonlySet<number> = new Set([502, 503, 504])
/** What a management server answers whose database or whose own code fails, while others may be well. */
const broken: ReadonlySet<number> = new Set([500, 530])

const onlyReads = ({ command }: Request): boolean => /^(list|query)/.test(command)

/** @throws WrongEndpoint when the URL is none */
export function createSend(options: TransportOptions): Send {
  const { gate, logger, now, until = Number.POSITIVE_INFINITY } = options
  const target = parseUrl(options.url)
  const http = options.http ?? createHttp(target, options)
  return async (request) => {
    let elsewhere = onlyReads(request)
    for (let retry = 0; ; ) {
      const reply = await post(http, target, request, options)
      if (elsewhere && broken.has(reply.status)) {
        elsewhere = false
        http.renew()
        logger.warn('CloudStack failed, and is asked over a new connection', told(reply, request))
        continue
      }
      if (!busy.has(reply.status)) return readAnswer(reply, target.host, request.command, options, now())
      http.renew()
      const answered = `CloudStack at ${target.host} answered HTTP ${reply.status} to ${request.command}`
      if (gateway.has(reply.status) && !onlyReads(request)) throw new NoAnswer(`${answered}: see its log`, true)
      const wait = waitMs(reply, retry, now())
      if (reply.retryAfter !== undefined) await gate.askedToWait(Math.min(wait, longestSilence))
      if (retry === patience.retries || wait > patience.longestWaitMs || now() + wait >= until) {
        throw new NoAnswer(`${answered} and asked to wait ${Math.ceil(wait / 1000)} s`)
      }
      logger.warn('CloudStack is busy', { ...told(reply, request), waitMs: wait })
      await options.sleep(wait)
      retry += 1
    }
  }
}

const told = ({ status }: Reply, { command }: Request) => ({ status, command })

async function post(http: Http, target: URL, request: Request, options: TransportOptions): Promise<Reply> {
  const { gate } = options
  for (let first = true; ; first = false) {
    timeFor(request, target, options)
    await gate.pass(options.until)
    const timeoutMs = timeFor(request, target, options)
    request.before?.()
    const outcome = await http
      .post(signedForm(request.command, request.parameters, options, options.now()), timeoutMs)
      .then(
        (reply) => ({ reply }),
        (thrown: unknown) => ({ thrown }),
      )
    if ('reply' in outcome) {
      const { status } = outcome.reply
      await (unwell.has(status) ? gate.failed(`CloudStack at ${target.host} answered HTTP ${status}`) : gate.answered())
      return outcome.reply
    }
    http.renew()
    if (first && request.once !== true && (diedUnused(outcome.thrown) || (onlyReads(request) && broke(outcome.thrown))))
      continue
    const failure = describeFailure(outcome.thrown, target, request.command, timeoutMs, options.proxy)
    if (failure.timedOut && timeoutMs < (request.timeoutMs ?? options.timeoutMs)) throw outOfTime(target, request, true)
    if (saysUnwell(failure, request)) await gate.failed(failure.message)
    throw failure
  }
}

/** A request with a time-out of its own lasts as long as the server's pass: its silence says nothing. */
const saysUnwell = (failure: CloudStackError, { timeoutMs }: Request): boolean =>
  failure instanceof NoAnswer && !(failure.timedOut && timeoutMs !== undefined)

/** @throws OutOfTime */
function timeFor(request: Request, target: URL, options: TransportOptions): number {
  const left = Math.floor((options.until ?? Number.POSITIVE_INFINITY) - options.now())
  if (left < 1) throw outOfTime(target, request, false)
  return Math.min(request.timeoutMs ?? options.timeoutMs, left)
}

const outOfTime = ({ host }: URL, { command }: Request, asked: boolean): OutOfTime =>
  new OutOfTime(
    `CloudStack at ${host} was so slow that no time was left ${asked ? `to wait for its answer to ${command}` : `to ask ${command}`}`,
    asked,
  )

function parseUrl(url: string): URL {
  const parsed = URL.parse(url)
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol) || parsed.username || parsed.password) {
    throw new WrongEndpoint('The CloudStack URL must look like https://cloud.example.org/client/api')
  }
  return parsed
}

/** Retry-After in seconds, or as a date by the server's own clock; without one 1, 2, 4 s. */
function waitMs({ retryAfter, date: sent }: Reply, retry: number, now: number): number {
  if (retryAfter === undefined) return 1000 * 2 ** retry
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1000
  const date = Date.parse(retryAfter)
  const serverNow = Date.parse(sent ?? '')
  return Number.isNaN(date) ? 1000 * 2 ** retry : Math.max(0, date - (Number.isNaN(serverNow) ? now : serverNow))
}
