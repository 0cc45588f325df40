/**
 * `status -o json`: a stable shape. Names and meanings stay; fields may be added; a change that breaks a reader raises
 * `version`. In: a status. Out: data of the schema below. Times are ISO 8601 in UTC; what is not known is null.
 */
import * as z from 'zod'
import { problems } from '../../shared/certificate/renewal.ts'
import type { PlacedLine } from '../../shared/flow/history.ts'
import { leftAlone } from '../../shared/flow/sharedGate.ts'
import type { Standing } from '../../shared/flow/standing.ts'
import type { CloudStatus, HostRow } from '../../shared/flow/status.ts'
import { healthSays } from '../../shared/reconcile/breaker.ts'
import { type NetworkStatus, presences } from '../../shared/reconcile/networkStatus.ts'
import { reasonNames } from '../../shared/reconcile/reasons.ts'
import { verdicts } from '../../shared/reconcile/record.ts'
import type { RollUp, RollUps } from '../../shared/reconcile/rollup.ts'
import type { HistoryLine } from '../../shared/store/items.ts'
import { pauseJson, pauseJsonSchema } from './actJson.ts'
import { isoTime } from './duration.ts'
import { historyJson, historyLine, placedHistoryLine } from './historyJson.ts'
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
  /** Of a host with an agent: its release, and how often it repaired the host by itself. */
  agent: z.strictObject({ version: z.string(), repairs: z.int(), repairedAt: time }).nullable(),
  /** What CloudStack was last asked to do for the host, which proves nothing; since its own driver verified it, nothing. */
  request: z
    .strictObject({
      call: z.enum(['updateHost', 'reconnectHost']),
      at: time,
      /** False: no answer came in time. It counts as asked, and may still be at work. */
      answered: z.boolean(),
      note: z.string().nullable(),
      /** Where it was asked in place of the host's own driver: which that is, and since when it does not reach the host. */
      insteadOf: z.string().nullable(),
      unreachedSince: time,
    })
    .nullable(),
  /** Devices of ours that no network needs any more, with BRIDGEKEEPER_REMOVAL=report or prune. */
  orphans: z.array(
    z.strictObject({ devices: z.array(z.string()), uri: z.string().nullable(), kept: z.string().nullable() }),
  ),
  /** What would stand in the way of networks to come; Noted only says how the host is. */
  readiness: z.array(z.strictObject({ physicalNetwork: z.string(), reason: z.enum(reasonNames), detail: z.string() })),
  /** With --networks, --network or --host. */
  networks: z.array(network).optional(),
  /** With --host: the last changes, newest first. */
  history: z.array(historyLine).optional(),
})

const hold = z.strictObject({
  zone: named,
  cause: z.string(),
  since: time,
  /** Hosts that failed from it when it began, of those tried. */
  failing: z.int(),
  tried: z.int(),
  probedAt: time,
})

const refusal = z.strictObject({
  what: z.enum(['hosts', 'networks']),
  absentees: z.int(),
  known: z.int(),
  since: time,
  times: z.int(),
  released: z.boolean(),
})

const rollUp = z.strictObject({
  status: z.enum(verdicts),
  counts: z.strictObject({
    hosts: z.int(),
    inSync: z.int(),
    outOfSync: z.int(),
    unknown: z.int(),
    notUp: z.int(),
    /** Of those that are out of sync or unknown. */
    updating: z.int(),
  }),
  /** From a host's coming Up, or another edge, to its verification, of each host's last one. */
  timeToReadySeconds: z.strictObject({ hosts: z.int(), p50: z.number(), p95: z.number(), max: z.number() }).nullable(),
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
    /** CloudStack is asked nothing before, or by one request that tries: it gave no answer, or asked for it. */
    leftAlone: z.strictObject({ until: time, message: z.string() }).nullable(),
  }),
  counts: z.strictObject({
    hosts: z.int(),
    inSync: z.int(),
    outOfSync: z.int(),
    unknown: z.int(),
    /** Not Up: counted apart. */
    notUp: z.int(),
  }),
  /** What stands in the way of work. */
  pauses: z.array(pauseJsonSchema),
  holds: z.array(hold),
  refusals: z.array(refusal),
  /** Null: nothing is wrong with the certificate by which agents know Bridgekeeper, or there are no agents. */
  certificate: z
    .strictObject({ is: z.enum(problems), endsAt: time, lookedAt: time, failure: z.string().nullable() })
    .nullable(),
  rollups: z.strictObject({
    cloud: rollUp,
    zones: z.array(rollUp.extend({ zone: named })),
    clusters: z.array(rollUp.extend({ zone: named, cluster: z.string() })),
  }),
  hosts: z.array(host),
  /** With --history: what operators did and which holds began and ended, newest first. */
  history: z.array(placedHistoryLine).optional(),
})
export type StatusJson = z.infer<typeof statusSchema>

