/**
 * One signed form POST and its answer. In: a command and its parameters. Out: the answer without its outer key, or one
 * of errors.ts. Bounded in size, time and patience; redirects and proxies never see the request.
 */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import axios, { type AxiosInstance } from 'axios'
import type { Logger } from '../runtime/logger.ts'
import { type CloudStackError, NoAnswer, WrongEndpoint } from './errors.ts'
import { describeFailure, diedUnused } from './failure.ts'
import type { Gate } from './gate.ts'
import { readAnswer } from './reply.ts'
import { type Keys, signedForm } from './signature.ts'

export interface TransportOptions extends Keys {
  /** The API's address, for example https://cloud.example.org/client/api. */
  readonly url: string
  /** PEM certificates, for a private CA; nothing else is trusted then. */
  readonly ca?: string
  /** For one answer, in milliseconds. */
  readonly timeoutMs: number
  readonly logger: Logger
  /** Passed by every request, also one that is sent again. */
  readonly gate: Gate
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly sleep: (milliseconds: number) => Promise<void>
}

export interface Request {
  readonly command: string
  readonly parameters: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

export type Send = (request: Request) => Promise<unknown>

const maxAnswerBytes = 64 * 1024 * 1024

/** 429, 502, 503 and 504 are asked again so many times, waiting as told, but never longer than this. */
const patience = { retries: 3, longestWaitMs: 30_000 }
/** What a server may ask of all functions at most; a longer Retry-After is asked again after it. */
const longestSilence = 300_000
const busy: ReadonlySet<number> = new Set([429, 502, 503, 504])
/** Nobody answered behind whoever did. */
const unwell: ReadonlySet<number> = new Set([502, 503, 504])

/** @throws WrongEndpoint when the URL is none */
export function createSend(options: TransportOptions): Send {
  const target = parseUrl(options.url)
  const http = createHttp(options)
  return async (request) => {
    for (let retry = 0; ; retry += 1) {
      const reply = await post(http, target, request, options)
      if (!busy.has(reply.status)) return readAnswer(reply, target.host, request.command, options, options.now())
      const wait = waitMs(reply.retryAfter, retry, options.now())
      if (reply.retryAfter !== undefined) await options.gate.askedToWait(Math.min(wait, longestSilence))
      if (retry === patience.retries || wait > patience.longestWaitMs) {
        const asked = `and asked to wait ${Math.ceil(wait / 1000)} s`
        throw new NoAnswer(`CloudStack at ${target.host} answered HTTP ${reply.status} to ${request.command} ${asked}`)
      }
      options.logger.warn('CloudStack is busy', { status: reply.status, command: request.command, waitMs: wait })
      await options.sleep(wait)
    }
  }
}

/** An answer as it came: not parsed, not trusted. */
export interface Reply {
  readonly status: number
  readonly text: string
  readonly retryAfter: string | undefined
  readonly location: string | undefined
  /** What the server's clock said. */
  readonly date: string | undefined
}

/** A kept connection may have died unnoticed, as when a Lambda slept: then the request goes once more, on a new one. */
async function post(http: AxiosInstance, target: URL, request: Request, options: TransportOptions): Promise<Reply> {
  const { gate } = options
  for (let first = true; ; first = false) {
    await gate.pass()
    const outcome = await postOnce(http, target, request, options).then(
      (reply) => ({ reply }),
      (thrown: unknown) => ({ thrown }),
    )
    if ('reply' in outcome) {
      const { status } = outcome.reply
      await (unwell.has(status) ? gate.failed(`CloudStack at ${target.host} answered HTTP ${status}`) : gate.answered())
      return outcome.reply
    }
    if (first && diedUnused(outcome.thrown)) continue
    const failure = describeFailure(outcome.thrown, target, request.command, request.timeoutMs ?? options.timeoutMs)
    if (saysUnwell(failure, request)) await gate.failed(failure.message)
    throw failure
  }
}

/** A request with a time-out of its own lasts as long as the server's pass: its silence says nothing. */
const saysUnwell = (failure: CloudStackError, { timeoutMs }: Request): boolean =>
  failure instanceof NoAnswer && !(failure.timedOut && timeoutMs !== undefined)

async function postOnce(http: AxiosInstance, target: URL, request: Request, options: TransportOptions): Promise<Reply> {
  const { command, parameters, timeoutMs = options.timeoutMs } = request
  const { status, data, headers } = await http.post<string>(
    target.href,
    signedForm(command, parameters, options, options.now()),
    { timeout: timeoutMs, signal: AbortSignal.timeout(timeoutMs) },
  )
  const [retryAfter, location, date] = ['retry-after', 'location', 'date'].map((name) => text(headers[name]))
  return { status, text: data, retryAfter, location, date }
}

const text = (header: unknown): string | undefined => (typeof header === 'string' ? header : undefined)

function createHttp({ ca }: TransportOptions): AxiosInstance {
  return axios.create({
    httpAgent: new HttpAgent({ keepAlive: true }),
    httpsAgent: new HttpsAgent({ keepAlive: true, ...(ca === undefined ? {} : { ca }) }),
    headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8', Accept: 'application/json' },
    maxRedirects: 0,
    maxContentLength: maxAnswerBytes,
    proxy: false,
    responseType: 'text',
    transformResponse: [(data: unknown) => data],
    validateStatus: () => true,
  })
}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url)
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol) || parsed.username || parsed.password) {
    throw new WrongEndpoint('The CloudStack URL must look like https://cloud.example.org/client/api')
  }
  return parsed
}

/** Retry-After in seconds or as a date; without one 1, 2, 4 s. */
function waitMs(retryAfter: string | undefined, retry: number, now: number): number {
  if (retryAfter === undefined) return 1000 * 2 ** retry
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1000
  const date = Date.parse(retryAfter)
  return Number.isNaN(date) ? 1000 * 2 ** retry : Math.max(0, date - now)
}
