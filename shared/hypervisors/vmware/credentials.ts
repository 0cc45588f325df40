/**
 * Who logs in to which vCenter (credentialsFile.ts), and which of its datacenters the hosts are in.
 *
 * ```
 * {
 *   "default": { "url": "https://vcenter/sdk", "datacenter": "DC0", "username": "…", "password": "…", "fingerprints": ["AB:CD:…"] },
 *   "zones": { "<id>": { …, "ca": "-----BEGIN CERTIFICATE-----…" } },
 *   "clusters": { "<id>": { … } }
 * }
 * ```
 */
import * as z from 'zod/mini'
import {
  type CredentialsFile,
  credentialText,
  entryFor,
  parseCredentialsFile,
  trustFields,
} from '../credentialsFile.ts'
import type { Target } from '../driver.ts'
import type { Credentials } from './vcenter.ts'

const https = credentialText.check(
  z.refine((value) => {
    if (!URL.canParse(value)) return false
    const { protocol, username, password } = new URL(value)
    return protocol === 'https:' && username === '' && password === ''
  }, 'is not an https address without a user and a password'),
)
const entry = z.strictObject({
  url: https,
  datacenter: credentialText,
  username: credentialText,
  password: credentialText,
  ...trustFields,
})

/** @throws Error that says where it is wrong, and shows nothing of what stands there */
export const parseCredentials = (content: string): CredentialsFile<Credentials> => parseCredentialsFile(content, entry)

/** @throws HostError Misconfigured where no entry is for this host */
export const credentialsFor = (
  file: CredentialsFile<Credentials>,
  target: Pick<Target, 'zone' | 'cluster'>,
): Credentials =>
  entryFor(file, target, 'vCenter (BRIDGEKEEPER_VCENTER_CREDENTIALS_FILE or BRIDGEKEEPER_VCENTER_SECRET)')
