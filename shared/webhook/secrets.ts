/**
 * The secrets of all clouds, as a function holds them from call to call. In: how one is read, the clouds, a clock. Out: the secrets by
 * cloud, read every five minutes, and once a minute at most where none fits: whoever knows no secret makes nobody read them often.
 */
import type { Logger } from '../runtime/logger.ts'

export interface HeldSecrets {
  current(): Promise<ReadonlyMap<string, string>>
  /** Of now, as after a new one was made; the same again where they were read a moment ago. */
  anew(): Promise<ReadonlyMap<string, string>>
}

const held = 300_000
const again = 60_000

/** @param read for a cloud; one whose secret cannot be read is logged and left out, so that the others are served */
export function holdSecrets(
  clouds: readonly string[],
  read: (cloud: string) => Promise<string | undefined>,
  now: () => number,
  logger: Pick<Logger, 'error'>,
): HeldSecrets {
  let last: { readonly at: number; readonly secrets: Promise<ReadonlyMap<string, string>> } | undefined
  const within = (milliseconds: number): Promise<ReadonlyMap<string, string>> => {
    const at = now()
    if (last === undefined || at - last.at >= milliseconds || at < last.at) last = { at, secrets: readAll() }
    return last.secrets
  }
  const readAll = async (): Promise<ReadonlyMap<string, string>> => {
    const found = await Promise.all(
      clouds.map(async (cloud) => {
        try {
          return [cloud, await read(cloud)] as const
        } catch (error) {
          logger.error('the secret of a webhook cannot be read', { cloud, error: String(error) })
          return [cloud, undefined] as const
        }
      }),
    )
    return new Map(found.flatMap(([cloud, secret]) => (secret === undefined ? [] : [[cloud, secret]])))
  }
  return { current: () => within(held), anew: () => within(again) }
}
