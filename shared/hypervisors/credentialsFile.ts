/**
 * Who logs in where: a JSON file with an entry for each cluster or zone, or a default. In: its text, what an entry is. Out: for a host
 * the entry of its cluster, else of its zone, else the default one; or what is wrong, never with a value of the file.
 */
import '../english.ts'
import * as z from 'zod/mini'
import { HostError, type Target } from './driver.ts'

export interface CredentialsFile<Entry> {
  readonly default?: Entry
  readonly zones: Readonly<Record<string, Entry>>
  readonly clusters: Readonly<Record<string, Entry>>
}

export const credentialText = z.string().check(z.minLength(1), z.maxLength(1024))

const fingerprint = z
  .string()
  .check(z.regex(/^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$/, 'is not a SHA-256 fingerprint, 32 pairs with colons between'))

/** Whom an entry trusts (trust.ts). */
export const trustFields = {
  fingerprints: z.exactOptional(z.array(fingerprint).check(z.minLength(1), z.maxLength(256))),
  ca: z.exactOptional(z.string().check(z.maxLength(262_144), z.regex(/-----BEGIN CERTIFICATE-----/, 'is not PEM'))),
}

/** @throws Error that says where it is wrong, and shows nothing of what stands there */
export function parseCredentialsFile<Entry>(content: string, entry: z.ZodMiniType<Entry>): CredentialsFile<Entry> {
  const byId = z._default(z.record(z.string().check(z.maxLength(200)), entry), {})
  const schema = z.strictObject({ default: z.exactOptional(entry), zones: byId, clusters: byId })
  return parsePrivateJson(content, schema)
}

/** @throws Error as parseCredentialsFile */
export function parsePrivateJson<T>(content: string, schema: z.ZodMiniType<T>): T {
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

/** @param whose credentials, in words. @throws HostError Misconfigured where no entry is for this host */
export function entryFor<Entry>(
  file: CredentialsFile<Entry>,
  { zone, cluster }: Pick<Target, 'zone' | 'cluster'>,
  whose: string,
): Entry {
  const own = of(file.clusters, cluster) ?? of(file.zones, zone) ?? file.default
  if (own !== undefined) return own
  const detail = `The credentials for ${whose} have no entry for the cluster ${cluster} or the zone ${zone}, and no default.`
  throw new HostError('Misconfigured', detail)
}

const of = <Entry>(entries: Readonly<Record<string, Entry>>, id: string): Entry | undefined =>
  Object.hasOwn(entries, id) ? entries[id] : undefined
