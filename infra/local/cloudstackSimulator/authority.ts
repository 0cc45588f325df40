/**
 * The root CA plugin, simulated: real keys and real certificates, with the fields that the plugin gives them and no others
 * (apache/cloudstack: RootCAProvider, CertUtils.generateV3Certificate). In: a request in PEM, or names. Out: PEM. The subject of a
 * request is taken as it is, its signature is not looked at, and no use is written into a certificate: all three as there.
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import {
  bits,
  elements,
  instant,
  integer,
  named,
  nothing,
  octets,
  oid,
  sequence,
  setOf,
  tagged,
  truth,
  utf8,
} from '../../../shared/certificate/der.ts'
import { pem } from '../../../shared/certificate/request.ts'
import type { Parameters } from './listing.ts'
import { failed, Refusal } from './refusal.ts'

export interface IssuedCertificate {
  readonly certificate: string
  /** Only where no request came. */
  readonly privatekey?: string
  readonly cacertificates: string
}

export interface Authority {
  /** As issueCertificate does. @throws Refusal 530 for a request that cannot be read */
  issue(parameters: Parameters): IssuedCertificate
  /** Its own certificate, in PEM. */
  certificate(): string
  /** Another CA from now on, as after its operators replaced it. */
  replace(): void
}

const day = 24 * 60 * 60_000
const [usualDays, ownDays] = [365, 30 * 365]
const sha256WithRsa = (): Buffer => sequence(oid('1.2.840.113549.1.1.11'), nothing())
const nameOf = (commonName: string): Buffer => sequence(setOf(sequence(oid('2.5.4.3'), utf8(commonName))))

interface Own {
  readonly key: KeyObject
  readonly name: Buffer
  readonly certificate: string
}

export function createAuthority(now: () => number): Authority {
  let made: Own | undefined
  const own = (): Own => {
    made ??= makeOwn(now())
    return made
  }
  return {
    certificate: () => own().certificate,
    replace: () => {
      made = undefined
    },
    issue: (parameters) => issue(own(), parameters, now()),
  }
}

const newRsaKey = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const spkiOf = (key: KeyObject): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' })

function makeOwn(now: number): Own {
  const key = newRsaKey()
  const name = nameOf('ca.cloudstack.apache.org')
  const extensions = [
    extension('2.5.29.19', sequence(truth()), true),
    extension('2.5.29.15', bits(Buffer.from([0x06]), 1), true),
    extension('2.5.29.14', octets(keyIdentifier(spkiOf(key)))),
  ]
  return { key, name, certificate: certify({ key, name }, name, spkiOf(key), now, ownDays, extensions) }
}

function issue(own: Own, parameters: Parameters, now: number): IssuedCertificate {
  const [csr, domains, addresses] = [
    parameters.get('csr'),
    listOf(parameters.get('domain')),
    listOf(parameters.get('ipaddress')),
  ]
  const days = Number(parameters.get('duration') ?? usualDays)
  if (csr !== undefined) {
    const { subject, spki } = requestOf(csr)
    return {
      certificate: clientOf(own, subject, spki, now, days, [domains, addresses]),
      cacertificates: own.certificate,
    }
  }
  const [first] = domains
  if (first === undefined) throw new Refusal(431, 'Please provide the domains or the CSR, none of them are provided')
  const key = newRsaKey()
  return {
    certificate: clientOf(own, nameOf(first), spkiOf(key), now, days, [domains, addresses]),
    privatekey: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cacertificates: own.certificate,
  }
}

const listOf = (text: string | undefined): readonly string[] => (text ? text.split(',').map((each) => each.trim()) : [])

function requestOf(csr: string): { readonly subject: Buffer; readonly spki: Buffer } {
  const [, body = ''] = /-----BEGIN CERTIFICATE REQUEST-----([^-]+)-----END CERTIFICATE REQUEST-----/.exec(csr) ?? []
  try {
    const [whole] = elements(Buffer.from(body, 'base64'))
    const [told] = elements(whole?.content ?? Buffer.alloc(0))
    const [, subject, spki] = elements(told?.content ?? Buffer.alloc(0))
    if (subject !== undefined && spki !== undefined) return { subject: subject.whole, spki: spki.whole }
  } catch {
    // Said below, in the server's own words.
  }
  throw failed(`Unable to read/process CSR: ${csr}`)
}

function clientOf(
  own: Own,
  subject: Buffer,
  spki: Buffer,
  now: number,
  days: number,
  [domains, addresses]: readonly [readonly string[], readonly string[]],
): string {
  const names = [
    ...addresses.map((address) => named(7, addressBytes(address))),
    ...domains.map((name) => named(2, Buffer.from(name, 'ascii'))),
  ]
  return certify(own, subject, spki, now, days, [
    extension('2.5.29.35', sequence(named(0, keyIdentifier(spkiOf(own.key))))),
    extension('2.5.29.14', octets(keyIdentifier(spki))),
    ...(names.length === 0 ? [] : [extension('2.5.29.17', sequence(...names))]),
  ])
}

/** A serial number of 64 bits, and valid since half a day before now, as there. */
function certify(
  by: Pick<Own, 'key' | 'name'>,
  subject: Buffer,
  spki: Buffer,
  now: number,
  days: number,
  extensions: readonly Buffer[],
): string {
  const told = sequence(
    tagged(0, integer(2)),
    integer(randomBytes(8)),
    sha256WithRsa(),
    by.name,
    sequence(instant(now - day / 2), instant(now + days * day)),
    subject,
    spki,
    tagged(3, sequence(...extensions)),
  )
  return pem('CERTIFICATE', sequence(told, sha256WithRsa(), bits(sign('sha256', told, by.key))))
}

const extension = (id: string, value: Buffer, critical = false): Buffer =>
  sequence(oid(id), ...(critical ? [truth()] : []), octets(value))

/** SHA-1 of the key's own bits (RFC 5280, 4.2.1.2), which follow the algorithm. */
function keyIdentifier(spki: Buffer): Buffer {
  const [whole] = elements(spki)
  const [, key] = elements(whole?.content ?? spki)
  return createHash('sha1')
    .update(key?.content.subarray(1) ?? spki)
    .digest()
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  if (!isIPv6(address) || address.includes('.'))
    throw failed(`Failed to generate certificate due to: IP Address is invalid`)
  const [before = '', after] = address.split('::')
  const groups = (text: string): readonly string[] => (text === '' ? [] : text.split(':'))
  const [left, right] = [groups(before), groups(after ?? '')]
  const all = [
    ...left,
    ...Array.from({ length: after === undefined ? 0 : 8 - left.length - right.length }, () => '0'),
    ...right,
  ]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
