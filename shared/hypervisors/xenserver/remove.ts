/**
 * Removes what one network that is gone left on one host (DESIGN 4, conditions a and d). In: the orphan, the pool, its lease, the
 * deadline. Out: whether it is gone, or why it was left.
 *
 * | Step | What                                                        | Why                                                      |
 * |------|-------------------------------------------------------------|----------------------------------------------------------|
 * | 1    | under the pool's lease: read, judge (a), (d), the deadline  | nothing is touched that a VM has an interface on         |
 * | 2    | VLAN.destroy, this host's                                   | XAPI refuses it while a VM runs on it here (VIF_IN_USE)  |
 * | 3    | read and judge (d) again                                    | an interface that came meanwhile gets its VLAN back      |
 * | 4    | if it is ours and no host is on it: rename it               | XAPI destroys a network together with the interfaces of  |
 * |      |                                                             | VMs that do not run: nobody who asks by name is to find it |
 * | 5    | wait a second, read and judge (d) again, or the name back   | who had found it by then has shown itself                |
 * | 6    | network.destroy                                             |                                                          |
 */
import type { Orphan, Removal, SharedLease } from '../driver.ts'
import { isEmpty, isMarked } from './candidates.ts'
import type { PoolFacts, XapiHost, XapiNetwork } from './facts.ts'
import { aMoment, asideName, markKey, uriKey, withoutAside } from './names.ts'
import { type Left, leftOf } from './orphans.ts'
import type { Pool } from './pool.ts'
import { XapiFailure } from './xapi.ts'

export interface Removing {
  readonly pool: Pool
  readonly read: () => Promise<{ readonly facts: PoolFacts; readonly host: XapiHost }>
  readonly lease: SharedLease
  readonly leaseName: string
  readonly mark: number
  readonly now: () => number
  readonly sleep: (milliseconds: number) => Promise<unknown>
  readonly signal: AbortSignal
}

/** @param deadline milliseconds since the epoch @throws HostError when the pool did not answer */
export async function remove({ devices }: Orphan, deadline: number, removing: Removing): Promise<Removal> {
  const [name = ''] = devices
  if (removing.now() >= deadline) return tooLate
  return removing.lease(removing.leaseName, removing.signal, async (until) => {
    const { facts, host } = await removing.read()
    const left = facts.networksNamed(name).flatMap((network) => leftOf(network, facts, host, removing.mark) ?? [])
    if (left.length === 0) return { kept: 'nothing of it carries our mark any more' }
    for (const one of left) {
      const kept = await removeOne(one, Math.min(deadline, until), removing)
      if (kept !== undefined) return { kept }
    }
    return { removed: true }
  })
}

const tooLate: Removal = { kept: 'its time was over before it began' }

/** @returns why it was kept; undefined when it is gone */
async function removeOne(left: Left, deadline: number, removing: Removing): Promise<string | undefined> {
  const { network, vlan } = left
  const { pool, signal, mark } = removing
  if (network.vifs.length > 0) return givenBack(network, left, removing)
  const isLate = (): boolean => removing.now() >= deadline
  if (vlan !== undefined) {
    if (isLate()) return 'the time for its removal was over'
    const refused = await refusal(() => pool.change('VLAN.destroy', [vlan.ref], signal))
    if (refused !== undefined) return `XAPI kept its VLAN: ${refused}`
  }
  const { facts } = await removing.read()
  const now = facts.networks.get(network.ref)
  if (now === undefined) return undefined
  if (now.vifs.length > 0) return givenBack(now, left, removing)
  if (!isEmpty(now, facts) || !isMarked(now, mark)) return undefined
  return isLate() ? staysOnly : removeNetwork(now, isLate, left, removing)
}

const staysOnly = 'this host has left it; the network stays, since the time was over'

/** Nobody is on it any more. @returns why it was kept */
async function removeNetwork(
  { ref, name }: XapiNetwork,
  isLate: () => boolean,
  left: Left,
  removing: Removing,
): Promise<string | undefined> {
  const { pool, read, sleep, signal } = removing
  const aside = asideName(withoutAside(name))
  const renamed = await refusal(() => pool.change('network.set_name_label', [ref, aside], signal))
  if (renamed !== undefined) return `XAPI did not rename the network: ${renamed}`
  await sleep(aMoment)
  const { facts } = await read()
  const now = facts.networks.get(ref)
  if (now === undefined) return undefined
  if (now.vifs.length > 0) return givenBack(now, left, removing)
  const isFree = isEmpty(now, facts)
  if (!isFree || isLate()) {
    await nameBack(now, removing)
    return isFree ? staysOnly : 'a host has a VLAN on it again'
  }
  const refused = await refusal(() => pool.change('network.destroy', [ref], signal))
  if (refused === undefined) return undefined
  await nameBack(now, removing)
  return `XAPI kept the network: ${refused}`
}

/** Interfaces of VMs are on it: its name, and this host's VLAN, as they were. @returns what is told of it */
async function givenBack(network: XapiNetwork, { vlan }: Left, removing: Removing): Promise<string> {
  const { pool, signal, mark } = removing
  await nameBack(network, removing)
  const told = `${network.vifs.length} interfaces of VMs are on ${withoutAside(network.name)}`
  const { facts } = await removing.read()
  if (vlan === undefined || facts.vlanOn(vlan.tagged, vlan.tag) !== undefined) return told
  const refused = await refusal(async () => {
    const created = await pool.change('VLAN.create', [vlan.tagged, vlan.tag, network.ref], signal)
    const marks = { [markKey]: String(mark), [uriKey]: vlan.otherConfig[uriKey] ?? '' }
    await pool.change('VLAN.set_other_config', [created, marks], signal)
  })
  return refused === undefined ? told : `${told}, and its VLAN did not come back: ${refused}`
}

async function nameBack({ ref, name }: XapiNetwork, { pool, signal }: Removing): Promise<void> {
  const before = withoutAside(name)
  if (before !== name) await refusal(() => pool.change('network.set_name_label', [ref, before], signal))
}

/** XAPI's own words, where it refused. */
async function refusal(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    if (error instanceof XapiFailure) return error.message
    throw error
  }
}
