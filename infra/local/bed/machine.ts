/**
 * Starts the process that a host of a bed is, and can tell when it has ended. In: a command, where its log goes.
 * Out: Running. It dies with the process that started it, however that one ends.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { systemEnvironment } from './command.ts'
import type { Running } from './host.ts'

export interface Started extends Running {
  /** `setpriv` replaces itself by the command: this is the command's own id. */
  readonly pid: number
  /** Writes one line to the command's standard input. */
  say(line: string): void
}

/**
 * @param logFile gets standard output and error, after what it holds.
 * @throws Error when there is no such command.
 */
export async function startProcess(command: string, args: readonly string[], logFile: string): Promise<Started> {
  const log = await open(logFile, 'a', 0o600)
  try {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], {
      stdio: ['pipe', log.fd, log.fd],
      detached: true, // A Ctrl-C is for whoever runs the bed: the hosts end when it says so.
      env: systemEnvironment(),
    })
    const ended = once(child, 'exit').then(() => {})
    ended.catch(() => {}) // Without a process id the wait below tells.
    child.stdin?.on('error', () => {}) // It ended: `ended` tells.
    await once(child, 'spawn')
    const say = (line: string): void => {
      child.stdin?.write(`${line}\n`)
    }
    let killed: Promise<void> | undefined
    const kill = (): Promise<void> => {
      killed ??= killGroup(child, ended)
      return killed
    }
    return { pid: child.pid ?? 0, ended, say, kill }
  } finally {
    await log.close()
  }
}

/** The whole group: a guest's processes of its own accord outlive its first one, and would keep its taps busy. */
async function killGroup(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.pid === undefined) return
  while (signalGroup(child.pid)) await delay(10)
  await ended
}

/** @returns whether anyone in the group was still there. */
function signalGroup(group: number): boolean {
  try {
    return process.kill(-group, 'SIGKILL')
  } catch {
    return false
  }
}
