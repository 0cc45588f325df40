/**
 * Runs a program of the machine to its end, for the beds. In: its name, its arguments as an array, what it reads.
 * Out: what it wrote; a failure is an Error that carries the program's own words.
 */
import { spawn, spawnSync } from 'node:child_process'

/** The environment for system programs: administrators' folders are on the path also where root's login left them out. */
export function systemEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin` }
}

/** @returns standard output. @throws Error when the program cannot be started or ends with anything but 0. */
export function runCommand(command: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: systemEnvironment(), timeout: 30_000 })
    const output: string[] = []
    const errors: string[] = []
    child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
    child.stdin.on('error', () => {}) // It ended without reading: its exit code tells.
    child.stdin.end(input)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output.join(''))
      else reject(new Error(`${command} ${args.join(' ')}: ended with ${signal ?? code}: ${errors.join('').trim()}`))
    })
  })
}

/** What stands in the way of running `command`, in its own words; undefined when it ended with 0. */
export function probe(command: string, args: readonly string[]): string | undefined {
  const { error, status, stderr } = spawnSync(command, args, {
    env: systemEnvironment(),
    encoding: 'utf8',
    timeout: 10_000,
  })
  if (error) return error.message
  if (status !== 0) return stderr.trim() || `${command} ended with ${status}`
  return undefined
}

/** Whether a program of that name is on the path. */
export function isInstalled(command: string): boolean {
  return probe('sh', ['-c', 'command -v "$0"', command]) === undefined
}
