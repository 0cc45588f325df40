/**
 * Simulated KVM hosts: each a simulated kernel behind a real SSH server on a loopback address of its own, so that the real
 * driver runs against it unchanged. In: names. Out: handles to look at the hosts, to damage them, and to log in to them.
 */
import { randomUUID } from 'node:crypto'
import type { VxlanScript } from '../../../shared/hypervisors/kvm/facts.ts'
import type { RemovalStep } from '../../../shared/hypervisors/kvm/removalCommand.ts'
import { type Outcome, simulateIpBatch } from './batchSimulator.ts'
import { createSimulatedKernel, type NewLink, type Refusal, type SimulatedLink, type SimulatedRoute } from './kernel.ts'
import { newKeyPair } from './keyPair.ts'
import type { ObservedHost } from './observationSimulator.ts'
import { listen, type SimulatedSsh } from './sshSimulator.ts'

export interface SimulatedHost {
  readonly name: string
  readonly address: string
  readonly port: number
  bootId(): string
  links(): readonly SimulatedLink[]
  routes(): readonly SimulatedRoute[]
  /** As an operator at the console would; null is success. */
  addLink(link: NewLink): Refusal
  deleteLink(name: string): Refusal
  /** Lines for `ip -batch`. */
  run(lines: string): Outcome
  /** The bridges that its libvirt domains name from now on; null: they cannot be read. */
  setDomainBridges(bridges: readonly string[] | null): void
  /** Its modifyvxlan.sh from now on. */
  setVxlanScript(script: VxlanScript): void
  /** Called at each step of a removal from now on; it may change the host there, or end the command by `Killed`. */
  onRemovalStep(act: (step: RemovalStep) => void): void
  /** The links that the machine is born with are back; everything else, the boot id and all connections are lost. */
  reboot(): Promise<void>
  /** Stops answering, as a machine without power. Its links are lost. */
  takeDown(): Promise<void>
  bringUp(): Promise<void>
}

export interface SimulatedHosts {
  readonly hosts: readonly SimulatedHost[]
  /** One more host, which joins late. */
  add(name: string): Promise<SimulatedHost>
  readonly user: string
  /** The one key that every host lets in, PEM form. */
  readonly privateKey: string
  /** The hosts' keys, as an OpenSSH known_hosts file of this moment. */
  knownHosts(): string
  readonly port: number
  close(): Promise<void>
}

export interface HostSimulatorOptions {
  readonly names: readonly string[]
  /** The same for all, as in a real cloud; any free one unless given. */
  readonly port?: number
  /** What a machine is born with; management on cloudbr0 over eth0 and guests on cloudbr1 over eth1 unless given. */
  readonly links?: readonly NewLink[]
}

const bornWith: readonly NewLink[] = [
  { name: 'lo', up: true },
  { name: 'cloudbr0', kind: 'bridge', up: true },
  { name: 'eth0', master: 'cloudbr0', up: true },
  { name: 'cloudbr1', kind: 'bridge', up: true },
  { name: 'eth1', master: 'cloudbr1', up: true },
]

const agentProperties = [
  'guest.network.device=cloudbr1',
  'private.network.device=cloudbr0',
  'public.network.device=cloudbr1',
]

type State = { -readonly [key in keyof ObservedHost]: ObservedHost[key] }

/** @throws Error when no loopback address is free at the port */
export async function startHostSimulator(options: HostSimulatorOptions): Promise<SimulatedHosts> {
  const client = newKeyPair()
  const user = 'root'
  const started: { readonly host: SimulatedHost; readonly ssh: SimulatedSsh }[] = []
  let port = options.port ?? 0

  const add = async (name: string): Promise<SimulatedHost> => {
    const links = options.links ?? bornWith
    let bootedAt = performance.now()
    const state: State = {
      hostname: name,
      bootId: randomUUID(),
      kernel: createSimulatedKernel(links),
      agentProperties,
      uptime: () => Math.floor((performance.now() - bootedAt) / 10),
    }
    const ssh = await listen({ user, publicKey: client.publicKey, port, first: started.length, observed: () => state })
    port = ssh.port
    const reset = (): void => {
      bootedAt = performance.now()
      state.bootId = randomUUID()
      state.kernel = createSimulatedKernel(links)
    }
    const host: SimulatedHost = {
      name,
      address: ssh.address,
      port,
      bootId: () => state.bootId,
      links: () => state.kernel.links(),
      addLink: (link) => state.kernel.add(link),
      deleteLink: (link) => state.kernel.delete(link),
      run: (lines) => simulateIpBatch(state.kernel, lines),
      setDomainBridges: (bridges) => {
        state.domainBridges = bridges
      },
      setVxlanScript: (script) => {
        state.vxlanScript = script
      },
      routes: () => state.kernel.routes(),
      onRemovalStep: (act) => {
        state.atRemovalStep = act
      },
      reboot: async () => {
        await ssh.stop()
        reset()
        await ssh.start()
      },
      takeDown: async () => {
        await ssh.stop()
        reset()
      },
      bringUp: () => ssh.start(),
    }
    started.push({ host, ssh })
    return host
  }

  for (const name of options.names) await add(name)
  return {
    get hosts() {
      return started.map(({ host }) => host)
    },
    add,
    user,
    privateKey: client.privateKey,
    knownHosts: () => started.map(({ host, ssh }) => `[${host.address}]:${host.port} ${ssh.hostKey}\n`).join(''),
    get port() {
      return port
    },
    close: async () => {
      await Promise.all(started.map(({ ssh }) => ssh.stop()))
    },
  }
}
