/** The demo as a person starts it: a process of its own. In: its options. Out: what it printed, how it ended. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../../..')

export interface Ended {
  readonly code: number | null
  readonly output: string
  /** The last line, parsed. */
  readonly figures: unknown
  /** Command lines of processes that it started and that are still there. */
  readonly left: readonly string[]
}

/** @param interruptAt as soon as this was printed, Ctrl-C is pressed */
export function playDemo(options: readonly string[], interruptAt?: string): Promise<Ended> {
  const id = randomUUID()
  const child = spawn(process.execPath, [join(root, 'infra/local/demo/demo.ts'), ...options], {
    env: { ...process.env, DEMO_TEST: id, DEMO_KERNEL: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let interrupted = false
  const read = (chunk: Buffer): void => {
    output += chunk.toString('utf8')
    if (interruptAt === undefined || interrupted || !output.includes(interruptAt)) return
    interrupted = true
    child.kill('SIGINT')
  }
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output, figures: lastLine(output), left: startedBy(id) }))
  })
}

function lastLine(output: string): unknown {
  try {
    return JSON.parse(output.trim().split('\n').at(-1) ?? '')
  } catch {
    return undefined
  }
}

function startedBy(id: string): readonly string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`DEMO_TEST=${id}`)) return []
        return [readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')]
      } catch {
        return [] // Gone by now.
      }
    })
}