export interface Asked {
  readonly cloud: string
  readonly inSync: boolean
  /** Undefined: networks were not asked for. */
  readonly networkRows: readonly NetworkRow[] | undefined
  readonly standing: Standing
  readonly rollUps: RollUps
  /** Of the hosts that were asked for by name. */
  readonly histories: ReadonlyMap<HostRow, readonly HistoryLine[]>
  /** Undefined: it was not asked for. */
  readonly acts: readonly PlacedLine[] | undefined
}

const certificateJson = ({ certificate }: Standing): StatusJson['certificate'] =>
  certificate === undefined
    ? null
    : {
        is: certificate.is,
        endsAt: isoTime(certificate.to),
        lookedAt: isoTime(certificate.lookedAt),
        failure: certificate.failure ?? null,
      }

export function statusJson(
  { control, rows, counts }: CloudStatus,
  { cloud, inSync, networkRows, standing, rollUps, histories, acts }: Asked,
  now: number,
): StatusJson {
  const zoneNamed = (id: string) => ({ id, name: control?.zones.find((zone) => zone.id === id)?.name ?? id })
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
      leftAlone:
        control === undefined || healthSays(control, now) === 'go'
          ? null
          : { until: isoTime(control.leftAloneUntil), message: leftAlone(control).message },
    },
    counts: { ...counts },
    pauses: standing.pauses.map(pauseJson),
    holds: standing.holds.map(({ zone, cause, since, failing, tried, probedAt }) => ({
      zone: { id: zone.id, name: zone.name },
      cause,
      since: isoTime(since),
      failing,
      tried,
      probedAt: isoTime(probedAt),
    })),
    refusals: standing.refusals.map(({ what, absentees, known, since, times, released }) => ({
      what,
      absentees,
      known,
      since: isoTime(since),
      times,
      released: released === true,
    })),
    certificate: certificateJson(standing),
    rollups: {
      cloud: rollUpJson(rollUps.cloud),
      zones: rollUps.zones.map((each) => ({ zone: zoneNamed(each.zone), ...rollUpJson(each) })),
      clusters: rollUps.clusters.map((each) => ({
        zone: zoneNamed(each.zone),
        cluster: each.cluster,
        ...rollUpJson(each),
      })),
    },
    ...(acts === undefined ? {} : { history: acts.map(actJson) }),
    hosts: rows.map((row) => {
      const history = histories.get(row)
      return {
        ...hostJson(row),
        ...(byHost === undefined ? {} : { networks: (byHost.get(row) ?? []).map(networkJson) }),
        ...(history === undefined ? {} : { history: history.map(historyJson) }),
      }
    }),
  }
}

const actJson = ({ zone, line }: PlacedLine) => ({
  zone: zone === undefined ? null : { id: zone.id, name: zone.name },
  ...historyJson(line),
})

const rollUpJson = ({ status, counts, timeToReadySeconds }: RollUp) => ({
  status,
  counts: { ...counts },
  timeToReadySeconds: timeToReadySeconds === undefined ? null : { ...timeToReadySeconds },
})

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
  agent: agentJson(row.record),
  request: requestJson(row.record),
  orphans: (row.record.orphans ?? []).map(({ devices, uri, kept }) => ({
    devices: [...devices],
    uri: uri ?? null,
    kept: kept ?? null,
  })),
  readiness: (row.record.readiness ?? []).map(({ physicalNetwork, reason, detail }) => ({
    physicalNetwork,
    reason,
    detail,
  })),
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
export const presentDevices = ({ reason, record }: HostRow): number | undefined =>
  reason === 'RequestedUnverified' || record.reason === 'RequestedUnverified' ? undefined : record.devices

const requestJson = ({ request, unreachedBy, unreachedSince }: HostRow['record']) =>
  request === undefined
    ? null
    : {
        call: request.call,
        at: isoTime(request.at),
        answered: request.answered,
        note: request.note ?? null,
        insteadOf: unreachedBy ?? null,
        unreachedSince: isoTime(unreachedSince),
      }

const agentJson = ({ agent }: HostRow['record']) =>
  agent === undefined ? null : { version: agent.version, repairs: agent.repairs, repairedAt: isoTime(agent.repairedAt) }
