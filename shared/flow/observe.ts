/**
 * What a snapshot reads and writes down in one round. In: CloudStack's answers and the records. Out: the records as
 * the writes left them, how many edges were seen, and what the next tick must remember.
 */

import type { CloudStack } from '../cloudstack/client.ts'
import { desiredSets } from '../reconcile/desired.ts'
import type { CloudFacts, HostFact } from '../reconcile/model.ts'
import type { HostRecord } from '../reconcile/record.ts'
import { encodeRevision } from '../reconcile/revision.ts'
import { raisesWanted, transitions } from '../reconcile/transitions.ts'
import type { Ports } from '../runtime/ports.ts'
import { type Control, readHost } from '../store/items.ts'
import { pointer, type Remembered, revisionBody, state } from '../store/writes.ts'
import { parallel } from './parallel.ts'
import { deployedSettings, type Policy } from './policy.ts'
import { readHosts, readPointers } from './read.ts'

export interface Observed {
  readonly records: readonly HostRecord[]
  readonly edges: number
  readonly remembered: Remembered
}

/** How long a revision outlives being current: long enough for any job that still names it. */
const revisionDays = 7

/** @throws CloudStackError when any listing failed or is not complete: then nothing was written. */
export async function observe(
  ports: Ports,
  cloudstack: CloudStack,
  policy: Policy,
  control: Control,
): Promise<Observed> {
  const hosts = await cloudstack.listHosts()
  const events = await cloudstack.changedSince(control.cursor)
  const kinds = [...new Set(hosts.map((host) => `${host.zone}/${host.hypervisor}`))].sort()
  const mustList =
    events.changed ||
    control.listedAt === undefined ||
    ports.now() - control.listedAt >= policy.listMilliseconds ||
    kinds.some((kind) => !control.desired.includes(kind))
  const facts = mustList ? await cloudstack.listFacts() : undefined
  if (facts !== undefined) await writeDesired(ports, policy.cloud, control.tick, facts, hosts)

  const zones = new Set([...hosts.map((host) => host.zone), ...control.zones.map((zone) => zone.id)])
  const before = (await parallel([...zones], (zone) => readHosts(ports.store, policy.cloud, zone))).flat()
  const { records, edges } = await writeHosts(ports, policy.cloud, control.tick, before, hosts)

  const now = ports.now()
  const listed =
    facts === undefined ? {} : { listedAt: now, cursor: events.cursor, zones: [...facts.zones], desired: kinds }
  return { records, edges, remembered: { lastGoodAt: now, settings: deployedSettings(policy), ...listed } }
}

/** Immutable revisions first, then the pointers to them: a pointer never names what is not there. */
async function writeDesired(
  ports: Ports,
  cloud: string,
  tick: number,
  facts: CloudFacts,
  hosts: readonly HostFact[],
): Promise<void> {
  const expires = Math.floor(ports.now() / 1000) + revisionDays * 24 * 60 * 60
  await parallel(desiredSets(facts, hosts), async ({ zone, hypervisor, networks, labels }) => {
    const { revision, body } = encodeRevision({ networks, labels })
    await ports.store.update(revisionBody(cloud, zone, hypervisor, revision, body, expires))
    const changed = (await readPointers(ports.store, cloud, zone)).get(hypervisor) !== revision
    await ports.store.update(pointer(cloud, zone, hypervisor, revision, tick))
    if (changed) ports.logger.info('new revision', { cloud, zone, hypervisor, revision, networks: networks.length })
  })
}

async function writeHosts(
  ports: Ports,
  cloud: string,
  tick: number,
  before: readonly HostRecord[],
  hosts: readonly HostFact[],
): Promise<{ records: readonly HostRecord[]; edges: number }> {
  const at = (host: HostFact): string => `${host.zone}/${host.id}`
  const records = new Map(before.map((record) => [at(record), record]))
  const listed = new Set(hosts.map(at))
  const removed = before
    .filter((record) => !listed.has(at(record)))
    .map((record) => ({ ...factOf(record), state: 'Removed' }))

  let edges = 0
  await parallel([...hosts, ...removed], async (host) => {
    const record = records.get(at(host))
    const methods = transitions(record, host)
    if (methods.length === 0 && record !== undefined && sameFact(record, host)) return
    const edge = raisesWanted(methods) ? methods.join('+') : undefined
    const written = readHost(await ports.store.update(state(cloud, host, tick, edge, ports.now())))
    if (written === undefined) return
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

const factOf = (record: HostRecord): HostFact => {
  const { id, name, zone, cluster, hypervisor, address, state: status, resourceState } = record
  return { id, name, zone, cluster, hypervisor, address, state: status, resourceState }
}

const sameFact = (record: HostRecord, host: HostFact): boolean =>
  record.managementServer === host.managementServer &&
  JSON.stringify(factOf(record)) === JSON.stringify(factOf({ ...record, ...host }))
