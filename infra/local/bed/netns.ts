/**
 * Hosts that are namespaces of this machine's kernel, where that kernel has 8021q: network, UTS, mount and process
 * namespaces and an sshd each. In: a plan. Out: a Bed of kind netns. What is not real: the kernel is shared, so a reboot
 * is the namespaces torn down and made again, and the boot id is a file bound over the kernel's, new for each such boot.
 */
import { chmod, copyFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type MachineMaker, type Place, startBed } from './assemble.ts'
import type { Availability, Bed, BedPlan } from './bed.ts'
import { isInstalled, probe, runCommand } from './command.ts'
import type { Running } from './host.ts'
import { bootLines, portMac, ports, portWire } from './links.ts'
import { startProcess } from './machine.ts'
import { canUnshare } from './namespace.ts'

/** Whether such hosts can be started here: a VLAN device on a veth in a bridge is made, for a moment, in a namespace. */
export function netnsAvailable(): Availability {
  const namespaces = canUnshare()
  if (!namespaces.available) return namespaces
  if (!isInstalled('sshd')) return { available: false, missing: 'sshd (apt-get install openssh-server)' }
  const lines = [
    'link add name a type veth peer name b',
    'link add name br type bridge',
    'link add link a name a.7 master br type vlan id 7',
  ]
  const script = 'for line; do echo "$line"; done | ip -batch -'
  const reason = probe('unshare', ['--net', 'sh', '-c', script, 'sh', ...lines])
  if (reason === undefined) return { available: true }
  return { available: false, missing: `a kernel with veth, bridge and 8021q: modprobe 8021q (${reason})` }
}

/** @throws Error outside a namespace of `runInNamespace`; with the end of a host's log when it does not start. */
export function startNetnsBed(plan: BedPlan): Promise<Bed> {
  return startBed(plan, namespaces)
}

const namespaces: MachineMaker = {
  kind: 'netns',
  seenFromHost: (directory) => directory,
  async prepare(directory) {
    await copyFile(join(import.meta.dirname, 'netns', 'init'), join(directory, 'init'))
    await chmod(join(directory, 'init'), 0o700)
  },
  async make(place) {
    const lines = bootLines(place.plan, place.address)
    await writeFile(join(place.folder, 'links'), lines.map((line) => `${line}\n`).join(''))
    return { start: () => startNamespaces(place) }
  },
}

const unshare = ['--net', '--uts', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']

/** Wires vanish with the namespaces, so each start lays them anew. */
async function startNamespaces(place: Place): Promise<Running> {
  const init = [join(place.directory, 'init'), place.plan.name, place.folder]
  const started = await startProcess('unshare', [...unshare, ...init], join(place.folder, 'log'))
  try {
    await unshared(place, started.pid)
    await runCommand('ip', ['-batch', '-'], wireLines(place, started.pid))
    started.say('wired')
    return started
  } catch (error) {
    await started.kill()
    throw error
  }
}

/** Resolves when the process has left this network namespace. @throws Error when it ended instead. */
async function unshared(place: Place, pid: number): Promise<void> {
  const own = await readlink('/proc/self/ns/net')
  try {
    while ((await readlink(`/proc/${pid}/ns/net`)) === own) await delay(5)
  } catch (error) {
    const log = join(place.folder, 'log')
    throw new Error(`host ${place.plan.name} got no namespaces; ${log} says why`, { cause: error })
  }
}

/** @param pid of `unshare`, which is in the host's network namespace itself. */
function wireLines(place: Place, pid: number): string {
  const { bed, management, trunk } = place.wires
  return ports(place.plan)
    .flatMap((port, number) => {
      const wire = portWire(bed, place.index, number)
      const mac = portMac(bed, place.index, number)
      return [
        `link add name ${wire} type veth peer name ${port} address ${mac} netns ${pid}\n`,
        `link set dev ${wire} master ${number === 0 ? management : trunk}\n`,
        `link set dev ${wire} up\n`,
      ]
    })
    .join('')
}
