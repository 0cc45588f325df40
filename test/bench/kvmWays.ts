/**
 * The ways in which a host gets its networks, each timed alone and then checked by the kernel's own files: the driver's
 * whole run, the quickest way known, a script per network. In: a host, VLAN ids or VNIs. Out: milliseconds.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LastLook } from '../../shared/hypervisors/driver.ts'
import { defaultGroup, pairOf, vxlanGroup, vxlanNames } from '../../shared/hypervisors/kvm/names.ts'
import { desiredOf, type KvmHost, standing, wipe } from './kvmHost.ts'
import { timed } from './measurement.ts'

export type Way = (host: KvmHost, ids: readonly number[]) => Promise<void>

/** A round: begins and ends with a clean host. @throws Error when a device is missing or wrong, or too many. */
export async function round(host: KvmHost, ids: readonly number[], way: Way): Promise<number> {
  const took = await timed(() => way(host, ids))
  const { pairs, others } = await standing(host)
  if (pairs !== ids.length || others !== 0)
    throw new Error(`${pairs} of ${ids.length} networks stand on the host, beside ${others} devices that are not right`)
  await wipe(host)
  return took
}

/** What a run does on an open connection: look, apply, and what that saw in the end, as in shared/hypervisors/run.ts. */
export const wholeRun: Way = async ({ kind, session }, ids) => {
  const { changes, findings, devices } = await (await session.look(desiredOf(kind, ids))).apply()
  if (changes.length + findings.length > 0 || devices !== 2 * ids.length)
    throw new Error('the run left something to do')
}

/** One look that asks whether the host is still as it was seen. @throws Error when the host listed itself instead */
export async function fastCheck({ kind, session }: KvmHost, ids: readonly number[], last: LastLook): Promise<void> {
  const { unchanged, devices } = await session.look(desiredOf(kind, ids), [], last)
  if (unchanged !== true || devices !== 2 * ids.length) throw new Error('the host was not as it was seen')
}

/** One look that lists. @throws Error when the host lacks something */
export async function fullLook({ kind, session }: KvmHost, ids: readonly number[]): Promise<LastLook> {
  const { seen, devices } = await session.look(desiredOf(kind, ids))
  if (seen === undefined || devices !== 2 * ids.length) throw new Error('the host was not in sync')
  return { seen, devices }
}

/**
 * docs/kernel.md, "the baseline": the only way found that sends no IPv6 frame and ends as CloudStack's scripts end, so for
 * VXLAN with its routes (FACTS B4). Written out by hand: a change of the driver's batch does not move it.
 */
export const rawBaseline: Way = async ({ kind, connection }, ids) => {
  const text = (lines: (id: number) => readonly string[]): string => `${ids.flatMap(lines).join('\n')}\n`
  const group = defaultGroup
  const create = {
    vlan: (id: number) => [
      `link add name breth1-${id} group ${group} type bridge`,
      `link add link eth1 name eth1.${id} group ${group} master breth1-${id} type vlan id ${id}`,
    ],
    vxlan: (id: number) => [
      `link add name brvx-${id} group ${group} type bridge`,
      `link add name vxlan${id} group ${group} master brvx-${id} type vxlan id ${id} group ${vxlanGroup(id)} ttl 10 dev cloudbr1 dstport 0`,
    ],
  }[kind]
  const namesOf = (id: number) => (kind === 'vlan' ? pairOf('eth1', id) : vxlanNames(id))
  const phases = [
    ['ip -force -batch -', text(create)],
    [
      'sysctl -e -q -p -',
      text((id) => [namesOf(id).device, namesOf(id).bridge].map((name) => `net/ipv6/conf/${name}/disable_ipv6=1`)),
    ],
    [
      'ip -force -batch -',
      text((id) => [
        `link set dev ${namesOf(id).bridge} up`,
        `link set dev ${namesOf(id).device} up`,
        ...(kind === 'vxlan' ? [`route add ${vxlanGroup(id)} dev cloudbr1`] : []),
      ]),
    ],
  ] as const
  for (const [command, input] of phases) {
    const { code, stderr } = await connection.exec(command, input)
    if (code !== 0) throw new Error(`the baseline's ${command} ended with ${code}: ${stderr.slice(0, 200)}`)
  }
}

/** Which of test/standIns stands in for CloudStack's script. */
const standIn = { vlan: 'modifyVlanStandIn.sh', vxlan: 'modifyVxlanStandIn.sh' } as const

export async function installScript({ kind, host }: KvmHost): Promise<void> {
  const text = await readFile(join(import.meta.dirname, '../standIns', standIn[kind]), 'base64')
  await host.exec(`echo ${text} | base64 -d >/run/modifyStandIn.sh`)
}

/**
 * CloudStack's agent starts the script once a network, one after the other. Here a shell on the host does: no agent, no
 * message in between, so this way is measured as quicker than it is.
 */
export const scriptPerNetwork: Way = async ({ kind, connection }, ids) => {
  const names = kind === 'vlan' ? '-p eth1 -b breth1-$id' : '-p cloudbr1 -b brvx-$id'
  const loop = `while read -r id; do bash /run/modifyStandIn.sh -o add -v $id ${names} </dev/null || exit 1; done`
  const { code, stderr } = await connection.exec(loop, `${ids.join('\n')}\n`)
  if (code !== 0) throw new Error(`the script per network ended with ${code}: ${stderr.slice(0, 200)}`)
}
