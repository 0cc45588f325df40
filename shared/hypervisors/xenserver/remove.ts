/**
 * Removes what one network that is gone left on one host (DESIGN 4, conditions a and d). In: the orphan, the pool, its lease, the
 * deadline. Out: whether it is gone, or why it was left.
 *
 * | Step | What                                                        | Why                                                     |
 * |------|-------------------------------------------------------------|---------------------------------------------------------|
 * | 1    | under the pool's lease: read, judge (a), (d), the deadline  | nothing is touched that a VM has an interface on        |
 * | 2    | VLAN.destroy, this host's                                   | XAPI refuses it while a VM runs on it here (VIF_IN_USE) |
 * | 3    | read and judge (d) again                                    | an interface that came meanwhile gets its VLAN back     |
 * | 4    | network.destroy, if it is ours and no host is on it         | a VM start that looked it up before fails loudly        |
 */
import type { Orphan, Removal, SharedLease } from '../driver.ts'
import { isEmpty, isMarked } from './candidates.ts'
import type { PoolFacts, XapiHost, XapiNetwork } from './facts.ts'
import { markKey, uriKey } from './names.ts'
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
async function removeOne({ network, vlan }: Left, deadline: number, removing: Removing): Promise<string | undefined> {
  if (network.vifs.length > 0) return onIt(network)
  const { pool, signal, mark } = removing
  const isLate = (): boolean => removing.now() >= deadline
  if (vlan !== undefined) {
    if (isLate()) return 'the time for its removal was over'
    const refused = await refusal(() => pool.change('VLAN.destroy', [vlan.ref], signal))
    if (refused !== undefined) return `XAPI kept its VLAN: ${refused}`
  }
  const { facts } = await removing.read()
  const now = facts.networks.get(network.ref)
  if (now === undefined) return undefined
  if (now.vifs.length > 0) {
    if (vlan === undefined) return onIt(now)
    const again = await refusal(async () => {
      const created = await pool.change('VLAN.create', [vlan.tagged, vlan.tag, network.ref], signal)
      const marks = { [markKey]: String(mark), [uriKey]: vlan.otherConfig[uriKey] ?? '' }
      await pool.change('VLAN.set_other_config', [created, marks], signal)
    })
    return again === undefined ? onIt(now) : `${onIt(now)}, and its VLAN did not come back: ${again}`
  }
  if (!isEmpty(now, facts) || !isMarked(now, mark)) return undefined
  if (isLate()) return 'this host has left it; the network stays, since the time was over'
  const refused = await refusal(() => pool.change('network.destroy', [network.ref], signal))
  return refused === undefined ? undefined : `XAPI kept the network: ${refused}`
}

const onIt = ({ name, vifs }: XapiNetwork): string => `${vifs.length} interfaces of VMs are on ${name}`

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
