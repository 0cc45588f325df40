/**
 * The driver's fixed commands, run on this machine itself. In: a command and its standard input. Out: what it printed. Each is
 * bounded in time and output; what passes a bound is ended, with all that it had started.
 */
import { spawn } from 'node:child_process'
import { HostError } from '../../shared/hypervisors/driver.ts'
import { bounded } from '../../shared/hypervisors/kvm/bounded.ts'
import type { Commands } from '../../shared/hypervisors/kvm/host.ts'

export interface Bounds {
  /** Milliseconds. */
  readonly commandTimeout: number
  /** Bytes. */
  readonly outputLimit: number
}

const usual: Bounds = { commandTimeout: 120_000, outputLimit: 32 * 1024 * 1024 }
const stderrLimit = 64 * 1024

/** @throws HostError TimeOut, HostMisread */
export function localCommands({ commandTimeout, outputLimit }: Bounds = usual): Commands {
  return {
    exec: (command, input = '') =>
      new Promise((resolve, reject) => {
        const child = spawn('/bin/sh', ['-c', command], { detached: true, stdio: 'pipe', env: {} })
        const [out, err] = [bounded(outputLimit), bounded(stderrLimit)]
        const fail = (error: HostError): void => {
          clearTimeout(timer)
          if (child.pid !== undefined) endGroup(child.pid)
          reject(error)
        }
        const timer = setTimeout(() => {
          fail(new HostError('TimeOut', `A command on this host took longer than ${commandTimeout} ms.`))
        }, commandTimeout)
        child.on('error', (error) => fail(new HostError('HostMisread', `No command can be started: ${error.message}.`)))
        child.stdout.on('data', (chunk: Buffer) => {
          if (!out.take(chunk))
            fail(new HostError('HostMisread', `A command on this host printed more than ${outputLimit} bytes.`))
        })
        child.stderr.on('data', err.take)
        child.stdin.on('error', () => {}) // It ended without reading all: its exit code tells.
        child.on('close', (code) => {
          clearTimeout(timer)
          resolve({ stdout: out.text(), stderr: err.text(), code })
        })
        child.stdin.end(input)
      }),
  }
}

function endGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // It has ended by now.
  }
}
