/**
 * What shows an agent who asks: a certificate of CloudStack's PKI, its key, and the CA by which hosts are believed (DESIGN 25). In:
 * PEM. Out: what they say, in plain data, for a judgement or for people.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

export interface Credentials {
  /** PEM. */
  readonly certificate: string
  /** Unencrypted; never shown, never sent. */
  readonly key: string
  /** One certificate or several. */
  readonly ca: string
}

/** Thrown when a certificate, its key and the CA cannot be used together; the message says why, and nothing of the key. */
export class CredentialsUnusable extends Error {
  override readonly name = 'CredentialsUnusable'
}

/** What a certificate says. Times in milliseconds since the epoch. */
export interface Described {
  readonly subject: string
  readonly commonName: string
  readonly issuer: string
  readonly serial: string
  /** SHA-256 of the certificate, in hexadecimal without colons. */
  readonly fingerprint: string
  /** As an agent's `admit` takes it: `sha256:` and the digest of the public key. */
  readonly publicKey: string
  readonly from: number
  /** When it ends, or its CA, if that is before. */
  readonly to: number
  readonly ca: readonly { readonly subject: string; readonly fingerprint: string; readonly to: number }[]
}

const largest = 64 * 1024
const mostCertificates = 8

/** @throws CredentialsUnusable unless it is from one to eight whole certificates and nothing else */
export function certificatesIn(pem: string, what: string): readonly [X509Certificate, ...X509Certificate[]] {
  const blocks =
    pem.length > largest ? [] : (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [])
  try {
    const [first, ...others] = blocks.slice(0, mostCertificates + 1).map((block) => new X509Certificate(block))
    if (first !== undefined && others.length < mostCertificates) return [first, ...others]
  } catch {
    throw new CredentialsUnusable(`${what} holds a certificate that cannot be read`)
  }
  throw new CredentialsUnusable(`${what} holds not from one to ${mostCertificates} certificates in PEM`)
}

/** As an agent's `admit` has it. */
export const digestOf = (publicKey: KeyObject): string =>
  `sha256:${createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')}`

/** Not by `equals`: of keys of two kinds it leaves an error behind, which fails whatever OpenSSL is asked next. */
export const isSame = (one: KeyObject, other: KeyObject): boolean => digestOf(one) === digestOf(other)

/** @throws CredentialsUnusable */
export function describe({ certificate, ca }: Pick<Credentials, 'certificate' | 'ca'>): Described {
  const [own] = certificatesIn(certificate, 'the certificate')
  const authorities = certificatesIn(ca, 'the CA').map((one) => ({
    subject: onOneLine(one.subject),
    fingerprint: fingerprintOf(one),
    to: one.validToDate.getTime(),
  }))
  return {
    subject: onOneLine(own.subject),
    commonName: commonNameOf(own),
    issuer: onOneLine(own.issuer),
    serial: own.serialNumber,
    fingerprint: fingerprintOf(own),
    publicKey: digestOf(own.publicKey),
    from: own.validFromDate.getTime(),
    to: Math.min(own.validToDate.getTime(), ...authorities.map(({ to }) => to)),
    ca: authorities,
  }
}

export const fingerprintOf = (certificate: X509Certificate): string =>
  certificate.fingerprint256.replaceAll(':', '').toLowerCase()

/** The only one: a subject of several names is nobody's, as for the agent. */
export const commonNameOf = ({ subject }: X509Certificate): string => /^CN=([^\n]+)$/.exec(subject)?.[1] ?? ''

const onOneLine = (name: string): string => name.split('\n').join(', ')

/** @throws CredentialsUnusable when these can never open a connection */
export function check({ certificate, key, ca }: Credentials): void {
  const [own] = certificatesIn(certificate, 'the certificate')
  certificatesIn(ca, 'the CA')
  if (!isSame(own.publicKey, createPublicKey(privateKeyOf(key)))) {
    throw new CredentialsUnusable('the key is not that of the certificate')
  }
  try {
    createSecureContext({ cert: certificate, key, ca })
  } catch (error) {
    throw new CredentialsUnusable(error instanceof Error ? error.message.slice(0, 200) : 'unknown')
  }
}

/** @throws CredentialsUnusable, which quotes nothing of it */
export function privateKeyOf(key: string): KeyObject {
  try {
    return createPrivateKey(key)
  } catch {
    throw new CredentialsUnusable('the key is no unencrypted private key in PEM')
  }
}
