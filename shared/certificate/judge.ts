/**
 * Whether what came for a request may be used. In: the answer, which may be anything; what was asked; the CA that was kept. Out:
 * nothing, or CertificateRefused, which says what is wrong with it and what to do. Pure.
 *
 * | refused                                                              | since                                        |
 * |----------------------------------------------------------------------|----------------------------------------------|
 * | another public key than ours, another name                           | it is of somebody else                       |
 * | no chain to a root among the CA's certificates that came, or is kept | agents would refuse it                       |
 * | not valid now, or for less than a day                                | the same; and nobody could renew it in time  |
 * | a CA's own certificate, or one that is not for clients               | the same                                     |
 * | another CA than the kept one                                         | hosts are believed by it: `--accept-new-ca`  |
 */
import type { KeyObject, X509Certificate } from 'node:crypto'
import { certificatesIn, commonNameOf, fingerprintOf, isSame } from './credentials.ts'
import { elements } from './der.ts'

/** Thrown for an answer that must not be used. What is kept stays as it was. */
export class CertificateRefused extends Error {
  override readonly name = 'CertificateRefused'
}

export interface Came {
  readonly certificate: string
  readonly ca: string
}

export interface Asked {
  readonly publicKey: KeyObject
  readonly commonName: string
  /** The CA that is kept, in PEM; absent: none is, or another is accepted. */
  readonly keptCa?: string
  readonly now: number
}

const day = 24 * 60 * 60_000

/** @throws CertificateRefused, CredentialsUnusable for what is no certificate at all */
export function judge(came: Came, { publicKey, commonName, keptCa, now }: Asked): void {
  const [own, ...others] = certificatesIn(came.certificate, 'the certificate that CloudStack issued')
  const authorities = certificatesIn(came.ca, 'the CA that came with the certificate')
  const refuse = (what: string): never => {
    throw new CertificateRefused(`CloudStack's certificate is not used: ${what}`)
  }
  if (others.length > 0) refuse('several came, and one was asked for')
  if (!isSame(own.publicKey, publicKey)) refuse('it holds another public key than ours')
  if (commonNameOf(own) !== commonName)
    refuse(`it is for ${JSON.stringify(own.subject.slice(0, 200))}, not CN=${commonName}`)
  const [from, to] = [own.validFromDate.getTime(), own.validToDate.getTime()]
  if (from > now) refuse(`it begins on ${isoDay(from)} only: set the clocks of this machine and the server by NTP`)
  if (to < now + day) refuse(`it ends on ${isoDay(to)}, in less than a day`)
  if (own.ca || !isForClients(own)) refuse('it is not one for a client: see the CA plugin of that server')
  if (!chains(own, authorities, now)) refuse('no valid chain leads from it to the CA that came with it')
  if (keptCa !== undefined) judgeCa(authorities, certificatesIn(keptCa, 'the CA that is kept'))
}

function judgeCa(came: readonly X509Certificate[], kept: readonly X509Certificate[]): void {
  const known = new Set(kept.map(fingerprintOf))
  const strange = came.filter((one) => !known.has(fingerprintOf(one)))
  if (strange.length === 0) return
  const told = strange.map((one) => `sha256:${fingerprintOf(one)}`).join(', ')
  throw new CertificateRefused(
    `CloudStack's CA is another than the one that is kept (new: ${told}; kept: ${[...known].map((one) => `sha256:${one}`).join(', ')}): if its operators changed it, and hosts have it in /etc/cloudstack/agent/cloud.ca.crt, repeat with --accept-new-ca`,
  )
}

/** From the certificate to one that signed itself, over those that came, each a CA's and valid now. */
function chains(own: X509Certificate, authorities: readonly X509Certificate[], now: number): boolean {
  let at = own
  for (let step = 0; step <= authorities.length; step += 1) {
    const issuer = authorities.find(
      (one) => one.ca && isValid(one, now) && at.checkIssued(one) && at.verify(one.publicKey),
    )
    if (issuer === undefined) return false
    if (issuer.checkIssued(issuer) && issuer.verify(issuer.publicKey)) return true
    at = issuer
  }
  return false
}

const isValid = ({ validFromDate, validToDate }: X509Certificate, now: number): boolean =>
  validFromDate.getTime() <= now && validToDate.getTime() > now

const clientUses = ['1.3.6.1.5.5.7.3.2', '2.5.29.37.0']

/** Without a word of its use it is for everything, as CloudStack's own are. */
function isForClients(own: X509Certificate): boolean {
  const uses: readonly string[] | undefined = own.keyUsage
  return (uses === undefined || uses.some((use) => clientUses.includes(use))) && maySign(own)
}

const keyUsage = Buffer.from('0603551d0f', 'hex')

/** Of the extension keyUsage the first bit, digitalSignature, which node:crypto does not tell. */
function maySign({ raw }: X509Certificate): boolean {
  const [, , , ...rest] = elements(elements(elements(raw)[0]?.content ?? raw)[0]?.content ?? raw)
  const list = rest.find(({ tag }) => tag === 0xa3)
  const extensions = list === undefined ? [] : elements(elements(list.content)[0]?.content ?? list.content)
  const found = extensions.map(({ content }) => elements(content)).find(([id]) => id?.whole.equals(keyUsage))
  const value = found?.at(-1)?.content
  return value === undefined || ((elements(value)[0]?.content[1] ?? 0) & 0x80) !== 0
}

const isoDay = (time: number): string => new Date(time).toISOString().slice(0, 10)
