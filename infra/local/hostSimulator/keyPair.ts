/**
 * Fresh SSH keys for simulated hosts and their clients. Out: a private key in PEM form, and its public key as in an OpenSSH
 * file. Made by Node: of the ed25519 keys that ssh2 1.17 makes, one in 375 (measured) cannot be read by ssh2 itself.
 */
import { generateKeyPairSync } from 'node:crypto'
import ssh2 from 'ssh2'

export interface KeyPair {
  readonly privateKey: string
  /** `TYPE BASE64`. */
  readonly publicKey: string
}

export function newKeyPair(): KeyPair {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const parsed = ssh2.utils.parseKey(privateKey)
  if (parsed instanceof Error) throw parsed
  return { privateKey, publicKey: `${parsed.type} ${parsed.getPublicSSH().toString('base64')}` }
}
