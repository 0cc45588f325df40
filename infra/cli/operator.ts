/**
 * Who runs a command, and why: for the history and for what a status shows. In: the operating system's user and host
 * name, --why. Out: an act, bounded.
 */
import { hostname, userInfo } from 'node:os'
import { type Command, InvalidArgumentError } from 'commander'
import type { Act } from '../../shared/flow/history.ts'

export interface Why {
  readonly why?: string
}

const longest = 200

export const withWhy = (command: Command): Command =>
  command.option('--why <text>', 'the reason, for the history and for the status', (text: string) => {
    if (text.length <= longest) return text
    throw new InvalidArgumentError(`It is longer than ${longest} characters.`)
  })

export const actOf = ({ why }: Why): Act => ({
  by: `${user()}@${hostname()}`.slice(0, longest),
  ...(why ? { why } : {}),
})

/** A process may run under a number that no user has. */
function user(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
