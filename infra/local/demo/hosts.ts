/**
 * The demo's hosts, on the best bed that this machine has. In: names. Out: hosts to log in to, to reboot, to damage, and
 * to look at without Bridgekeeper's own eyes.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bed, BedHost } from '../bed/bed.ts'
import { startNetnsBed } from '../bed/netns.ts'
import { startUmlBed } from '../bed/uml.ts'
import { type SimulatedHost, type SimulatedHosts, startHostSimulator } from '../hostSimulator/hostSimulator.ts'
import { type Pair, present, witnessScript } from './witness.ts'

/** What the hosts truly are. */
export type Kernel = 'uml' | 'netns' | 'simulated'

export interface DemoHost {
  readonly name: string
  readonly address: string
  /** Resolves when it answers again, without anything that was made after its boot. */
  reboot(): Promise<void>
  deleteByHand(device: string): Promise<void>
  /** Which of these pairs are there and right, read from the host itself. */
  witness(pairs: readonly Pair[]): Promise<readonly Pair[]>
  /** What the kernel says of one pair, for people. */
  show(pair: Pair): Promise<string>
}

export interface DemoHosts {
  readonly kernel: Kernel
  readonly hosts: readonly DemoHost[]
  /** BRIDGEKEEPER_SSH_… for these hosts. */
  readonly settings: Readonly<Record<string, string>>
  stop(): Promise<void>
}

export async function startHosts(kernel: Kernel, names: readonly string[]): Promise<DemoHosts> {
  if (kernel === 'simulated') return simulated(await startHostSimulator({ names }))
  const start = kernel === 'uml' ? startUmlBed : startNetnsBed
  return bedded(kernel, await start({ hosts: names.map((name) => ({ name })) }))
}

function bedded(kernel: Kernel, bed: Bed): DemoHosts {
  const [first] = bed.hosts
  if (first === undefined) throw new Error('the demo needs hosts')
  const { user, port, privateKeyFile, knownHostsFile } = first
  return {
    kernel,
    hosts: bed.hosts.map(beddedHost),
    settings: sshSettings(user, port, privateKeyFile, knownHostsFile),
    stop: () => bed.stop(),
  }
}

const beddedHost = (host: BedHost): DemoHost => ({
  name: host.name,
  address: host.address,
  reboot: () => host.reboot(),
  deleteByHand: async (device) => void (await host.exec(`ip link del ${device}`)),
  witness: async (pairs) => present(pairs, await host.exec(witnessScript(pairs))),
  show: (pair) => host.exec(showScript(pair)),
})

const showScript = ({ bridge, device }: Pair): string =>
  [
    `ip -d link show ${bridge}`,
    `ip -d link show ${device}`,
    `grep -H . /proc/sys/net/ipv6/conf/${bridge}/disable_ipv6 /proc/sys/net/ipv6/conf/${device}/disable_ipv6`,
  ].join('; ')

function simulated(simulator: SimulatedHosts): DemoHosts {
  const directory = mkdtempSync(join(tmpdir(), 'bridgekeeper-demo-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 })
    return join(directory, name)
  }
  return {
    kernel: 'simulated',
    hosts: simulator.hosts.map(simulatedHost),
    settings: sshSettings(
      simulator.user,
      simulator.port,
      file('key', simulator.privateKey),
      file('known_hosts', simulator.knownHosts()),
    ),
    stop: () => simulator.close(),
  }
}

const simulatedHost = (host: SimulatedHost): DemoHost => ({
  name: host.name,
  address: host.address,
  reboot: () => host.reboot(),
  deleteByHand: async (device) => {
    const refusal = host.deleteLink(device)
    if (refusal !== null) throw new Error(`${host.name}: ${refusal}`)
  },
  witness: async (pairs) =>
    pairs.filter(({ bridge, device, id }) => {
      const [above, below] = [bridge, device].map((name) => host.links().find((link) => link.name === name))
      const both = above?.up && below?.up && above.disableIpv6 && below.disableIpv6
      return both && below.vlanId === id && below.master === bridge
    }),
  show: async ({ bridge, device }) => {
    const links = host.links().filter((link) => link.name === bridge || link.name === device)
    return links.map((link) => JSON.stringify(link)).join('\n')
  },
})

const sshSettings = (user: string, port: number, keyFile: string, knownHosts: string) => ({
  BRIDGEKEEPER_SSH_USER: user,
  BRIDGEKEEPER_SSH_PORT: String(port),
  BRIDGEKEEPER_SSH_KEY_FILE: keyFile,
  BRIDGEKEEPER_SSH_KNOWN_HOSTS: knownHosts,
})
