/**
 * Who logs in to which pool: a JSON file that only its owner may read. In: its text. Out: for a host the entry of its cluster, else
 * of its zone, else the default one; or what is wrong, never with a value of the file.
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
import { HostError, type Target } from '../driver.ts'
import type { Credentials } from './pool.ts'

export interface CredentialsFile {
  readonly default?: Credentials
  readonly zones: Readonly<Record<string, Credentials>>
  readonly clusters: Readonly<Record<string, Credentials>>
}

const text = z.string().check(z.minLength(1), z.maxLength(1024))
const fingerprint = z
  .string()
  .check(z.regex(/^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$/, 'is not a SHA-256 fingerprint, 32 pairs with colons between'))
const entry = z.strictObject({
  username: text,
  password: text,
  fingerprints: z.exactOptional(z.array(fingerprint).check(z.minLength(1), z.maxLength(256))),
  ca: z.exactOptional(z.string().check(z.maxLength(262_144), z.regex(/-----BEGIN CERTIFICATE-----/, 'is not PEM'))),
})
const byId = z._default(z.record(z.string().check(z.maxLength(200)), entry), {})
const schema = z.strictObject({ default: z.exactOptional(entry), zones: byId, clusters: byId })

/** @throws Error that says where it is wrong, and shows nothing of what stands there */
export function parseCredentials(content: string): CredentialsFile {
  const parsed = schema.safeParse(jsonOf(content))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const said = issue?.code === 'unrecognized_keys' ? 'has a name that is not known' : issue?.message
  throw new Error(`${issue?.path.join('.') || 'it'}: ${said}`)
}

/** The parser's own words would quote the file. */
function jsonOf(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    throw new Error('it is not JSON')
  }
}

/** @throws HostError Misconfigured where no entry is for this host */
export function credentialsFor(
  file: CredentialsFile,
  { zone, cluster }: Pick<Target, 'zone' | 'cluster'>,
): Credentials {
  const own = of(file.clusters, cluster) ?? of(file.zones, zone) ?? file.default
  if (own !== undefined) return own
  const detail = `The file of BRIDGEKEEPER_XAPI_CREDENTIALS_FILE has no entry for the cluster ${cluster} or the zone ${zone}, and no default.`
  throw new HostError('Misconfigured', detail)
}

const of = (entries: Readonly<Record<string, Credentials>>, id: string): Credentials | undefined =>
  Object.hasOwn(entries, id) ? entries[id] : undefined
