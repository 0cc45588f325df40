/**
 * One command from its arguments to its exit code. In: arguments, what the process has. Out: the exit code; whatever
 * went wrong is one line an error on stderr.
 */
import { readFileSync } from 'node:fs'
import { CommanderError } from 'commander'
import * as z from 'zod'
import type { Deployment } from './deployment.ts'
import { explain } from './explain.ts'
import { createProgram, type Surroundings } from './program.ts'

const manifest = z.object({ version: z.string() })

export async function main(args: readonly string[], around: Surroundings): Promise<number> {
  let deployment: Deployment | undefined
  let exitCode = 0
  const told = {
    found: (found: Deployment): void => {
      deployment = found
    },
    exit: (code: number): void => {
      exitCode = code
    },
  }
  try {
    const { version } = manifest.parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')))
    await createProgram(version, around, told).parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    for (const line of explain(error, deployment).split('\n')) around.writeError(`bridgekeeper: ${line}\n`)
    return 1
  }
}
