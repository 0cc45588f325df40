/** The command line in this process, since starting one takes a second: all but the streams and signals of a real one. */
import { main } from '../../infra/cli/main.ts'
import type { Output } from '../../infra/cli/output.ts'
import { followOn } from '../../infra/cli/progressLine.ts'
import type { Environment } from '../../shared/runtime/configuration.ts'
import type { Ended } from '../cli/program.ts'

export interface Capture {
  readonly output: Output
  readonly writeError: (text: string) => void
  readonly written: () => Pick<Ended, 'stdout' | 'stderr'>
}

export async function runInProcess(args: readonly string[], environment: Environment): Promise<Ended> {
  const { output, writeError, written } = capture()
  const interruption = () => new AbortController().signal
  const code = await main(args, { environment, output, writeError, interruption })
  return { code, ...written() }
}

export function capture(): Capture {
  let stdout = ''
  let stderr = ''
  const writeError = (text: string): void => {
    stderr += text
  }
  const output: Output = {
    print: (text) => {
      stdout += `${text}\n`
    },
    look: (now) => ({ width: 160, now, paint: (_meaning, word) => word }),
    follower: followOn(writeError, false),
  }
  return { output, writeError, written: () => ({ stdout, stderr }) }
}
