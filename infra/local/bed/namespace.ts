/**
 * Runs a command in network, process and mount namespaces of its own, which vanish with it: two runs at once never
 * clash, and no death of the launcher, not even SIGKILL, leaves a process, a device or a file behind. In: a command.
 * Out: its exit code.
 */
import { spawn } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import type { Availability } from './bed.ts'
import { isInstalled, probe, systemEnvironment } from './command.ts'

/**
 * `unshare` dies with the launcher (setpriv), the first process in the namespace with `unshare` (--kill-child), and
 * with the first process, by the kernel's rule, every other one, and then the namespaces themselves.
 */
const unshare = [
  '--pdeathsig',
  'KILL',
  'unshare',
  '--net',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount',
  '--mount-proc',
]

/**
 * The first process: a shell, since the first process must reap orphans and is deaf to signals it has no handler for.
 * Temporary files go to a memory file system of the namespace's own, over a folder that every Linux has and nothing here
 * needs (not under /dev: a guest has its own). The trailing `exit` keeps the shell from exec.
 */
const firstProcess = `
mount -t tmpfs -o mode=1777 bed /media && ip link set lo up || exit 125
BED_NAMESPACE=$(readlink /proc/self/ns/net) TMPDIR=/media "$@"
exit $?`

/** Whether this process runs in a namespace that `runInNamespace` made. */
export function insideNamespace(): boolean {
  return process.env.BED_NAMESPACE !== undefined && process.env.BED_NAMESPACE === readlinkSync('/proc/self/ns/net')
}

/** Tries it for real, with the command `true`. */
export function canUnshare(): Availability {
  if (process.platform !== 'linux')
    return { available: false, missing: `namespaces of Linux (this is ${process.platform})` }
  const absent = ['setpriv', 'unshare'].filter((command) => !isInstalled(command))
  if (absent.length > 0) return { available: false, missing: `${absent.join(', ')} (apt-get install util-linux)` }
  if (!isInstalled('ip')) return { available: false, missing: 'ip (apt-get install iproute2)' }
  const reason = probe('setpriv', [...unshare, 'sh', '-c', firstProcess, 'sh', 'true'])
  if (reason === undefined) return { available: true }
  const fix = process.getuid?.() === 0 ? 'in a container, run it with --privileged' : 'run it as root'
  return { available: false, missing: `the right to make namespaces: ${fix} (${reason})` }
}

/**
 * Runs `command` with this process's standard input and output. SIGINT, SIGTERM and SIGHUP are passed on, each once,
 * to everything in the namespace's process group; the third one ends it all by force.
 * @returns the exit code; 128 + the signal's number when a signal ended it.
 */
export function runInNamespace(
  command: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('setpriv', [...unshare, 'sh', '-c', firstProcess, 'sh', command, ...args], {
      stdio: 'inherit',
      detached: true, // Its own process group: a terminal's Ctrl-C reaches it through us, and only once.
      env: { ...systemEnvironment(), ...options.env },
    })
    const stopForwarding = forwardSignals(child.pid)
    child.on('error', (error) => {
      stopForwarding()
      reject(error)
    })
    child.on('exit', (code, signal) => {
      stopForwarding()
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0))
    })
  })
}

/** `unshare` itself blocks SIGINT and SIGTERM but would die of SIGHUP, and take the orderly end away: so it is not sent. */
const forwarded = { SIGINT: 'SIGINT', SIGTERM: 'SIGTERM', SIGHUP: 'SIGTERM', SIGWINCH: 'SIGWINCH' } as const

function forwardSignals(group: number | undefined): () => void {
  if (group === undefined) return () => {}
  let ends = 0
  const forward = (signal: NodeJS.Signals): void => {
    if (signal !== 'SIGWINCH') ends += 1
    const sent = ends >= 3 ? 'SIGKILL' : (Object.entries(forwarded).find(([from]) => from === signal)?.[1] ?? signal)
    try {
      process.kill(-group, sent)
    } catch {
      // The group has ended already: its exit is about to be reported.
    }
  }
  for (const signal of Object.keys(forwarded)) process.on(signal, forward)
  return () => {
    for (const signal of Object.keys(forwarded)) process.off(signal, forward)
  }
}
