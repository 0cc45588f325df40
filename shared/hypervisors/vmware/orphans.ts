/**
 * What networks that are gone left for a host: groups that carry our mark and that no desired network names; and their removal
 * (DESIGN 4, conditions a and d). In: the desired networks, one reading. Out: orphans; whether one is gone, or why it was kept.
 *
 * | A group of our mark                                            | is                                              |
 * |----------------------------------------------------------------|-------------------------------------------------|
 * | that a desired network names, whatever its rate is now         | none, or one that the flow keeps: its URI lives |
 * | standard, on this host                                         | an orphan of this host                          |
 * | distributed, on a switch that this host is on                  | an orphan of each such host; one removes it     |
 * | with any VM on it, running or not                              | kept; vCenter and ESXi refuse as well           |
 */
import type { DesiredNetwork, GuestLabel } from '../../reconcile/model.ts'
import type { Orphan, Removal, SharedLease } from '../driver.ts'
import type { DatacenterFacts, HostNetworks, VimHost, VimNetwork } from './facts.ts'
import { madeFor } from './marks.ts'
import { switchOf } from './names.ts'
import { groupsOf } from './plan.ts'
import { VimFault } from './soap.ts'
import type { Vcenter } from './vcenter.ts'
import { value } from './xml.ts'

export function orphansOf(
  desired: readonly DesiredNetwork[],
  labels: readonly GuestLabel[],
  facts: DatacenterFacts,
  host: VimHost,
  own: HostNetworks | undefined,
  mark: number,
): readonly Orphan[] {
  const needed = new Set(desired.flatMap(groupsOf).flatMap((group) => ('name' in group ? [group.name] : [])))
  return facts.networks.flatMap((network) => {
    const uri = madeFor(network, mark)
    const on = uri === undefined || needed.has(network.name) ? undefined : switchHere(network, facts, host, own)
    if (uri === undefined || on === undefined) return []
    const physicalNetworks = [...desired, ...labels].flatMap(({ label, physicalNetwork }) => {
      const leads = switchOf(label)
      return 'name' in leads && leads.name === on ? [physicalNetwork] : []
    })
    return [{ devices: [network.name], uri, uplink: on, physicalNetworks: [...new Set(physicalNetworks)].sort() }]
  })
}

/** The name of the switch that it is on, as far as it concerns this host. */
function switchHere(
  { name, group }: VimNetwork,
  { switches }: DatacenterFacts,
  host: VimHost,
  own: HostNetworks | undefined,
): string | undefined {
  if (group === undefined) return own?.groups.find((one) => one.name === name)?.on
  return switches.find(({ ref, hosts }) => ref.id === group.on && hosts.has(host.ref.id))?.name
}

export interface Removing {
  readonly vcenter: Vcenter
  readonly read: () => Promise<{ readonly facts: DatacenterFacts; readonly host: VimHost }>
  readonly lease: SharedLease
  readonly mark: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly signal: AbortSignal
}

const gone: ReadonlySet<string> = new Set(['NotFound', 'ManagedObjectNotFound'])

/** @param deadline milliseconds since the epoch @throws HostError when vCenter did not answer */
export async function remove({ devices }: Orphan, deadline: number, removing: Removing): Promise<Removal> {
  const { vcenter, lease, now, signal } = removing
  const [name = ''] = devices
  const tooLate: Removal = { kept: 'the time for its removal was over' }
  if (now() >= deadline) return tooLate
  return lease(`vcenter-${vcenter.place}`, signal, async (until) => {
    const { facts, host } = await removing.read()
    const network = facts.networks.find((one) => one.name === name && madeFor(one, removing.mark) !== undefined)
    if (network === undefined) return { kept: 'nothing of this name carries our mark any more' }
    if (network.vms > 0) return { kept: `${network.vms} VMs have an interface on ${name}` }
    if (now() >= Math.min(deadline, until)) return tooLate
    try {
      if (network.group === undefined)
        await vcenter.change('RemovePortGroup', host.networkSystem, [value('pgName', name)], signal)
      else await vcenter.task('Destroy_Task', network.ref, [], signal)
      return { removed: true }
    } catch (error) {
      if (!(error instanceof VimFault)) throw error
      return gone.has(error.type) ? { removed: true } : { kept: `vCenter kept it: ${error.message}` }
    }
  })
}
