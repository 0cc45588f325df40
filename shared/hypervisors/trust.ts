/**
 * Whom a connection over TLS trusts: authorities, or certificates by their fingerprints. In: an address, the trust. Out: options for
 * TLS with which nothing is sent before the certificate was judged; HostError where it is not one of the fingerprints.
 */
import { type ConnectionOptions, connect, type PeerCertificate } from 'node:tls'
import type { Reason } from '../reconcile/reasons.ts'
import { HostError } from './driver.ts'

/** Whose certificates are believed; without either the authorities that Node knows. */
export interface Trust {
  /** PEM, of an authority. */
  readonly ca?: string
  /** SHA-256 of certificates, in hexadecimal with colons as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprints?: readonly string[]
}

export interface Peer {
  readonly address: string
  readonly port: number
  /** Of the HostError for a certificate that is not trusted, and for nobody who answers. */
  readonly untrusted: Reason
  readonly unreachable: Reason
}

const connectTimeout = 10_000

/**
 * A certificate that is its own authority cannot be judged by one: it is looked at first, and if its fingerprint is one of the
 * known it is the only one that is trusted. Each later connection is judged again, before anything is sent.
 * @throws HostError
 */
export async function trusting(
  peer: Peer,
  { ca, fingerprints = [] }: Trust,
  signal?: AbortSignal,
): Promise<ConnectionOptions> {
  if (fingerprints.length === 0) return ca === undefined ? {} : { ca }
  const known = new Set(fingerprints.map((fingerprint) => fingerprint.toUpperCase()))
  const problem = ({ fingerprint256 }: PeerCertificate): Error | undefined =>
    known.has(fingerprint256) ? undefined : untrusted(peer, fingerprint256)
  const shown = await presented(peer, signal)
  const wrong = problem(shown)
  if (wrong !== undefined) throw wrong
  const own = `-----BEGIN CERTIFICATE-----\n${shown.raw.toString('base64')}\n-----END CERTIFICATE-----\n`
  return { ca: own, allowPartialTrustChain: true, checkServerIdentity: (_host, certificate) => problem(certificate) }
}

const untrusted = (peer: Peer, fingerprint: string): HostError =>
  new HostError(
    peer.untrusted,
    `${placeOf(peer)} shows the certificate ${fingerprint}, which is not among the fingerprints.`,
  )

export const placeOf = ({ address, port }: Pick<Peer, 'address' | 'port'>): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`

/** Codes of a certificate that is not believed. */
export const untrustedCodes =
  /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT_ALTNAME_INVALID$|ERR_SSL_.*(VERSION|HANDSHAKE|CERTIFICATE))/

function presented(peer: Peer, signal: AbortSignal | undefined): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: peer.address,
      port: peer.port,
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    })
    const end = (settle: () => void): void => {
      socket.destroy()
      signal?.removeEventListener('abort', abort)
      settle()
    }
    const abort = (): void => end(() => reject(signal?.reason))
    signal?.addEventListener('abort', abort, { once: true })
    const unreachable = (what: string) => new HostError(peer.unreachable, `${placeOf(peer)}: ${what}.`)
    socket.setTimeout(connectTimeout, () => end(() => reject(unreachable(`no answer within ${connectTimeout} ms`))))
    socket.once('error', (error) => end(() => reject(unreachable(error.message.slice(0, 200)))))
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerCertificate()
      end(() => resolve(certificate))
    })
  })
}
