/**
 * The text of secrets, held so that they are read once a minute at most, whoever asks. In: where secrets come from, a name, the time.
 * Out: the text. One that was changed, as after a password that was refused, is new within a minute.
 */
import type { AwsSecret } from './awsSecret.ts'

const heldMilliseconds = 60_000

interface Held {
  readonly until: number
  readonly text: Promise<string | undefined>
}

/** By where secrets come from, and the secret's name: a process asks for no more than its settings name. */
const heldOf = new WeakMap<(name: string) => AwsSecret, Map<string, Held>>()

/** @returns undefined where there is none. @throws what AWS throws: then the next one who asks asks AWS again */
export async function heldSecret(
  secretOf: (name: string) => AwsSecret,
  name: string,
  now: number,
): Promise<string | undefined> {
  const held = heldOf.get(secretOf) ?? new Map<string, Held>()
  heldOf.set(secretOf, held)
  const known = held.get(name)
  if (known !== undefined && now < known.until) return known.text
  const text = secretOf(name).read()
  held.set(name, { until: now + heldMilliseconds, text })
  try {
    return await text
  } catch (error) {
    held.delete(name)
    throw error
  }
}
