/**
 * Whose SSH host keys are kept: the hosts of a cloud, and the jump host on the way to them. In: a cloud, a selection. Out: each
 * with the key of its item, and with what it holds; those that failed for their key tried again.
 */
import { placeOf } from '../hypervisors/kvm/jumpHost.ts'
import type { ZoneFact } from '../reconcile/model.ts'
import type { Reason } from '../reconcile/reasons.ts'
import type { HostRecord } from '../reconcile/record.ts'
import type { Ports } from '../runtime/ports.ts'
import { controlKey, jumpKeyKey, readControl, readSshKeys, type SshKeys, sshKeyKey } from '../store/items.ts'
import type { Key, Store } from '../store/store.ts'
import { want } from '../store/writes.ts'
import { kickSnapshot, NothingSelected, type Selection, selected } from './backfill.ts'
import { parallel } from './parallel.ts'
import { asDeployed, type Policy } from './policy.ts'
import { readHosts } from './read.ts'

export interface KeyHolder {
  /** Where its keys are kept. */
  readonly key: Key
  /** For people. */
  readonly name: string
  readonly address: string
  readonly port: number
  /** Undefined: the jump host. */
  readonly record?: HostRecord
  readonly zone?: ZoneFact
  /** Whether runs reach it by SSH. */
  readonly bySsh: boolean
}

/** The hosts that CloudStack has and the selection means; the jump host too, where nothing is selected. */
export async function readHolders(store: Store, own: Policy, chosen: Selection): Promise<readonly KeyHolder[]> {
  const { cloud } = own
  const control = readControl(await store.get(controlKey(cloud)))
  const { ssh, drivers } = asDeployed(own, control)
  const hosts = await parallel(control?.zones ?? [], async (zone) => {
    const records = await readHosts(store, cloud, zone.id)
    return records
      .filter((record) => record.state !== 'Removed' && selected(chosen, zone, record))
      .map((record) => ({
        key: sshKeyKey(cloud, zone.id, record.id),
        name: record.name,
        address: record.address,
        port: ssh.port,
        record,
        zone,
        bySsh: drivers[record.hypervisor] === 'kvm-ssh',
      }))
  })
  const { jump } = ssh
  if (jump === undefined || Object.keys(chosen).length > 0) return hosts.flat()
  const place = placeOf(jump)
  return [{ key: jumpKeyKey(cloud, place), name: `the jump host ${place}`, ...jump, bySsh: true }, ...hosts.flat()]
}

const ofTheHost: readonly (Reason | undefined)[] = ['HostKeyUnknown', 'HostKeyChanged']

/**
 * An edge for each whose last run failed for the key that is on record now, then a snapshot, if there is any.
 * @param changed whose keys these are; the jump host is everybody's
 */
export async function raiseEdges(
  ports: Ports,
  cloud: string,
  changed: readonly KeyHolder[],
  all: readonly KeyHolder[],
): Promise<void> {
  const jump = changed.some(({ record }) => record === undefined)
  const waiting = [
    ...changed.flatMap(({ record }) => (record !== undefined && ofTheHost.includes(record.reason) ? [record] : [])),
    ...all.flatMap(({ record }) => (jump && record?.reason === 'JumpHostUntrusted' ? [record] : [])),
  ]
  if (waiting.length === 0) return
  await parallel(waiting, (record) => ports.store.update(want(cloud, record, 'hostkey', ports.now())))
  await kickSnapshot(ports, cloud, 'hostkey')
}

export interface Held {
  readonly holder: KeyHolder
  readonly keys: SshKeys
}

/** @throws NothingSelected when a selection means no host */
export async function listHostKeys(store: Store, own: Policy, chosen: Selection): Promise<readonly Held[]> {
  const holders = await readHolders(store, own, chosen)
  if (holders.length === 0 && Object.keys(chosen).length > 0) throw new NothingSelected(nobody(chosen))
  const partitions = [...new Set(holders.map(({ key }) => key.pk))]
  const items = (await parallel(partitions, (pk) => store.list(pk, 'K#'))).flat()
  const byKey = new Map(items.map((item) => [`${item.pk} ${item.sk}`, item]))
  return holders.map((holder) => ({
    holder,
    keys: readSshKeys(byKey.get(`${holder.key.pk} ${holder.key.sk}`)),
  }))
}

const nobody = (chosen: Selection): string =>
  `no host matches ${Object.entries(chosen)
    .map(([part, value]) => `--${part} ${JSON.stringify(value)}`)
    .join(' and ')}: names and ids are those of "bridgekeeper status"`
