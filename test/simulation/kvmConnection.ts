/**
 * The way to a simulated host: the same commands as over SSH, each a step that can go wrong. In: a call and the machines.
 * Out: connections for the KVM driver, which observes and plans as it always does.
 */
import { outcomeOf } from '../../infra/local/hostSimulator/sshSimulator.ts'
import { HostError, type Target } from '../../shared/hypervisors/driver.ts'
import { observeCommand } from '../../shared/hypervisors/kvm/commands.ts'
import type { SshConnection } from '../../shared/hypervisors/kvm/ssh.ts'
import type { Call } from './call.ts'
import { bootIdOf, type Machine } from './machine.ts'
import type { Management } from './management.ts'
import type { Scheduler } from './scheduler.ts'
import type { Watch } from './watch.ts'

const agentProperties = ['guest.network.device=cloudbr1', 'private.network.device=cloudbr0']

/** Milliseconds: a login, a login that nobody answers, a command, a command on a host that has just vanished. */
const takes = { login: 150, nobody: 10_000, command: 200, vanished: 30_000 }

export interface Hosts {
  readonly scheduler: Scheduler
  readonly management: Management
  readonly watch: Required<Watch>
}

export function kvmConnections(call: Call, { scheduler, management, watch }: Hosts) {
  return async (target: Target, signal: AbortSignal): Promise<SshConnection> => {
    const machine = [...management.machines.values()].find(({ fact }) => fact.address === target.address)
    const aborted = Promise.withResolvers<never>()
    aborted.promise.catch(() => {})
    signal.addEventListener('abort', () => {
      watch.over(call)
      aborted.reject(new HostError('TimeOut', `The session with ${target.address} was ended by its run.`))
    })
    const reached = (): Machine => {
      if (signal.aborted) throw new HostError('TimeOut', `The session with ${target.address} was ended by its run.`)
      if (machine?.away === 0) return machine
      throw new HostError('HostUnreachable', `${target.address} does not answer.`)
    }
    const timed = <T>(told: string, ordinary: number, lost: number, effect: () => T): Promise<T> => {
      const waited = call.step(told, machine?.away === 0 ? ordinary : lost, effect)
      waited.catch(() => {})
      return Promise.race([waited, aborted.promise])
    }
    await timed('a login', takes.login, takes.nobody, reached)
    return {
      exec: (command, input = '') =>
        timed('a command', takes.command, takes.vanished, () => {
          const host = reached()
          const before = host.kernel.links()
          const { fact, kernel } = host
          const uptime = (): number => Math.floor((scheduler.now() - host.bootedAt) / 10)
          const domainBridges = [...host.domains]
          const seen = { hostname: fact.name, bootId: bootIdOf(host), kernel, agentProperties, uptime, domainBridges }
          const { stdout = '', stderr, code } = outcomeOf(command, input, seen)
          if (command === observeCommand) watch.looked(call, host)
          watch.ran(call, host, before, kernel.links())
          return { stdout, stderr, code }
        }),
      close: async () => {},
    }
  }
}
