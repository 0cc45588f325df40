/**
 * What a snapshot reads and writes down in one round. In: CloudStack's answers and the records. Out: the records as
 * the writes left them, how many edges were seen, and what the next tick must remember.
 */

import type { CloudStack } from '../cloudstack/client.ts'
import { CloudStackError } from '../cloudstack/errors.ts'
import { interrupted, judgeAbsent } from '../reconcile/guard.ts'
import { raisesWanted } from '../reconcile/listeners.ts'
import type { CloudFacts, HostFact, ZoneFact } from '../reconcile/model.ts'
import type { HostRecord } from '../reconcile/record.ts'
import { transitions } from '../reconcile/transitions.ts'
import type { Ports } from '../runtime/ports.ts'
import { type Control, readHost } from '../store/items.ts'
import { type Remembered, state } from '../store/writes.ts'
import { parallel } from './parallel.ts'
import { deployedSettings, type Policy } from './policy.ts'
import { publish } from './publish.ts'
import { readHosts } from './read.ts'

export interface Observed {
  readonly records: readonly HostRecord[]
  readonly edges: number
  readonly remembered: Remembered
}

/**
 * Networks that cannot be read until somebody changes something, as after a lost right, stop no host: the last good ones
 * stay in force for each that comes back, and the status says why (DESIGN 5).
 * @throws CloudStackError when another listing failed or is not complete: then nothing was written.
 */
export async function observe(
  ports: Ports,
  cloudstack: CloudStack,
  policy: Policy,
  control: Control,
): Promise<Observed> {
  const hosts = await cloudstack.listHosts()
  const kinds = [...new Set(hosts.map((host) => `${host.zone}/${host.hypervisor}`))].sort()
  const { facts, cursor, unread } = await readNetworks(ports, cloudstack, policy, control, kinds)
  const refusedBefore = refusalsBefore(control, ports.now())
  const published = facts ? await publish(ports, policy, control.tick, facts, hosts, refusedBefore.networks) : undefined

  const zones = new Set([...hosts.map((host) => host.zone), ...control.zones.map((zone) => zone.id)])
  const before = (await parallel([...zones], (zone) => readHosts(ports.store, policy.cloud, zone))).flat()
  const known = before.filter((record) => record.state !== 'Removed')
  const judged = judgeAbsent(
    known.map(at),
    new Set(hosts.map(at)),
    policy.guardPercent,
    refusedBefore.hosts,
    ports.now(),
  )
  const gone = new Set(judged.gone)
  const removed = known
    .filter((record) => gone.has(at(record)))
    .map((record) => ({ ...factOf(record), state: 'Removed' }))
  const { records, edges } = await writeHosts(ports, policy.cloud, control, before, [...hosts, ...removed])

  const now = ports.now()
  const unjudged = unread === undefined ? undefined : refusedBefore.networks
  const refused = {
    ...(judged.refusal && { hosts: judged.refusal }),
    ...(published?.refusal && { networks: published.refusal }),
    ...(unjudged && { networks: interrupted(unjudged, now) }),
  }
  for (const [what, { absentees, known, times }] of Object.entries(refused)) {
    ports.logger.error('a disappearance is not believed', { cloud: policy.cloud, what, absentees, known, times })
  }
  const isGood = Object.keys(refused).length === 0 && published?.whole !== false && unread === undefined
  const listed =
    facts === undefined || cursor === undefined
      ? {}
      : { listedAt: now, cursor, zones: stillThere(facts.zones, control.zones, records), desired: kinds }
  const remembered = {
    refusals: refused,
    judged: control.tick,
    settings: deployedSettings(policy),
    ...(isGood ? { lastGoodAt: now } : {}),
    ...(unread === undefined ? {} : { failure: unread, failureAt: now }),
    ...listed,
  }
  return { records, edges, remembered }
}

interface NetworksRead {
  /** Absent where nothing says that they may have changed. */
  readonly facts?: CloudFacts
  readonly cursor?: string
  /** Why they could not be read. */
  readonly unread?: string
}

