/**
 * What it takes to log in, from the settings: credentials (hypervisors/credentialsFile.ts), a private key. In: a file of mode 0600, or the
 * name of a secret of AWS, which holds the same. Out: its content, parsed. A file is read for each run, so that a password that was changed is taken at once; a secret is
 * held for a minute (heldSecret.ts).
 */
import type { AwsSecret } from './awsSecret.ts'
import { ConfigurationError } from './configuration.ts'
import { heldSecret } from './heldSecret.ts'
import { readPrivateFile } from './privateFile.ts'
import { shownValue } from './shown.ts'

export interface LoginPlace<T> {
  /** The names of the two settings, and what they say. */
  readonly file: readonly [string, string | undefined]
  readonly secret: readonly [string, string | undefined]
  readonly of: string
  readonly page: string
  /** @throws Error that shows nothing of the content */
  readonly parse: (content: string) => T
}

/** @param secretOf a secret by its whole name, with the cloud behind it. @throws ConfigurationError, and what AWS throws where it has no answer */
export async function readLogins<T>(
  { file: [fileSetting, file], secret: [secretSetting, name], of, page, parse }: LoginPlace<T>,
  cloud: string,
  secretOf: (name: string) => AwsSecret,
  now: () => number,
): Promise<T> {
  if (name === undefined) return readPrivateFile(fileSetting, file, { of, page }, parse)
  if (file !== undefined)
    throw new ConfigurationError(`${fileSetting} and ${secretSetting} are both set: keep them in one place.`)
  return readSecret({ setting: secretSetting, name, page, parse }, cloud, secretOf, (whole) =>
    heldSecret(secretOf, whole, now()),
  )
}

export interface SecretPlace<T> {
  /** The setting, and the name that it says. */
  readonly setting: string
  readonly name: string
  readonly page: string
  /** @throws Error that shows nothing of the content */
  readonly parse: (content: string) => T
}

/** A cloud's secret. @param textOf what reads it by its whole name. @throws ConfigurationError, and what AWS throws where it has no answer */
export async function readSecret<T>(
  { setting, name, page, parse }: SecretPlace<T>,
  cloud: string,
  secretOf: (name: string) => AwsSecret,
  textOf: (whole: string) => Promise<string | undefined>,
): Promise<T> {
  const whole = `${name}/${cloud}`
  const told = `${setting}=${shownValue(name)}: ${secretOf(whole).place}`
  const text = await textOf(whole).catch((error: unknown) => {
    if (!isRefused(error)) throw error
    throw new ConfigurationError(`${told} was refused (${error.name}: ${error.message.slice(0, 300)}).`)
  })
  if (text === undefined)
    throw new ConfigurationError(`${told} does not exist, or holds no text: make it as ${page} shows.`)
  try {
    return parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : 'unknown'
    throw new ConfigurationError(`${told}: ${why}: write it as ${page} shows.`)
  }
}

/** A right or a key that lacks; what AWS only has no time for now is no mistake of the settings. */
const isRefused = (error: unknown): error is Error =>
  error instanceof Error && '$fault' in error && error.$fault === 'client' && !/Throttling/.test(error.name)
