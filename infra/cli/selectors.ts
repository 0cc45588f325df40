/**
 * The selectors that the commands share. In: what commander read. Out: a selection, or one line that says which option
 * cannot be used.
 */
import type { Command } from 'commander'
import { type Selection, selection } from '../../shared/flow/backfill.ts'

/** Thrown for a command line that cannot be carried out as it was written; the message names the option and the fix. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface Selectors {
  readonly zone?: string
  readonly cluster?: string
  readonly host?: string
}

export const withSelectors = (command: Command): Command =>
  command
    .option('--zone <zone>', 'only hosts of this zone, by name or id')
    .option('--cluster <id>', 'only hosts of this cluster, by id')
    .option('--host <host>', 'only this host, by name or id')

/** @throws UsageError */
export function selectionOf({ zone, cluster, host }: Selectors): Selection {
  const given = {
    ...(zone === undefined ? {} : { zone }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(host === undefined ? {} : { host }),
  }
  const parsed = selection.safeParse(given)
  if (parsed.success) return parsed.data
  const option = String(parsed.error.issues[0]?.path[0])
  throw new UsageError(
    `--${option} is empty or longer than 255 characters: give a name or an id of "bridgekeeper status".`,
  )
}
