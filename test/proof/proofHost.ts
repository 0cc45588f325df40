/**
 * A host that a proof works on: a throw-away machine of a bed, Bridgekeeper's own driver for it, and the stand-ins for
 * CloudStack's scripts. In: which hosts, of which kind. Out: what the work on them returns; the bed is gone afterwards.
 * Runs inside a private namespace only.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bed, BedHost, HostPlan } from '../../infra/local/bed/bed.ts'
import { startNetnsBed } from '../../infra/local/bed/netns.ts'
import { startUmlBed } from '../../infra/local/bed/uml.ts'
import type { Driver, Session } from '../../shared/hypervisors/driver.ts'
import { createKvmSshDriver } from '../../shared/hypervisors/kvm/driver.ts'
import { knownHostsFile } from '../../shared/hypervisors/kvm/knownHosts.ts'
import { type Run, run } from '../../shared/hypervisors/run.ts'
import type { DesiredNetwork } from '../../shared/reconcile/model.ts'
import { targetOf } from '../hypervisors/kvm/factory.ts'
import { standIns } from './scriptLine.ts'

export interface ProofHost {
  readonly host: BedHost
  /** One run as a job makes it: a connection, look, apply, look. @throws HostError */
  run(desired: readonly DesiredNetwork[]): Promise<Run>
  /** A connection that is kept; closed with the bed. */
  readonly session: Session
}

export interface ProofBed {
  readonly hosts: readonly ProofHost[]
  /** The first of them. */
  readonly first: ProofHost
  stop(): Promise<void>
}

/** Every guest has what the stand-ins, the machines standing in for VMs and the driver's removal need. */
const prepared =
  'mkdir -p /etc/libvirt/qemu /run/libvirt/qemu /var/run/cloud; sysctl -q -w net.ipv4.igmp_max_memberships=1000 net.core.optmem_max=100000'
/** A host of namespaces has the machine's own files: what is written there must not stay. */
const privateFolders = ['/etc', '/var']
  .map((folder) => {
    const upper = `/run/upper${folder}`
    return `mkdir -p ${upper} /run/work${folder} && mount -t overlay overlay -o lowerdir=${folder},upperdir=${upper},workdir=/run/work${folder} ${folder}`
  })
  .join(' && ')
const modules = 'modprobe -d /run/bed/modules -a veth tun macvlan'

/** @param kind `uml` for VLAN; `netns` is this machine's own kernel, for VXLAN alone, and many times as quick */
export async function withHosts<T>(
  kind: Bed['kind'],
  plans: readonly HostPlan[],
  work: (bed: ProofBed) => Promise<T>,
): Promise<T> {
  const proofBed = await startHosts(kind, plans)
  try {
    return await work(proofBed)
  } finally {
    await proofBed.stop()
  }
}

/** The same for who stops it himself. */
export async function startHosts(kind: Bed['kind'], plans: readonly HostPlan[]): Promise<ProofBed> {
  const bed = await (kind === 'uml' ? startUmlBed : startNetnsBed)({ hosts: plans })
  const sessions: Session[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(sessions.map((session) => session.close()))
    await bed.stop()
  }
  try {
    const hosts = await Promise.all(bed.hosts.map((host) => openHost(bed.kind, host, sessions)))
    const [first] = hosts
    if (first === undefined) throw new Error('a proof needs a host')
    return { hosts, first, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function openHost(kind: Bed['kind'], host: BedHost, sessions: Session[]): Promise<ProofHost> {
  await host.exec(`${kind === 'uml' ? modules : privateFolders} && { ${prepared}; }`)
  await installStandIns(host)
  const driver = await driverOf(host)
  const session = await driver.open(targetOf(host), new AbortController().signal)
  sessions.push(session)
  return {
    host,
    session,
    run: (networks) => run(driver, targetOf(host), { networks, labels: [] }, 'apply', AbortSignal.timeout(120_000)),
  }
}

async function driverOf({ user, port, privateKeyFile, knownHostsFile: file }: BedHost): Promise<Driver> {
  const privateKey = await readFile(privateKeyFile, 'utf8')
  return createKvmSshDriver({ user, port, privateKey, hostKeys: knownHostsFile(file) })
}

/** Where the stand-in for CloudStack's agent is, which starts and stops VMs. */
export const vms = '/run/vmsStandIn.sh'

/** Sends echoes, and counts the answers. */
export const pingProgram = '/run/ping.pl'

/** By one command: each costs a guest its tenths of a second. */
async function installStandIns(host: BedHost): Promise<void> {
  const files = [
    ['../standIns/modifyVlanStandIn.sh', standIns.vlan],
    ['../standIns/modifyVxlanStandIn.sh', standIns.vxlan],
    ['vmsStandIn.sh', vms],
    ['ping.pl', pingProgram],
  ] as const
  const lines = files.map(async ([file, path]) => {
    const text = await readFile(join(import.meta.dirname, file), 'base64')
    return `echo ${text} | base64 -d >${path}`
  })
  await host.exec((await Promise.all(lines)).join(' && '))
}

/** Lines for `ip -batch` of which some may fail: what they would make is there, or what they would delete is gone. */
export async function force(host: BedHost, lines: readonly string[]): Promise<void> {
  await host.exec(`{ ip -force -batch - <<'END'\n${lines.join('\n')}\nEND\n} 2>/dev/null || true`)
}
