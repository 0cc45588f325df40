/**
 * Who logs in to which pool (credentialsFile.ts).
 *
 * ```
 * {
 *   "default": { "username": "bridgekeeper", "password": "…", "fingerprints": ["AB:CD:…"] },
 *   "zones": { "<id>": { "username": "…", "password": "…", "ca": "-----BEGIN CERTIFICATE-----…" } },
 *   "clusters": { "<id>": { … } }
 * }
 * ```
 */
import * as z from 'zod/mini'
import * as files from '../credentialsFile.ts'
import type { Target } from '../driver.ts'
import type { Credentials } from './pool.ts'

export type CredentialsFile = files.CredentialsFile<Credentials>

const entry = z.strictObject({
  username: files.credentialText,
  password: files.credentialText,
  ...files.trustFields,
})

/** @throws Error that says where it is wrong, and shows nothing of what stands there */
export const parseCredentials = (content: string): CredentialsFile => files.parseCredentialsFile(content, entry)

/** @throws HostError Misconfigured where no entry is for this host */
export const credentialsFor = (file: CredentialsFile, target: Pick<Target, 'zone' | 'cluster'>): Credentials =>
  files.entryFor(file, target, 'XAPI (BRIDGEKEEPER_XAPI_CREDENTIALS_FILE or BRIDGEKEEPER_XAPI_SECRET)')
