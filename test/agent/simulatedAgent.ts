/** The agent's own code over a simulated kernel, in this process: what it keeps is in a folder of its own, its clock is the test's. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AgentParts, answer } from '../../infra/agent/answer.ts'
import { keepIn } from '../../infra/agent/kept.ts'
import { createSimulatedKernel, type NewLink, type SimulatedKernel } from '../../infra/local/hostSimulator/kernel.ts'
import { outcomeOf } from '../../infra/local/hostSimulator/sshSimulator.ts'
import type { Driver } from '../../shared/hypervisors/driver.ts'
import { type AgentRules, agentDriver } from '../../shared/hypervisors/kvm/agent/driver.ts'
import { silent } from '../../shared/runtime/logger.ts'

const bornWith: readonly NewLink[] = [
  { name: 'lo', up: true },
  { name: 'cloudbr1', kind: 'bridge', up: true },
  { name: 'eth1', master: 'cloudbr1', up: true },
]
const boots = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'] as const

export interface SimulatedAgent {
  readonly parts: AgentParts
  readonly folder: string
  readonly clock: { now: number }
  /** The driver, speaking to it without a network between. */
  driver(rules?: Partial<AgentRules>): Driver
  names(): readonly string[]
  state(): string
  kernel(): SimulatedKernel
  /** Links, boot id and boot clock are those of a new boot; what was kept is there. */
  reboot(links?: readonly NewLink[]): void
  stop(): Promise<void>
}

/** @param time its own, which the test moves, unless given */
export async function startSimulatedAgent(hostname = 'kvm1', time?: () => number): Promise<SimulatedAgent> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-'))
  const clock = { now: 1_800_000_000_000 }
  const now = time ?? ((): number => clock.now)
  let kernel: SimulatedKernel = createSimulatedKernel(bornWith)
  let boot = 0
  let bootedAt = now() - 60_000
  let turn: Promise<unknown> = Promise.resolve()
  const parts: AgentParts = {
    commands: {
      exec: async (command, input = '') => {
        const uptime = (): number => Math.floor((now() - bootedAt) / 10)
        const seen = {
          hostname,
          bootId: boots[boot % 2] ?? '',
          kernel,
          agentProperties: null,
          uptime,
          domainBridges: [],
        }
        const { stdout = '', stderr, code } = outcomeOf(command, input, seen)
        return { stdout, stderr, code }
      },
    },
    keep: keepIn(folder, silent),
    version: '0.1.0',
    logger: silent,
    now,
    inTurn: (work) => {
      const next = turn.then(work)
      turn = next.catch(() => {})
      return next
    },
  }
  return {
    parts,
    folder,
    clock,
    driver: (rules = {}) =>
      agentDriver(
        async (_target, signal) => ({
          ask: async (body) => {
            signal.throwIfAborted()
            return JSON.stringify(await answer(parts, body))
          },
          close: async () => {},
        }),
        { mode: 'apply', now, ...rules },
      ),
    names: () => kernel.links().map(({ name }) => name),
    state: () => JSON.stringify([kernel.links(), kernel.routes()]),
    kernel: () => kernel,
    reboot: (links = bornWith) => {
      kernel = createSimulatedKernel(links)
      boot += 1
      bootedAt = now()
    },
    stop: () => rm(folder, { recursive: true, force: true }),
  }
}
