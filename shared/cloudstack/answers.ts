/**
 * The shapes of CloudStack's answers, as far as we use them, and how they become the model. In: the JSON under the outer
 * key. Out: facts. Unknown fields are let through and dropped; a field that a decision rests on is required.
 */
import * as z from 'zod/mini'
import type { HostFact, NetworkFact, OfferingFact, PhysicalNetworkFact, ZoneFact } from '../reconcile/model.ts'
import type { Page } from './paging.ts'

const id = z.string().check(z.minLength(1), z.maxLength(255))
const word = z.string().check(z.maxLength(4096))
const maybe = z.optional(word)

/** No page that is asked for has more rows than 500; rows beyond this are not even looked at. */
const mostRows = 10_000

/** One page of a listing whose rows stand under `name`; absent rows are no rows, an absent count is theirs. */
export function pageOf<Row>(name: string, row: z.ZodMiniType<Row>): z.ZodMiniType<Page<Row>> {
  const rows = z.pipe(z.array(z.unknown()).check(z.maxLength(mostRows)), z.array(row))
  const shape = z.object({ count: z.optional(z.int().check(z.nonnegative())), rows: z.optional(rows) })
  return z.pipe(
    z.pipe(
      z.transform((answer) => rename(answer, name)),
      shape,
    ),
    z.transform(({ count, rows = [] }) => ({ count: count ?? rows.length, rows })),
  )
}

function rename(answer: unknown, name: string): unknown {
  if (typeof answer !== 'object' || answer === null) return answer
  const fields = new Map<string, unknown>(Object.entries(answer))
  return { count: fields.get('count'), rows: fields.get(name) }
}

/** A host that is just being added may lack its cluster and address; they are empty then, and a driver refuses that. */
export const hostRow: z.ZodMiniType<HostFact> = z.pipe(
  z.object({
    id,
    name: word,
    zoneid: id,
    clusterid: maybe,
    hypervisor: maybe,
    ipaddress: maybe,
    state: word,
    resourcestate: word,
    managementserverid: maybe,
  }),
  z.transform(({ managementserverid, ...row }) => ({
    id: row.id,
    name: row.name,
    zone: row.zoneid,
    cluster: row.clusterid ?? '',
    hypervisor: row.hypervisor ?? '',
    address: row.ipaddress ?? '',
    state: row.state,
    resourceState: row.resourcestate,
    ...(managementserverid === undefined ? {} : { managementServer: managementserverid }),
  })),
)

export const zoneRow: z.ZodMiniType<ZoneFact> = z.object({ id, name: word })

export const physicalNetworkRow: z.ZodMiniType<PhysicalNetworkFact> = z.pipe(
  z.object({ id, name: word, zoneid: id, vlan: z.optional(word), isolationmethods: z.optional(word) }),
  z.transform(({ id, name, zoneid, vlan, isolationmethods }) => ({
    id,
    name,
    zone: zoneid,
    ...(vlan ? { vlans: vlan } : {}),
    ...(isolationmethods ? { isolation: isolationmethods } : {}),
  })),
)

export interface TrafficTypeRow {
  readonly id: string
  readonly trafficType: string
  /** By hypervisor, spelled as listHosts spells it. */
  readonly labels: Readonly<Record<string, string>>
}

/** Which column holds the label of which hypervisor (FACTS A3); a label that is not set is absent. */
const labelColumns = [
  ['KVM', 'kvmnetworklabel'],
  ['XenServer', 'xennetworklabel'],
  ['VMware', 'vmwarenetworklabel'],
  ['Hyperv', 'hypervnetworklabel'],
  ['Ovm3', 'ovm3networklabel'],
] as const

export const trafficTypeRow: z.ZodMiniType<TrafficTypeRow> = z.pipe(
  z.object({
    id,
    traffictype: word,
    kvmnetworklabel: maybe,
    xennetworklabel: maybe,
    vmwarenetworklabel: maybe,
    hypervnetworklabel: maybe,
    ovm3networklabel: maybe,
  }),
  z.transform((row) => ({
    id: row.id,
    trafficType: row.traffictype,
    labels: Object.fromEntries(
      labelColumns.flatMap(([hypervisor, column]) => (row[column] ? [[hypervisor, row[column]]] : [])),
    ),
  })),
)

export const offeringRow: z.ZodMiniType<OfferingFact> = z.pipe(
  z.object({
    id,
    name: word,
    guestiptype: word,
    ispersistent: z.boolean(),
    networkrate: z.optional(z.int().check(z.gte(-1), z.lte(1_000_000))),
  }),
  z.transform(({ networkrate, ...row }) => ({
    id: row.id,
    name: row.name,
    guestType: row.guestiptype,
    persistent: row.ispersistent,
    ...(networkrate === undefined ? {} : { rate: Math.max(0, networkrate) }),
  })),
)

export const networkRow: z.ZodMiniType<NetworkFact> = z.pipe(
  z.object({
    id,
    name: word,
    zoneid: id,
    networkofferingid: id,
    type: word,
    state: word,
    physicalnetworkid: z.optional(id),
    broadcasturi: maybe,
  }),
  z.transform(({ physicalnetworkid, broadcasturi, ...row }) => ({
    id: row.id,
    name: row.name,
    zone: row.zoneid,
    offering: row.networkofferingid,
    guestType: row.type,
    state: row.state,
    ...(physicalnetworkid === undefined ? {} : { physicalNetwork: physicalnetworkid }),
    ...(broadcasturi === undefined ? {} : { broadcastUri: broadcasturi }),
  })),
)

/** What an asynchronous command answers. */
export const jobStarted: z.ZodMiniType<{ readonly jobid: string }> = z.object({ jobid: id })

export interface EventRow {
  readonly id: string
  readonly type: string
  /** Milliseconds since the epoch, of whole seconds. */
  readonly created: number
}

const instant = z.pipe(
  z.string().check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}$/)),
  z.transform((text) => Date.parse(text.replace(/(\d\d)(\d\d)$/, '$1:$2'))),
)

export const eventRow: z.ZodMiniType<EventRow> = z.object({ id, type: word, created: instant })
