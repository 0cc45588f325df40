/**
 * The wire to CloudStack: one form POST, one reply as it came. In: an address, a CA, a proxy. Out: status, bytes and a few
 * headers, not parsed and not trusted, or whatever the HTTP library throws. Bounded in size and time; redirects are not followed.
 */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import axios, { type AxiosInstance } from 'axios'

export interface Reply {
  readonly status: number
  readonly body: Uint8Array
  readonly retryAfter: string | undefined
  readonly location: string | undefined
  /** What the server's clock said. */
  readonly date: string | undefined
}

export interface Http {
  /** @throws what the HTTP library throws; it holds the signed request */
  post(form: string, timeoutMs: number): Promise<Reply>
  /** What is asked from now on goes over a new connection, since another server may stand behind the same address. */
  renew(): void
}

export interface HttpOptions {
  /** PEM certificates, for a private CA; nothing else is trusted then. */
  readonly ca?: string
  /** An http proxy; an https request is tunnelled through it. */
  readonly proxy?: URL
}

/** A page of 500 networks has half a megabyte; this much is parsed in a second and in a Lambda's memory. */
const maxAnswerBytes = 16 * 1024 * 1024

export function createHttp(target: URL, { ca, proxy }: HttpOptions): Http {
  /** Node's own agents speak through a proxy, and to nobody else: they read no environment but what is given here. */
  const tunnel = proxy === undefined ? {} : { proxyEnv: { HTTP_PROXY: proxy.href, HTTPS_PROXY: proxy.href } }
  const newAgent = () =>
    target.protocol === 'https:'
      ? new HttpsAgent({ keepAlive: true, ...tunnel, ...(ca === undefined ? {} : { ca }) })
      : new HttpAgent({ keepAlive: true, ...tunnel })
  let agent = newAgent()
  const client = createClient(proxy === undefined)

  return {
    post: async (form, timeoutMs) => {
      const { status, data, headers } = await client.post<Uint8Array>(target.href, form, {
        httpAgent: agent,
        httpsAgent: agent,
        timeout: timeoutMs,
        signal: AbortSignal.timeout(timeoutMs),
      })
      const [retryAfter, location, date] = ['retry-after', 'location', 'date'].map((name) => text(headers[name]))
      return { status, body: data, retryAfter, location, date }
    },
    renew: () => {
      const old = agent
      agent = newAgent()
      old.maxFreeSockets = 0 // What is still in use ends with its answer.
      for (const sockets of Object.values(old.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
    },
  }
}

const text = (header: unknown): string | undefined => (typeof header === 'string' ? header : undefined)

/** @param direct no proxy, also not one of the process's own environment, which the library would read */
const createClient = (direct: boolean): AxiosInstance =>
  axios.create({
    headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8', Accept: 'application/json' },
    maxRedirects: 0,
    maxContentLength: maxAnswerBytes,
    ...(direct ? { proxy: false as const } : {}),
    responseType: 'arraybuffer',
    transformResponse: [(data: unknown) => data],
    validateStatus: () => true,
  })
