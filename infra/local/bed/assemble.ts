/**
 * What all beds have in common: a private directory with keys and configuration, wires, hosts that boot at the same
 * time, and an end that leaves nothing. In: a plan and how one host is made. Out: a Bed.
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bed, type BedHost, type BedPlan, checkPlan, type HostPlan } from './bed.ts'
import { createHost, type Machine, type Powered } from './host.ts'
import { makeKeys, sshdConfiguration } from './keys.ts'
import { hostAddress, ports, portWire } from './links.ts'
import { insideNamespace } from './namespace.ts'
import { layWires, removeWires, type Wires } from './wires.ts'

/** One host's place in a bed. */
export interface Place {
  readonly plan: HostPlan
  readonly index: number
  readonly address: string
  /** The bed's directory. */
  readonly directory: string
  /** The host's own folder within it, with its `sshd_config` and `log`. */
  readonly folder: string
  readonly wires: Wires
}

export interface MachineMaker {
  readonly kind: Bed['kind']
  /** The bed's directory as the sshd of a host sees it. */
  seenFromHost(directory: string): string
  /** Prepares what the hosts share, once. */
  prepare(directory: string): Promise<void>
  /** Prepares one host. It is started later, and again at each reboot. */
  make(place: Place): Promise<Pick<Machine, 'start'>>
}

/** @throws Error outside a namespace of `runInNamespace`; with the log's end when a host does not boot. */
export async function startBed(plan: BedPlan, maker: MachineMaker): Promise<Bed> {
  checkPlan(plan)
  if (!insideNamespace()) throw new Error('a bed is started inside runInNamespace (infra/local/bed/namespace.ts) only')
  const directory = plan.directory ?? (await mkdtemp(join(tmpdir(), 'bed-')))
  if (/^\/(dev|proc|run|sys)(\/|$)/.test(directory))
    throw new Error(`bed directory "${directory}": a host has file systems of its own there; choose another`)
  await mkdir(directory, { recursive: true })
  await chmod(directory, 0o700)
  const wires = await layWires()
  const machines: Powered[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(machines.map((machine) => machine.end()))
    await removeWires(wires, devices(plan, wires))
    if (plan.directory === undefined) await rm(directory, { recursive: true, force: true })
  }
  try {
    await maker.prepare(directory)
    machines.push(...(await makeHosts(plan, maker, directory, wires)))
    await Promise.all(machines.map((machine) => machine.host.powerOn()))
  } catch (error) {
    await stop()
    throw error
  }
  const hosts = machines.map((machine) => machine.host)
  const host = (name: string): BedHost => {
    const found = hosts.find((candidate) => candidate.name === name)
    if (!found) throw new Error(`the bed has no host "${name}"; it has ${hosts.map((one) => one.name).join(', ')}`)
    return found
  }
  return { kind: maker.kind, directory, hosts, host, stop }
}

async function makeHosts(plan: BedPlan, maker: MachineMaker, directory: string, wires: Wires): Promise<Powered[]> {
  const addresses = new Map(plan.hosts.map(({ name }, index) => [name, hostAddress(wires.bed, index)]))
  const keys = await makeKeys(directory, addresses)
  return Promise.all(
    plan.hosts.map(async (host, index) => {
      const folder = join(directory, 'hosts', host.name)
      const address = hostAddress(wires.bed, index)
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, 'sshd_config'), sshdConfiguration(maker.seenFromHost(directory), host.name))
      const machine = await maker.make({ plan: host, index, address, directory, folder, wires })
      const hostKey = keys.hostKeys.get(host.name) ?? ''
      return createHost({
        access: { name: host.name, address, port: 22, user: 'root', privateKeyFile: keys.privateKeyFile, hostKey },
        knownHostsFile: keys.knownHostsFile,
        logFile: join(folder, 'log'),
        wires: new Map(ports(host).map((port, number) => [port, portWire(wires.bed, index, number)])),
        start: machine.start,
      })
    }),
  )
}

/** The bed's ends of all its hosts' ports. */
function devices(plan: BedPlan, wires: Wires): readonly string[] {
  return plan.hosts.flatMap((host, index) => ports(host).map((_, port) => portWire(wires.bed, index, port)))
}
