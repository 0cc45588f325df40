/**
 * One signed form POST and its answer. In: a command and its parameters. Out: the answer without its outer key, or one
 * of errors.ts. Bounded in size, time and patience; redirects and proxies never see the request.
 */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import axios, { type AxiosInstance } from 'axios'
import type { Logger } from '../runtime/logger.ts'
import { NoAnswer, WrongEndpoint } from './errors.ts'
import { describeFailure, diedUnused } from './failure.ts'
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
const busy: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** @throws WrongEndpoint when the URL is none */
export function createSend(options: TransportOptions): Send {
  const target = parseUrl(options.url)
  const http = createHttp(options)
  return async (request) => {
    for (let retry = 0; ; retry += 1) {
      const reply = await post(http, target, request, options)
      if (!busy.has(reply.status)) return readAnswer(reply, target.host, request.command, options)
      const wait = waitMs(reply.retryAfter, retry, options.now())
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
}

/** A kept connection may have died unnoticed, as when a Lambda slept: then the request goes once more, on a new one. */
async function post(http: AxiosInstance, target: URL, request: Request, options: TransportOptions): Promise<Reply> {
  try {
    return await postOnce(http, target, request, options).catch((error: unknown) => {
      if (!diedUnused(error)) throw error
      return postOnce(http, target, request, options)
    })
  } catch (error) {
    throw describeFailure(error, target, request.command, request.timeoutMs ?? options.timeoutMs)
  }
}

async function postOnce(http: AxiosInstance, target: URL, request: Request, options: TransportOptions): Promise<Reply> {
  const { command, parameters, timeoutMs = options.timeoutMs } = request
  const { status, data, headers } = await http.post<string>(
    target.href,
    signedForm(command, parameters, options, options.now()),
    { timeout: timeoutMs, signal: AbortSignal.timeout(timeoutMs) },
  )
  return { status, text: data, retryAfter: text(headers['retry-after']), location: text(headers.location) }
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
