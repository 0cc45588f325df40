import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { insideNamespace, runInNamespace } from '../../infra/local/bed/namespace.ts'
import { layWires, removeWires } from '../../infra/local/bed/wires.ts'

const program = join(import.meta.dirname, 'namespaceProgram.ts')

/** The processes, of all that this one can see, that are in a network namespace; none of them, and it is gone. */
function processesIn(namespace: string): number {
  const network = (id: string): string => {
    try {
      return readlinkSync(`/proc/${id}/ns/net`)
    } catch {
      return '' // It has just ended.
    }
  }
  return readdirSync('/proc').filter((id) => /^\d+$/.test(id) && network(id) === namespace).length
}

function commandLine(id: string): string {
  try {
    return readFileSync(`/proc/${id}/cmdline`, 'utf8')
  } catch {
    return '' // Not a process, or it has just ended.
  }
}

/** @returns the launcher, and the namespace that it has made, once the program in it waits. */
async function launch(mode: 'guest' | 'wait'): Promise<{ launcher: ChildProcess; namespace: string }> {
  const launcher = spawn(process.execPath, [program, mode], { stdio: ['ignore', 'pipe', 'pipe'] })
  const errors: string[] = []
  launcher.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
  onTestFinished(() => {
    launcher.kill('SIGKILL')
  })
  for await (const line of createInterface({ input: launcher.stdout })) {
    const namespace = /^up (.*)$/.exec(line)?.[1]
    if (namespace) return { launcher, namespace }
  }
  throw new Error(`the program ended before it was up: ${errors.join('')}`)
}

describe('a private namespace', () => {
  it('vanishes with every process in it, guests too, when its launcher is killed', async () => {
    const { launcher, namespace } = await launch('guest')
    expect(processesIn(namespace)).toBeGreaterThan(3)
    launcher.kill('SIGKILL')
    await vi.waitFor(() => expect(processesIn(namespace)).toBe(0), { timeout: 10_000, interval: 50 })
  })

  it('passes SIGTERM on, so that the command may end in order, and returns its exit code', async () => {
    const { launcher, namespace } = await launch('wait')
    const exit = once(launcher, 'exit')
    launcher.kill('SIGTERM')
    expect(await exit).toEqual([3, null])
    expect(processesIn(namespace)).toBe(0)
  })

  it('ends with the command, and whatever the command left running', async () => {
    const seconds = '98765.4321' // Nobody else sleeps for so long.
    const sleepers = () => readdirSync('/proc').filter((id) => commandLine(id).includes(seconds))
    expect(await runInNamespace('sh', ['-c', `sleep ${seconds} & test -n "$BED_NAMESPACE" && exit 7`])).toBe(7)
    await vi.waitFor(() => expect(sleepers()).toEqual([]), { timeout: 10_000, interval: 50 })
  })

  it('shows nothing of the network outside, so that two at once do not clash', async () => {
    const wires = await layWires()
    const script = `ip link show dev ${wires.management} 2>/dev/null && exit 1; ip link add ${wires.management} type bridge`
    expect(await runInNamespace('sh', ['-c', script])).toBe(0)
    await removeWires(wires, [])
  })

  it('is known from within, and a variable alone does not pretend to it', () => {
    expect(insideNamespace()).toBe(true)
    vi.stubEnv('BED_NAMESPACE', 'net:[1]')
    onTestFinished(() => {
      vi.unstubAllEnvs()
    })
    expect(insideNamespace()).toBe(false)
  })
})

it('two beds in one namespace take different numbers', async () => {
  const [one, other] = await Promise.all([layWires(), layWires()])
  expect(one.bed).not.toBe(other.bed)
  await Promise.all([removeWires(one, []), removeWires(other, [])])
})
