/**
 * One host that lacks many VLAN networks: a whole run of the driver (look, apply, look) over an open SSH connection, against
 * the quickest known way that sends no IPv6 frame, raw: three commands over one connection of its own. In: how many
 * networks, how many pairs of rounds. Out: medians. The host is a throw-away guest, wiped by link group between rounds.
 */
import { readFile } from 'node:fs/promises'
import type { BedHost } from '../../infra/local/bed/bed.ts'
import { startUmlBed } from '../../infra/local/bed/uml.ts'
import type { Session } from '../../shared/hypervisors/driver.ts'
import { createKvmSshDriver } from '../../shared/hypervisors/kvm/driver.ts'
import { knownHostsFile } from '../../shared/hypervisors/kvm/knownHosts.ts'
import { defaultGroup } from '../../shared/hypervisors/kvm/names.ts'
import { connect, type SshConnection, type SshOptions } from '../../shared/hypervisors/kvm/ssh.ts'
import type { DesiredNetwork } from '../../shared/reconcile/model.ts'
import { network, targetOf } from '../hypervisors/kvm/factory.ts'

export interface Measurement {
  readonly name: string
  /** Medians, in `unit`. */
  readonly value: number
  readonly unit: string
  readonly baseline: number
  /** The median of value / baseline over the pairs, each pair measured back to back. */
  readonly ratio: number
}

export interface Size {
  readonly networks: number
  readonly pairs: number
}

/** @throws Error when either way leaves a device missing: what was not done is not measured. */
export async function measureKvmVlan(size: Size, progress: (line: string) => void): Promise<Measurement> {
  progress(`booting one guest, ${size.networks} VLAN networks, ${size.pairs} pairs of rounds`)
  const bed = await startUmlBed({ hosts: [{ name: 'kvm-1' }] })
  try {
    const host = bed.host('kvm-1')
    const options = await optionsOf(host)
    const { signal } = new AbortController()
    const session = await createKvmSshDriver(options).open(targetOf(host), signal)
    const connection = await connect(targetOf(host), options, signal)
    try {
      return await measure(size, host, session, connection, progress)
    } finally {
      await session.close()
      await connection.close()
    }
  } finally {
    await bed.stop()
  }
}

async function measure(
  { networks, pairs }: Size,
  host: BedHost,
  session: Session,
  connection: SshConnection,
  progress: (line: string) => void,
): Promise<Measurement> {
  const ids = Array.from({ length: networks }, (_, index) => 1001 + index)
  const desired = ids.map((id) => network(`vlan://${id}`))
  const ways = {
    ours: () => timed(() => wholeRun(session, desired)),
    baseline: () => timed(() => rawBaseline(connection, ids)),
  }
  const rounds: { readonly ours: number; readonly baseline: number }[] = []
  // The first pair warms up: sshd's and ip's pages are read then, once.
  for (let pair = 0; pair <= pairs; pair++) {
    const took = { ours: 0, baseline: 0 }
    for (const way of pair % 2 === 0 ? (['ours', 'baseline'] as const) : (['baseline', 'ours'] as const)) {
      took[way] = await ways[way]()
      await requireDevices(host, 2 * networks)
      await host.exec(`ip link del group ${defaultGroup}`)
    }
    progress(
      `${pair === 0 ? 'warm-up' : `pair ${pair}`}: ${took.ours.toFixed(0)} ms against ${took.baseline.toFixed(0)} ms`,
    )
    if (pair > 0) rounds.push(took)
  }
  return {
    name: `kvm-ssh-vlan-${networks}`,
    value: rounded(median(rounds.map((round) => round.ours))),
    unit: 'ms',
    baseline: rounded(median(rounds.map((round) => round.baseline))),
    ratio: rounded(median(rounds.map((round) => round.ours / round.baseline))),
  }
}

async function wholeRun(session: Session, desired: readonly DesiredNetwork[]): Promise<void> {
  await (await session.look(desired)).apply()
  const { changes, findings, devices } = await session.look(desired)
  if (changes.length + findings.length > 0 || devices !== 2 * desired.length)
    throw new Error('the run left something to do')
}

/** Written out by hand, so that a change of the driver's batch does not move what it is measured against. */
async function rawBaseline(connection: SshConnection, ids: readonly number[]): Promise<void> {
  const text = (lines: (id: number) => readonly string[]): string => `${ids.flatMap(lines).join('\n')}\n`
  const group = defaultGroup
  const phases = [
    [
      'ip -force -batch -',
      text((id) => [
        `link add name breth1-${id} group ${group} type bridge`,
        `link add link eth1 name eth1.${id} group ${group} master breth1-${id} type vlan id ${id}`,
      ]),
    ],
    [
      'sysctl -e -q -p -',
      text((id) => [`net/ipv6/conf/eth1.${id}/disable_ipv6=1`, `net/ipv6/conf/breth1-${id}/disable_ipv6=1`]),
    ],
    ['ip -force -batch -', text((id) => [`link set dev breth1-${id} up`, `link set dev eth1.${id} up`])],
  ] as const
  for (const [command, input] of phases) {
    const { code, stderr } = await connection.exec(command, input)
    if (code !== 0) throw new Error(`the baseline's ${command} ended with ${code}: ${stderr.slice(0, 200)}`)
  }
}

async function requireDevices(host: BedHost, expected: number): Promise<void> {
  const up = (await host.exec(`ip -o link show group ${defaultGroup} up`)).trim().split('\n').length
  if (up !== expected) throw new Error(`${up} devices are up, ${expected} should be`)
}

async function optionsOf({ user, port, privateKeyFile, knownHostsFile: file }: BedHost): Promise<SshOptions> {
  return { user, port, privateKey: await readFile(privateKeyFile, 'utf8'), hostKeys: knownHostsFile(file) }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  const [low = Number.NaN, high = Number.NaN] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]]
  return (low + high) / 2
}

const rounded = (value: number): number => Math.round(value * 100) / 100
