/**
 * A self-signed certificate, as each XenServer host has one, without openssl: the few parts of X.509 that a TLS server needs. In:
 * a name. Out: key and certificate in PEM, and the SHA-256 fingerprint. For simulators and tests only.
 */
import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'

export interface SelfSigned {
  readonly key: string
  readonly certificate: string
  readonly fingerprint: string
}

const day = 24 * 60 * 60 * 1000

export function selfSigned(name: string, now: number = Date.now()): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(oid([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]))
  const subject = sequence(tagged(0x31, sequence(oid([0x55, 0x04, 0x03]), tagged(0x0c, Buffer.from(name)))))
  const content = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    subject,
    sequence(time(now - day), time(now + 365 * day)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = tagged(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', content, privateKey)]))
  const der = sequence(content, algorithm, signature)
  const certificate = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate,
    fingerprint: new X509Certificate(certificate).fingerprint256,
  }
}

/** DER: a tag, the length of the content, the content. */
function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...parts: readonly Buffer[]): Buffer => tagged(0x30, ...parts)
const integer = (value: Buffer): Buffer => tagged(0x02, value)
const oid = (bytes: readonly number[]): Buffer => tagged(0x06, Buffer.from(bytes))

/** UTCTime, `YYMMDDhhmmssZ`. */
const time = (at: number): Buffer =>
  tagged(
    0x17,
    Buffer.from(
      `${new Date(at)
        .toISOString()
        .replaceAll(/[-:T]|\..*/g, '')
        .slice(2)}Z`,
    ),
  )
