/** The command line in this process, since starting one takes a second: all but the streams and signals of a real one. */
import { main } from '../../infra/cli/main.ts'
import { followOn } from '../../infra/cli/progressLine.ts'
import type { Environment } from '../../shared/runtime/configuration.ts'
import type { Ended } from '../cli/program.ts'

export async function runInProcess(args: readonly string[], environment: Environment, width = 160): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  const writeError = (text: string): void => {
    stderr += text
  }
  const output = {
    print: (text: string) => {
      stdout += `${text}\n`
    },
    look: (now: number) => ({ width, now, paint: (_meaning: string, word: string) => word }),
    follower: followOn(writeError, false),
  }
  const interruption = () => new AbortController().signal
  const code = await main(args, { environment, output, writeError, interruption })
  return { code, stdout, stderr }
}
