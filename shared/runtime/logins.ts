/**
 * Who logs in where, from the settings (hypervisors/credentialsFile.ts). In: a file of mode 0600, or the name of a secret of AWS, which
 * holds the same. Out: its entries. A file is read for each run, so that a password that was changed is taken at once; a secret is
 * held for a minute, by its name.
 */
import type { CredentialsFile } from '../hypervisors/credentialsFile.ts'
import type { AwsSecret } from './awsSecret.ts'
import { ConfigurationError } from './configuration.ts'
import { readPrivateFile } from './privateFile.ts'
import { shownValue } from './shown.ts'

export interface LoginPlace<Entry> {
  /** The names of the two settings, and what they say. */
  readonly file: readonly [string, string | undefined]
  readonly secret: readonly [string, string | undefined]
  readonly of: string
  readonly page: string
  /** @throws Error that shows nothing of the content */
  readonly parse: (content: string) => CredentialsFile<Entry>
}

const heldMilliseconds = 60_000
interface Held {
  readonly until: number
  readonly text: Promise<string | undefined>
}
/** By where secrets come from, and the secret's name. */
const heldOf = new WeakMap<(name: string) => AwsSecret, Map<string, Held>>()

/** @param secretOf a secret by its whole name, with the cloud behind it. @throws ConfigurationError, and what AWS throws */
export async function readLogins<Entry>(
  { file: [fileSetting, file], secret: [secretSetting, name], of, page, parse }: LoginPlace<Entry>,
  cloud: string,
  secretOf: (name: string) => AwsSecret,
  now: () => number,
): Promise<CredentialsFile<Entry>> {
  if (name === undefined) return readPrivateFile(fileSetting, file, { of, page }, parse)
  if (file !== undefined)
    throw new ConfigurationError(`${fileSetting} and ${secretSetting} are both set: keep them in one place.`)
  const secret = secretOf(`${name}/${cloud}`)
  const told = `${secretSetting}=${shownValue(name)}: ${secret.place}`
  const held = heldOf.get(secretOf) ?? new Map<string, Held>()
  heldOf.set(secretOf, held)
  const text = await textOf(secret, held, now())
  if (text === undefined) throw new ConfigurationError(`${told} does not exist: make it as ${page} shows.`)
  try {
    return parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : 'unknown'
    throw new ConfigurationError(`${told}: ${why}: write it as ${page} shows.`)
  }
}

/** One that failed is asked for again by the next run. */
async function textOf(secret: AwsSecret, held: Map<string, Held>, now: number): Promise<string | undefined> {
  const known = held.get(secret.place)
  if (known !== undefined && now < known.until) return known.text
  const text = secret.read()
  held.set(secret.place, { until: now + heldMilliseconds, text })
  try {
    return await text
  } catch (error) {
    held.delete(secret.place)
    throw error
  }
}
