/**
 * `status -o json`: a stable shape. Names and meanings stay; fields may be added; a change that breaks a reader raises
 * `version`. In: a status. Out: data of the schema below. Times are ISO 8601 in UTC; what is not known is null.
 */
import * as z from 'zod'
import type { CloudStatus, HostRow } from '../../shared/flow/status.ts'
import { type NetworkStatus, presences } from '../../shared/reconcile/networkStatus.ts'
import { reasonNames } from '../../shared/reconcile/reasons.ts'
import { verdicts } from '../../shared/reconcile/record.ts'
import { isoTime } from './duration.ts'
import { type NetworkRow, presentNetworks } from './networkRows.ts'

const time = z.iso.datetime().nullable()
const reason = z.enum(reasonNames).nullable()
const named = z.strictObject({ id: z.string(), name: z.string() })

const network = z.strictObject({
  physicalNetwork: z.string(),
  uri: z.string(),
  /** The CloudStack networks that share this URI. */
  networks: z.array(named),
  presence: z.enum(presences),
  reason,
  detail: z.string().nullable(),
})

const host = z.strictObject({
  zone: named,
  /** The id of the cluster. */
  cluster: z.string(),
  id: z.string(),
  name: z.string(),
  hypervisor: z.string(),
  address: z.string(),
  state: z.string(),
  resourceState: z.string(),
  status: z.enum(verdicts),
  reason,
  detail: z.string().nullable(),
  /** What an operator does next. */
  next: z.string().nullable(),
  /** Of the networks that it should have, those known to be there; null while of one of them nothing is known. */
  networkCounts: z.strictObject({ present: z.int().nullable(), wanted: z.int() }),
  /** Devices present and right at the last verification, several a network; null where nobody looked. */
  devices: z.int().nullable(),
  verifiedAt: time,
  /** From the last edge to its verification. */
  readySeconds: z.number().nullable(),
  failures: z.int(),
  nextAttemptAt: time,
  /** With --networks, --network or --host. */
  networks: z.array(network).optional(),
})

export const statusSchema = z.strictObject({
  version: z.literal(1),
  cloud: z.string(),
  at: z.iso.datetime(),
  /** What the exit code says: 0 if true, 2 if false. */
  inSync: z.boolean(),
  mode: z.enum(['observe', 'apply']).nullable(),
  snapshot: z.strictObject({
    lastGoodAt: time,
    failure: z.strictObject({ at: time, message: z.string() }).nullable(),
  }),
  counts: z.strictObject({
    hosts: z.int(),
    inSync: z.int(),
    outOfSync: z.int(),
    unknown: z.int(),
    /** Not Up: counted apart. */
    notUp: z.int(),
  }),
  hosts: z.array(host),
})
export type StatusJson = z.infer<typeof statusSchema>

export interface Asked {
  readonly cloud: string
  readonly inSync: boolean
  /** Undefined: networks were not asked for. */
  readonly networkRows: readonly NetworkRow[] | undefined
}

export function statusJson(
  { control, rows, counts }: CloudStatus,
  { cloud, inSync, networkRows }: Asked,
  now: number,
): StatusJson {
  const byHost = networkRows && Map.groupBy(networkRows, (row) => row.host)
  return {
    version: 1,
    cloud,
    at: new Date(now).toISOString(),
    inSync,
    mode: control?.settings?.mode ?? null,
    snapshot: {
      lastGoodAt: isoTime(control?.lastGoodAt),
      failure: control?.failure === undefined ? null : { at: isoTime(control.failureAt), message: control.failure },
    },
    counts: { ...counts },
    hosts: rows.map((row) => ({
      ...hostJson(row),
      ...(byHost === undefined ? {} : { networks: (byHost.get(row) ?? []).map(networkJson) }),
    })),
  }
}

const hostJson = (row: HostRow): StatusJson['hosts'][number] => ({
  zone: { id: row.record.zone, name: row.zone },
  cluster: row.record.cluster,
  id: row.record.id,
  name: row.record.name,
  hypervisor: row.record.hypervisor,
  address: row.record.address,
  state: row.record.state,
  resourceState: row.record.resourceState,
  status: row.status,
  reason: row.reason ?? null,
  detail: row.detail ?? null,
  next: row.next ?? null,
  networkCounts: { present: presentNetworks(row) ?? null, wanted: row.desired.length },
  devices: presentDevices(row) ?? null,
  verifiedAt: isoTime(row.record.verifiedAt),
  readySeconds: row.record.readySeconds ?? null,
  failures: row.record.failures,
  nextAttemptAt: isoTime(row.record.nextAttemptAt),
})

const networkJson = ({ network, ...status }: NetworkRow & NetworkStatus) => ({
  physicalNetwork: network.physicalNetwork,
  uri: network.uri,
  networks: network.networks.map(({ id, name }) => ({ id, name })),
  presence: status.presence,
  reason: status.reason ?? null,
  detail: status.detail ?? null,
})

/** Undefined where nobody looked: before the first run, and with a driver that cannot look. */
export const presentDevices = ({ record }: HostRow): number | undefined =>
  record.reason === 'RequestedUnverified' ? undefined : record.devices
