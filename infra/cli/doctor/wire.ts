/**
 * What is seen beside the answers of CloudStack: by one question without a key, which any management server refuses. In: its
 * address, a private CA, a proxy. Out: the certificate, and how far the clocks are apart.
 */
import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, get as httpsGet } from 'node:https'
import { TLSSocket } from 'node:tls'
import type { HttpOptions } from '../../../shared/cloudstack/http.ts'
import type { TlsSeen, WireSeen } from './judgeWire.ts'

const day = 86_400_000

export function lookAtWire(
  url: string,
  { ca, proxy }: HttpOptions,
  now: () => number,
  timeoutMs: number,
): Promise<WireSeen> {
  const isTls = new URL(url).protocol === 'https:'
  const signal = AbortSignal.timeout(timeoutMs)
  const tunnel = proxy === undefined ? {} : { proxyEnv: { HTTP_PROXY: proxy.href, HTTPS_PROXY: proxy.href } }
  return new Promise((resolve) => {
    const sent = now()
    const seen = (response: IncomingMessage): void => {
      const skew = skewOf(response.headers.date, sent, now())
      const tls = response.socket instanceof TLSSocket ? tlsOf(response.socket, now()) : ({ kind: 'http' } as const)
      response.destroy()
      resolve({ tls, ...(skew === undefined ? {} : { skew }) })
    }
    const request = isTls
      ? httpsGet(url, { agent: new HttpsAgent({ ...tunnel, ...(ca === undefined ? {} : { ca }) }), signal }, seen)
      : httpGet(url, { agent: new HttpAgent(tunnel), signal }, seen)
    request.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ tls: isTls ? failedOf(error.code ?? 'no reason given') : { kind: 'http' } }),
    )
  })
}

function tlsOf(socket: TLSSocket, now: number): TlsSeen {
  const endsInDays = Math.floor((Date.parse(socket.getPeerCertificate().valid_to) - now) / day)
  return { kind: 'tls', protocol: socket.getProtocol() ?? 'TLS', endsInDays }
}

/** No connection, and no answer, are for the check of reachability to tell. */
const failedOf = (code: string): TlsSeen =>
  /^(ABORT_ERR|ECONN|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT|EPIPE|HPE_)/.test(code)
    ? { kind: 'unseen', why: `not seen (${code})` }
    : { kind: 'failed', code }

/** The clocks are compared at the middle of the exchange; Date has whole seconds, so half of one is added. */
export function skewOf(date: string | undefined, sent: number, received: number): number | undefined {
  const served = Date.parse(date ?? '')
  return Number.isNaN(served) ? undefined : served + 500 - (sent + received) / 2
}
