/**
 * The text of secrets, held so that they are read once a minute at most, whoever asks. In: where secrets come from, a name, the time.
 * Out: the text. One that was changed is new within a minute, and at once for whoever was refused with it.
 */
import type { AwsSecret } from './awsSecret.ts'

const heldMilliseconds = 60_000
/** Whoever is refused again and again asks AWS no more often than this. */
const anewMilliseconds = 10_000

type SecretOf = (name: string) => AwsSecret

interface Held {
  readonly until: number
  /** Until then nobody who was refused reads it anew: somebody just did. */
  readonly fresh: number
  readonly text: Promise<string | undefined>
}

/** By where secrets come from, and the secret's name: a process asks for no more than its settings name. */
const heldOf = new WeakMap<SecretOf, Map<string, Held>>()

/** @returns undefined where there is none. @throws what AWS throws: then the next one who asks asks AWS again */
export const heldSecret = (secretOf: SecretOf, name: string, now: number): Promise<string | undefined> =>
  held(secretOf, name, now, ({ until }) => now < until)

/** The same for whoever was refused with what is held: read anew, unless somebody else who was refused just did that. */
export const secretAnew = (secretOf: SecretOf, name: string, now: number): Promise<string | undefined> =>
  held(secretOf, name, now, ({ fresh }) => now < fresh, anewMilliseconds)

async function held(
  secretOf: SecretOf,
  name: string,
  now: number,
  isGood: (held: Held) => boolean,
  fresh = 0,
): Promise<string | undefined> {
  const all = heldOf.get(secretOf) ?? new Map<string, Held>()
  heldOf.set(secretOf, all)
  const known = all.get(name)
  if (known !== undefined && isGood(known)) return known.text
  const text = secretOf(name).read()
  all.set(name, { until: now + heldMilliseconds, fresh: now + fresh, text })
  try {
    return await text
  } catch (error) {
    all.delete(name)
    throw error
  }
}
