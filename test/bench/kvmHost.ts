/**
 * One throw-away KVM host to measure on: for VLAN a user-mode-linux guest, for VXLAN a network namespace of this machine's
 * own kernel, or a guest where that kernel cannot. In: which kind of network. Out: the host, with the driver's session and a
 * raw connection of its own, both open. Runs inside a private namespace only.
 */
import { readFile } from 'node:fs/promises'
import type { Availability, Bed, BedHost, BedPlan } from '../../infra/local/bed/bed.ts'
import { isInstalled, probe } from '../../infra/local/bed/command.ts'
import { startNetnsBed } from '../../infra/local/bed/netns.ts'
import { startUmlBed } from '../../infra/local/bed/uml.ts'
import type { Driver, Session } from '../../shared/hypervisors/driver.ts'
import { createKvmSshDriver } from '../../shared/hypervisors/kvm/driver.ts'
import { knownHostsFile } from '../../shared/hypervisors/kvm/knownHosts.ts'
import { defaultGroup } from '../../shared/hypervisors/kvm/names.ts'
import { connect, type SshConnection, type SshOptions } from '../../shared/hypervisors/kvm/ssh.ts'
import type { DesiredNetwork } from '../../shared/reconcile/model.ts'
import { network, targetOf } from '../hypervisors/kvm/factory.ts'

export const kinds = ['vlan', 'vxlan'] as const
export type Kind = (typeof kinds)[number]

export interface KvmHost {
  readonly kind: Kind
  readonly bed: Bed['kind']
  readonly host: BedHost
  readonly driver: Driver
  readonly session: Session
  /** For the ways that Bridgekeeper is measured against. */
  readonly connection: SshConnection
}

/** The ids of so many networks: VLAN ids or VNIs. */
export const idsOf = (kind: Kind, count: number): readonly number[] =>
  Array.from({ length: count }, (_, at) => (kind === 'vlan' ? 1001 : 70_000) + at)

export const desiredOf = (kind: Kind, ids: readonly number[]): readonly DesiredNetwork[] =>
  ids.map((id) => network(`${kind}://${id}`))

/** Whether this machine's kernel itself makes VXLAN devices in bridges, so that no guest is needed: tried for real. */
export function nativeVxlanAvailable(): Availability {
  if (!isInstalled('sshd')) return { available: false, missing: 'sshd (apt-get install openssh-server)' }
  const lines = [
    'link add name a type veth peer name b',
    'link add name br type bridge',
    'link add name v master br type vxlan id 7 group 239.0.0.7 dev a dstport 0',
  ]
  const reason = probe('unshare', [
    '--net',
    'sh',
    '-c',
    'for line; do echo "$line"; done | ip -batch -',
    'sh',
    ...lines,
  ])
  if (reason === undefined) return { available: true }
  return { available: false, missing: `a kernel with veth, bridge and vxlan (${reason})` }
}

export async function withKvmHost<T>(kind: Kind, work: (host: KvmHost) => Promise<T>): Promise<T> {
  const bed = await startBedFor(kind)
  try {
    const host = bed.host('kvm-1')
    const options = await optionsOf(host)
    const { signal } = new AbortController()
    const driver = createKvmSshDriver(options)
    const session = await driver.open(targetOf(host), signal)
    const connection = await connect(targetOf(host), options, signal)
    try {
      return await work({ kind, bed: bed.kind, host, driver, session, connection })
    } finally {
      await session.close()
      await connection.close()
    }
  } finally {
    await bed.stop()
  }
}

function startBedFor(kind: Kind): Promise<Bed> {
  const plan: BedPlan = { hosts: [{ name: 'kvm-1', memory: 512 }] }
  return kind === 'vxlan' && nativeVxlanAvailable().available ? startNetnsBed(plan) : startUmlBed(plan)
}

/** The script of a hundred networks takes its minutes on a guest. */
async function optionsOf({ user, port, privateKeyFile, knownHostsFile: file }: BedHost): Promise<SshOptions> {
  const privateKey = await readFile(privateKeyFile, 'utf8')
  return { user, port, privateKey, hostKeys: knownHostsFile(file), commandTimeout: 600_000 }
}

/**
 * A throw-away bed: there, and only there, all devices of a group may be deleted at once. What a script made has no mark
 * yet, and gets it here.
 */
export async function wipe({ host }: KvmHost): Promise<void> {
  const ours = "ls /sys/class/net | grep -E '^(eth1[.]|breth1-|vxlan|brvx-)[0-9]+$'"
  const mark = `sed 's/.*/link set dev & group ${defaultGroup}/' | ip -batch -`
  await host.exec(
    `if ${ours} >/dev/null; then ${ours} | ${mark}; ip link del group ${defaultGroup}; fi; ip -4 route flush root 239.0.0.0/8`,
  )
}

/** What stands on the host by the kernel's own files, not by what the driver says: pairs of a device in a bridge. */
export interface Standing {
  /** VLAN or VXLAN devices that are up, without IPv6, and in a bridge of their own that is up, without IPv6. */
  readonly pairs: number
  /** Of all devices with such a name, and all bridges, those that are not part of such a pair. */
  readonly others: number
}

/** Reads names, `flags`, `master` and `disable_ipv6`; one shell without a process a device, since a guest's are slow. The kernel ends a
 * switch's file before its line ends, which `read` counts as a failure. */
const standingScript = `
pairs=0 others=0
right() {
  read -r flags <$1/flags && [ $((flags & 1)) = 1 ] &&
    { read -r off </proc/sys/net/ipv6/conf/\${1##*/}/disable_ipv6; [ "$off" = 1 ]; }
}
cd /sys/class/net
for device in eth1.* vxlan[0-9]*; do
  [ -e "$device" ] || continue
  case $device in eth1.*) bridge=breth1-\${device#eth1.} ;; *) bridge=brvx-\${device#vxlan} ;; esac
  if [ "$device/master" -ef "$bridge" ] && right "/sys/class/net/$device" && right "/sys/class/net/$bridge"
  then pairs=$((pairs + 1)); else others=$((others + 1)); fi
done
for bridge in breth1-* brvx-*; do
  [ ! -e "$bridge" ] || set -- "$@" "$bridge"
done
echo "$pairs $((others + $# - pairs))"`

export async function standing({ host }: KvmHost): Promise<Standing> {
  const [pairs = Number.NaN, others = Number.NaN] = (await host.exec(`sh -c '${standingScript}'`))
    .trim()
    .split(' ')
    .map(Number)
  return { pairs, others }
}
