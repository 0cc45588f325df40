/**
 * Whether a host is who it should be: the port through which known keys are read and new ones kept, and the verdict on the
 * key that a host presents. The verdict is pure; a key is never taken without one.
 */
import { createHash } from 'node:crypto'
import type { ServerHostKeyAlgorithm } from 'ssh2'

/** A host of CloudStack's, or the jump host on the way to all of them. */
export type HostKeyTarget = { readonly cloud: string; readonly address: string; readonly port: number } & (
  | { readonly zone: string; readonly id: string }
  | { readonly jump: true }
)

export interface HostKeys {
  /**
   * The keys on record for a host, each as the end of an OpenSSH known_hosts line: `ssh-ed25519 AAAA…`, with `@revoked `
   * before one that must never be trusted again.
   */
  known(target: HostKeyTarget): Promise<readonly string[]>
  /** Keeps the first key of a host, under `accept-new` only, once the login has succeeded. */
  accept?(target: HostKeyTarget, key: string): Promise<void>
  /** Told of a key that was not trusted, so that an operator who compares its fingerprint can accept it. */
  refused?(target: HostKeyTarget, key: string): Promise<void>
}

/** `strict`: only a key on record is trusted. `accept-new`: also the first key of a host that has none on record. */
export type HostKeyPolicy = 'strict' | 'accept-new'

export type Verdict =
  | { readonly trusted: true; readonly isNew: boolean; readonly key: string }
  | { readonly trusted: false; readonly key: string; readonly reason: Distrust; readonly detail: string }

type Distrust = 'HostKeyUnknown' | 'HostKeyChanged'

/** @param blob the public key as it travels, RFC 4253 section 6.6 */
export function judge(blob: Buffer, known: readonly string[], policy: HostKeyPolicy): Verdict {
  const key = keyText(blob)
  const distrust = (reason: Distrust, why: string): Verdict => ({
    trusted: false,
    key,
    reason,
    detail: `presents ${shownKey(key)}, ${why}`,
  })
  if (known.includes(`@revoked ${key}`)) return distrust('HostKeyChanged', 'a key that was revoked')
  if (known.includes(key)) return { trusted: true, isNew: false, key }
  if (known.some((other) => !isRevoked(other))) return distrust('HostKeyChanged', 'not a key on record')
  if (policy === 'accept-new') return { trusted: true, isNew: true, key }
  return distrust('HostKeyUnknown', 'and no key of it is on record')
}

export const isRevoked = (key: string): boolean => key.startsWith('@revoked ')

export interface KeyParts {
  readonly type: string
  /** As `ssh-keygen -l` prints it. */
  readonly fingerprint: string
  readonly revoked: boolean
}

/** @param key as HostKeys speaks of it, @revoked or not */
export function partsOf(key: string): KeyParts {
  const [type = '', base64 = ''] = key.replace(/^@revoked /, '').split(' ')
  return { type, fingerprint: fingerprint(Buffer.from(base64, 'base64')), revoked: isRevoked(key) }
}

/** `ssh-ed25519 SHA256:…`: what people compare. */
export function shownKey(key: string): string {
  const { type, fingerprint: shown, revoked } = partsOf(key)
  return `${revoked ? '@revoked ' : ''}${type} ${shown}`
}

/** As `ssh-keygen -l` prints it. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}

/** `TYPE BASE64`, as in an OpenSSH known_hosts line. */
export function keyText(blob: Buffer): string {
  const length = blob.length >= 4 ? blob.readUInt32BE(0) : 0
  return `${blob.toString('latin1', 4, 4 + Math.min(length, 64))} ${blob.toString('base64')}`
}

/** Every one that we take. SHA-1 signatures (`ssh-rsa`) are not among them. */
const algorithms: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
]

/** Whether a key is of a type that we take, and written as it is compared. */
export function isUsable(key: string): boolean {
  const [type = '', base64 = ''] = key.replace(/^@revoked /, '').split(' ')
  const isTaken = type === 'ssh-rsa' || algorithms.some((algorithm) => algorithm === type)
  return isTaken && key.length <= longestKey && keyText(Buffer.from(base64, 'base64')) === `${type} ${base64}`
}

/** Characters: a key of 16384 bits RSA has 2,800. */
export const longestKey = 4096

/** Those of the keys on record first, so that a host with several keys presents the one that we know. */
export function algorithmsFor(known: readonly string[]): ServerHostKeyAlgorithm[] {
  const types = new Set(known.map((key) => key.split(' ')[0]))
  const isKnown = (algorithm: string): boolean => types.has(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm)
  return [...algorithms.filter(isKnown), ...algorithms.filter((algorithm) => !isKnown(algorithm))]
}
