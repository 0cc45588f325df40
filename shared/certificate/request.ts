/**
 * A request for a certificate (PKCS#10, RFC 2986). In: a private key, a common name. Out: what a CA is sent, in PEM: the name and
 * the public key, signed by SHA-256; the private key is not in it, and no answer brings one.
 */
import { createPublicKey, generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { CredentialsUnusable } from './credentials.ts'
import { bits, integer, nothing, oid, sequence, setOf, tagged, utf8 } from './der.ts'

/** RSA, as CloudStack makes its own keys; 3,072 bits, since renewals keep the key for years. */
export const newKey = async (): Promise<KeyObject> =>
  (await promisify(generateKeyPair)('rsa', { modulusLength: 3072 })).privateKey

/** A host's name, or one of the same make: it becomes a DNS name of the certificate too. */
export const namePattern =
  /^(?=.{1,64}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/

const signedWith: Readonly<Record<string, () => Buffer>> = {
  rsa: () => sequence(oid('1.2.840.113549.1.1.11'), nothing()),
  ec: () => sequence(oid('1.2.840.10045.4.3.2')),
}

/** @param key one that was made elsewhere may be of RSA or EC. @throws CredentialsUnusable for one of another kind */
export function certificateRequest(key: KeyObject, commonName: string): string {
  const kind = signedWith[key.asymmetricKeyType ?? '']
  if (kind === undefined)
    throw new CredentialsUnusable('the key is neither of RSA nor of EC: replace it with --new-key')
  const subject = sequence(setOf(sequence(oid('2.5.4.3'), utf8(commonName))))
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const told = sequence(integer(0), subject, publicKey, tagged(0))
  return pem('CERTIFICATE REQUEST', sequence(told, kind(), bits(sign('sha256', told, key))))
}

export const pem = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`
