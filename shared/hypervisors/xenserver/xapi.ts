/**
 * One XAPI host over HTTPS: JSON-RPC 2.0 at /jsonrpc, every wait and every answer bounded. In: an address, whom to trust. Out: an
 * endpoint whose calls give the result, or throw XapiFailure (XAPI's own error code) or HostError (no answer that can be used).
 * A password leaves only over a connection whose certificate was judged. Why it is not npm's xen-api: docs/design.md.
 */
import { Agent } from 'node:https'
import axios, { type AxiosInstance, isAxiosError } from 'axios'
import * as z from 'zod/mini'
import { HostError } from '../driver.ts'
import { placeOf, type Trust, trusting, untrustedCodes } from '../trust.ts'

/** What XAPI answers instead of a result: a code, as HOST_IS_SLAVE, and its parameters. */
export class XapiFailure extends Error {
  override readonly name = 'XapiFailure'
  readonly code: string
  readonly parameters: readonly string[]
  constructor(code: string, parameters: readonly string[]) {
    // The parameter of this one is the session itself, which whoever reads a log could use.
    super((code === 'SESSION_INVALID' ? [code] : [code, ...parameters]).join(' ').slice(0, 2000))
    this.code = code
    this.parameters = parameters
  }
}

export interface Patience {
  /** Milliseconds. */
  readonly timeout: number
  readonly signal?: AbortSignal
}

export interface Endpoint {
  /** @throws XapiFailure, HostError */
  call(method: string, parameters: readonly unknown[], patience: Patience): Promise<unknown>
  close(): void
}

export type Connect = (address: string, trust: Trust) => Endpoint

const largestAnswer = 64 * 1024 * 1024

/** An id that comes back unread, since each request has a connection of its own while it lasts. */
const id = 0

const failure = z.union([
  z.object({ message: z.string().check(z.minLength(1)), data: z.optional(z.unknown()) }),
  z.array(z.string()).check(z.minLength(1)),
])
const answered = z.object({ result: z.optional(z.unknown()), error: z.optional(z.nullable(failure)) })

export const connectXapi =
  (port: number): Connect =>
  (address, trust) => {
    const where = placeOf({ address, port })
    let http: Promise<{ readonly client: AxiosInstance; readonly agent: Agent }> | undefined
    const open = async (patience: Patience): Promise<AxiosInstance> => {
      http ??= opened(address, port, trust, patience)
      try {
        return (await http).client
      } catch (error) {
        http = undefined
        throw error
      }
    }
    return {
      async call(method, parameters, patience) {
        const { timeout, signal } = patience
        const ends = AbortSignal.any([AbortSignal.timeout(timeout), ...(signal === undefined ? [] : [signal])])
        try {
          const client = await open(patience)
          const body = JSON.stringify({ jsonrpc: '2.0', id, method, params: parameters })
          const { status, data } = await client.post<string>(`https://${where}/jsonrpc`, body, {
            timeout,
            signal: ends,
          })
          return resultOf(status, data, where)
        } catch (error) {
          if (error instanceof XapiFailure || error instanceof HostError) throw error
          if (signal?.aborted) throw new HostError('TimeOut', `What ${where} was asked was ended by its run.`)
          throw hostErrorOf(error, where, method, timeout)
        }
      },
      close: () => {
        http?.then(
          ({ agent }) => agent.destroy(),
          () => undefined,
        )
      },
    }
  }

async function opened(
  address: string,
  port: number,
  trust: Trust,
  { signal }: Patience,
): Promise<{ client: AxiosInstance; agent: Agent }> {
  const peer = { address, port, untrusted: 'XapiUntrusted', unreachable: 'XapiUnreachable' } as const
  const trusted = await trusting(peer, trust, signal)
  const agent = new Agent({ keepAlive: true, maxSockets: 8, minVersion: 'TLSv1.2', ...trusted })
  const client = axios.create({
    httpsAgent: agent,
    proxy: false,
    maxRedirects: 0,
    maxContentLength: largestAnswer,
    maxBodyLength: largestAnswer,
    responseType: 'text',
    transformResponse: [(data: unknown) => data],
    validateStatus: () => true,
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
  })
  return { client, agent }
}

function resultOf(status: number, text: string, where: string): unknown {
  if (status !== 200) throw misread(where, `HTTP ${status}`)
  const parsed = answered.safeParse(jsonOf(text))
  if (!parsed.success) throw misread(where, 'no JSON-RPC')
  const { result, error } = parsed.data
  if (error === undefined || error === null) return result
  const [code = '', ...parameters] = Array.isArray(error) ? error : [error.message, ...textsOf(error.data)]
  throw new XapiFailure(code, parameters)
}

const textsOf = (data: unknown): readonly string[] =>
  Array.isArray(data) ? data.slice(0, 16).map((one) => String(one).slice(0, 1000)) : []

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const misread = (where: string, what: string): HostError =>
  new HostError('HostMisread', `${where} answered ${what}: is it a XenServer 7.3, XCP-ng 7.4 or later?`)

/** Of axios only the code and the message: what it was sent, the password among it, is never shown. */
function hostErrorOf(error: unknown, where: string, method: string, timeout: number): HostError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const words = error instanceof Error ? error.message.slice(0, 200) : 'unknown'
  if (isAxiosError(error) && error.cause instanceof HostError) return error.cause
  if (untrustedCodes.test(code)) {
    const detail = `${where}: ${words}: name its authority, or the fingerprint of its certificate, in the credentials file.`
    return new HostError('XapiUntrusted', detail)
  }
  if (code === 'ERR_BAD_RESPONSE')
    return new HostError(
      'HostMisread',
      `${where} answered ${method} with more than ${largestAnswer} bytes, or not all.`,
    )
  if (['ECONNABORTED', 'ERR_CANCELED', 'ETIMEDOUT'].includes(code))
    return new HostError('TimeOut', `${where} did not answer ${method} within ${timeout} ms.`)
  return new HostError('XapiUnreachable', `${where}: ${words}.`)
}
