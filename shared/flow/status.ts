/**
 * The whole cloud as the store knows it, read for people. In: a cloud and a selection. Out: one row a host with its
 * status and, for each network that it should have, what is known of it.
 */
import type { DesiredNetwork } from '../reconcile/model.ts'
import type { HostRecord } from '../reconcile/record.ts'
import { type Counts, count, type HostStatus, statusOf } from '../reconcile/status.ts'
import type { Ports } from '../runtime/ports.ts'
import { type Control, controlKey, readControl } from '../store/items.ts'
import { type Selection, selected } from './backfill.ts'
import { parallel } from './parallel.ts'
import { asDeployed, type Policy } from './policy.ts'
import { type Current, readDesired, readHosts } from './read.ts'

export interface HostRow extends HostStatus {
  readonly zone: string
  readonly record: HostRecord
  /** What the host should have; empty while no snapshot has listed it. */
  readonly desired: readonly DesiredNetwork[]
}

export interface CloudStatus {
  readonly control: Control | undefined
  readonly rows: readonly HostRow[]
  readonly counts: Counts
}

export async function readStatus(
  ports: Ports,
  policy: Policy,
  chosen: Selection,
  acceptUnverified: boolean,
): Promise<CloudStatus> {
  const { store } = ports
  const control = readControl(await store.get(controlKey(policy.cloud)))
  const deployed = asDeployed(policy, control)
  const rows = await parallel(control?.zones ?? [], async (zone) => {
    const records = await readHosts(store, policy.cloud, zone.id)
    const kinds = [...new Set(records.map((record) => record.hypervisor))]
    const desired = new Map(
      await parallel(kinds, async (kind) => [kind, await readDesired(store, policy.cloud, zone.id, kind)] as const),
    )
    return records
      .filter((record) => record.state !== 'Removed' && selected(chosen, zone, record))
      .map((record) => hostRow(deployed, zone.name, record, desired.get(record.hypervisor), ports.now()))
  })
  const flat = rows.flat()
  return { control, rows: flat, counts: count(flat, acceptUnverified) }
}

function hostRow(policy: Policy, zone: string, record: HostRecord, desired: Current | undefined, now: number): HostRow {
  const status = statusOf(record, desired?.revision, policy.driverOf(record.hypervisor), policy, now)
  return { ...status, zone, record, desired: desired?.networks ?? [] }
}
