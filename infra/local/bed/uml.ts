/**
 * Hosts that are machines of their own: user-mode-linux guests with a real kernel (8021q, bridge, bonding, vxlan), which
 * see the machine's files through an overlay that is lost at power off. In: a plan. Out: a Bed of kind uml.
 */
import { accessSync, constants, readdirSync } from 'node:fs'
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type MachineMaker, type Place, startBed } from './assemble.ts'
import type { Availability, Bed, BedPlan } from './bed.ts'
import { isInstalled, runCommand } from './command.ts'
import { bootLines, portMac, ports, portWire } from './links.ts'
import { startProcess } from './machine.ts'
import { canUnshare } from './namespace.ts'

const moduleFolder = '/usr/lib/uml/modules'
const packages = 'apt-get install user-mode-linux kmod openssh-server iproute2'
/** What a guest needs of the machine; each is part of a package above, or of Debian's essential ones. */
const programs = ['linux.uml', 'modprobe', 'sshd', 'ssh-keygen', 'ip', 'setpriv', 'unshare']

/** Whether guests can be started here; says all that is to be installed, or the first thing that is not allowed. */
export function umlAvailable(): Availability {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return {
      available: false,
      missing: `user-mode-linux is for Linux on x64 (this is ${process.platform} ${process.arch})`,
    }
  const absent = programs.filter((program) => !isInstalled(program))
  if (absent.length > 0) return { available: false, missing: `${absent.join(', ')} (${packages})` }
  if (moduleVersions().length === 0) return { available: false, missing: `modules in ${moduleFolder} (${packages})` }
  if (process.getuid?.() !== 0) return { available: false, missing: 'root, for taps and namespaces: run it as root' }
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { available: false, missing: `/dev/net/tun: modprobe tun, or give the container that device (${reason})` }
  }
  return canUnshare()
}

function moduleVersions(): readonly string[] {
  try {
    return readdirSync(moduleFolder)
  } catch {
    return []
  }
}

/** @throws Error outside a namespace of `runInNamespace`; with the end of a guest's log when it does not boot. */
export function startUmlBed(plan: BedPlan): Promise<Bed> {
  return startBed(plan, guests)
}

const guests: MachineMaker = {
  kind: 'uml',
  seenFromHost: () => '/run/bed',
  async prepare(directory) {
    if (!/^[\w./-]+$/.test(directory))
      throw new Error(
        `bed directory "${directory}": it is named on a kernel command line, so letters, digits, ._-/ only`,
      )
    for (const file of ['init', 'fstab']) await copyFile(join(import.meta.dirname, 'uml', file), join(directory, file))
    await mkdir(join(directory, 'modules/lib'), { recursive: true })
    await symlink(moduleFolder, join(directory, 'modules/lib/modules'))
  },
  async make(place) {
    const modules = ['overlay', '8021q', 'bridge', 'vxlan']
    if (place.plan.uplinks?.some((uplink) => uplink.bond)) modules.push('bonding')
    await writeFile(join(place.folder, 'modules'), `${modules.join(' ')}\n`)
    const renames = ports(place.plan).map((port, number) => `link set dev vec${number} name ${port}`)
    const lines = [...renames, ...bootLines(place.plan, place.address)]
    await writeFile(join(place.folder, 'links'), lines.map((line) => `${line}\n`).join(''))
    await layTaps(place)
    return { start: () => startProcess('linux.uml', guestArguments(place), join(place.folder, 'log')) }
  },
}

/** A tap outlives the guest, so that a reboot finds it. */
async function layTaps(place: Place): Promise<void> {
  for (const [number] of ports(place.plan).entries()) {
    const tap = portWire(place.wires.bed, place.index, number)
    await runCommand('ip', ['tuntap', 'add', tap, 'mode', 'tap'])
    await runCommand('ip', ['link', 'set', tap, 'master', number === 0 ? place.wires.management : place.wires.trunk])
    await runCommand('ip', ['link', 'set', tap, 'up'])
  }
}

/**
 * The kernel hands what it does not know, `bed` and `guest`, to init as environment. The two initcalls measure, for a
 * second of processor time a boot, how fast RAID parity would be; nothing here has a RAID.
 */
function guestArguments(place: Place): readonly string[] {
  const { bed } = place.wires
  return [
    `mem=${place.plan.memory ?? 256}M`,
    `uml_dir=${place.folder}`,
    `umid=${place.plan.name}`,
    'rootfstype=hostfs',
    'rootflags=/',
    'ro',
    'quiet',
    'con=null',
    'con0=null,fd:1',
    'initcall_blacklist=raid6_select_algo,calibrate_xor_blocks',
    `init=${place.directory}/init`,
    `bed=${place.directory}`,
    `guest=${place.plan.name}`,
    ...ports(place.plan).map((_, number) => {
      const device = `ifname=${portWire(bed, place.index, number)},mac=${portMac(bed, place.index, number)}`
      return `vec${number}:transport=tap,depth=64,${device}`
    }),
  ]
}
