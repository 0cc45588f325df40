/** The real command line as a process of its own, in an empty folder and with no more environment than is given. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const program = join(import.meta.dirname, '../../infra/cli/bridgekeeper.ts')

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly stdout: () => string
  readonly stderr: () => string
  readonly interrupt: () => void
  readonly ended: Promise<Ended>
}

export type Environment = Readonly<Record<string, string>>

export function start(args: readonly string[], environment: Environment): Started {
  const folder = mkdtempSync(join(tmpdir(), 'cli-'))
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', AWS_EC2_METADATA_DISABLED: 'true', HOME: folder, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = once(child, 'close').then(() => {
    rmSync(folder, { recursive: true, force: true })
    return { code: child.exitCode, stdout, stderr }
  })
  return { stdout: () => stdout, stderr: () => stderr, interrupt: () => void child.kill('SIGINT'), ended }
}

export const run = (args: readonly string[], environment: Environment): Promise<Ended> => start(args, environment).ended