/** @throws CloudStackError that may pass by itself: the next tick reads again */
async function readNetworks(
  ports: Ports,
  cloudstack: CloudStack,
  policy: Policy,
  control: Control,
  kinds: readonly string[],
): Promise<NetworksRead> {
  try {
    const { changed, cursor } = await cloudstack.changedSince(control.cursor)
    const mustList =
      changed ||
      control.listedAt === undefined ||
      ports.now() - control.listedAt >= policy.listMilliseconds ||
      control.refusals?.networks !== undefined ||
      kinds.some((kind) => !control.desired.includes(kind))
    return mustList ? { facts: await cloudstack.listFacts(), cursor } : {}
  } catch (error) {
    if (!(error instanceof CloudStackError) || error.transient) throw error
    const unread = `the networks cannot be read, and the last good ones stay in force: ${error.message}`.slice(0, 1000)
    ports.logger.error('networks cannot be read', { cloud: policy.cloud, tick: control.tick, unread })
    return { unread }
  }
}

/** Of the tick before this one; what an earlier one refused was interrupted. */
function refusalsBefore({ refusals = {}, judged, tick }: Control, now: number): Required<Control>['refusals'] {
  if (judged === tick - 1) return refusals
  const { hosts, networks } = refusals
  return { ...(hosts && { hosts: interrupted(hosts, now) }), ...(networks && { networks: interrupted(networks, now) }) }
}

/**
 * Thrown by a snapshot that is slower than its lease: another one may have read newer states and found nothing to write,
 * and writing older ones now would swallow an edge.
 */
class LeaseOver extends Error {
  override readonly name = 'LeaseOver'
}

/** The zones that are listed, and those that are not but still have hosts: they are asked for as long as they do. */
function stillThere(
  listed: readonly ZoneFact[],
  before: readonly ZoneFact[],
  records: readonly HostRecord[],
): { id: string; name: string }[] {
  const inhabited = new Set(records.filter(({ state: now }) => now !== 'Removed').map(({ zone }) => zone))
  const ids = new Set(listed.map(({ id }) => id))
  return [...listed, ...before.filter(({ id }) => !ids.has(id) && inhabited.has(id))]
}

/** Names a host's place: one that moves to another zone is gone there and new here. */
const at = (host: HostFact): string => `${host.zone}/${host.id}`

async function writeHosts(
  ports: Ports,
  cloud: string,
  { tick, until = Number.POSITIVE_INFINITY }: Control,
  before: readonly HostRecord[],
  hosts: readonly HostFact[],
): Promise<{ records: readonly HostRecord[]; edges: number }> {
  const records = new Map(before.map((record) => [at(record), record]))
  let edges = 0
  await parallel(hosts, async (host) => {
    const record = records.get(at(host))
    const methods = transitions(record, host)
    if (methods.length === 0 && record !== undefined && sameFact(record, host)) return
    if (ports.now() >= until) throw new LeaseOver('the snapshot outlasted its lease: what it read may be old')
    const edge = raisesWanted(methods) ? methods.join('+') : undefined
    const write = state(cloud, host, tick, edge, ports.now(), record?.tick ?? 0)
    const written = readHost(await ports.store.update(write))
    if (written === undefined) return // Somebody wrote it since it was read: the next tick judges anew.
    records.set(at(host), written)
    if (edge !== undefined) edges++
    ports.logger.info('host', {
      host: host.name,
      id: host.id,
      methods,
      state: host.state,
      resourceState: host.resourceState,
    })
  })
  return { records: [...records.values()], edges }
}

const factOf = (record: HostFact): HostFact => {
  const { id, name, zone, cluster, hypervisor, address, state: status, resourceState } = record
  return { id, name, zone, cluster, hypervisor, address, state: status, resourceState }
}

const sameFact = (record: HostRecord, host: HostFact): boolean =>
  record.managementServer === host.managementServer && JSON.stringify(factOf(record)) === JSON.stringify(factOf(host))
