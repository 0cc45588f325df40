/**
 * Where a command writes, and how wide and coloured. In: the process's streams and environment. Out: data on stdout,
 * progress on stderr. NO_COLOR is honoured; without a terminal the width is that of COLUMNS, or 160.
 */
import { styleText } from 'node:util'
import type { Environment } from '../../shared/runtime/configuration.ts'
import { type Follower, followOn } from './progressLine.ts'
import type { Look } from './statusText.ts'

export interface Output {
  readonly print: (text: string) => void
  readonly look: (now: number) => Look
  readonly follower: Follower
}

/** Where no column can be cut any more. */
const narrowest = 64
const widest = 1000
const widthWithoutTerminal = 160
const colours = { good: 'green', bad: 'red', unsure: 'yellow' } as const

export function outputOf(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream, environment: Environment): Output {
  const given = stdout.isTTY ? stdout.columns : Number(environment.COLUMNS)
  const width = Math.min(widest, Math.max(narrowest, given || widthWithoutTerminal))
  const paint: Look['paint'] = (meaning, word) => styleText(colours[meaning], word, { stream: stdout })
  return {
    print: (text) => void stdout.write(`${text}\n`),
    look: (now) => ({ width, now, paint }),
    follower: followOn((text) => void stderr.write(text), stderr.isTTY === true),
  }
}
