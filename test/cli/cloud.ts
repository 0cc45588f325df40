/**
 * A small cloud written down by the flow's own writes: kvm1 in sync, kvm2 with one network in conflict, kvm3 Down, and a
 * host that nobody has looked at, whose name is hostile.
 */
import { deployedSettings, policyOf } from '../../shared/flow/policy.ts'
import type { Finding } from '../../shared/hypervisors/driver.ts'
import type { HostFact } from '../../shared/reconcile/model.ts'
import { outcome } from '../../shared/reconcile/outcome.ts'
import type { HostRecord } from '../../shared/reconcile/record.ts'
import { encodeRevision } from '../../shared/reconcile/revision.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { readHost } from '../../shared/store/items.ts'
import type { Store } from '../../shared/store/store.ts'
import * as writes from '../../shared/store/writes.ts'
import { desiredOf, hostFact, vlan } from '../factories.ts'

export const cloud = 'default'
export const zones = [{ id: 'zone-1', name: 'Zürich' }]
export const hostileName = `\u001B[2Jevil\u009B31m\u202Eliam\u0007${'x'.repeat(230)}`
const policy = policyOf(parseConfiguration({}))
const desired = encodeRevision(desiredOf([vlan(3001), vlan(3002)]))

export const hosts = {
  kvm1: hostFact({ id: 'host-1', name: 'kvm1' }),
  kvm2: hostFact({ id: 'host-2', name: 'kvm2' }),
  kvm3: hostFact({ id: 'host-3', name: 'kvm3', state: 'Down' }),
  hostile: hostFact({ id: 'host-4', name: hostileName }),
} as const

const conflict: Finding = {
  physicalNetwork: 'pn-1',
  uri: 'vlan://3002',
  reason: 'Conflict',
  detail: 'eth1.3002 belongs to br-storage',
}

export async function writeControl(store: Store, now: number): Promise<void> {
  const settings = deployedSettings(policy)
  await store.update(writes.acquireTick(cloud, 'test', now, now + 1000))
  await store.update(writes.release(cloud, 'test', undefined, { lastGoodAt: now, zones, settings }))
}

export async function writeCloud(store: Store, now: number): Promise<void> {
  await writeControl(store, now)
  await store.update(writes.revisionBody(cloud, 'zone-1', 'KVM', desired.revision, desired.body, 4_000_000_000))
  await store.update(writes.pointer(cloud, 'zone-1', 'KVM', desired.revision, 1))
  for (const host of Object.values(hosts)) await store.update(writes.state(cloud, host, 1, 'hostAdded', now - 4000))
  await runOn(store, hosts.kvm1, 1, now, [])
  await runOn(store, hosts.kvm2, 1, now, [conflict])
}

/** Begins a run as a provisioner does. */
export async function acquire(store: Store, host: HostFact, tick: number, now: number): Promise<HostRecord> {
  const times = { now, runUntil: now + 60_000, outstandingUntil: now + 60_000 }
  const write = writes.acquireRun(cloud, host.zone, host.id, tick, 'edge', `run-${tick}`, times)
  const record = readHost(await store.update(write))
  if (record === undefined) throw new Error(`the run on ${host.name} was refused`)
  return record
}

/** A whole run that found these. */
export async function runOn(
  store: Store,
  host: HostFact,
  tick: number,
  now: number,
  findings: readonly Finding[],
): Promise<void> {
  const record = await acquire(store, host, tick, now)
  const verdict = findings.length === 0 ? 'InSync' : 'OutOfSync'
  const seen = { pending: [], readiness: [], orphans: [] } as const
  const result = { verdict, devices: 2 * (2 - findings.length), created: 4, findings, ...seen } as const
  const done = outcome(record, result, desired.revision, policy, now, 0)
  await store.update(writes.reportDone(cloud, record, `run-${tick}`, done, now))
}

export async function failOn(store: Store, host: HostFact, tick: number, now: number): Promise<void> {
  const record = await acquire(store, host, tick, now)
  const failure = { reason: 'HostUnreachable', detail: 'connection timed out', nextAttemptAt: now + 60_000 } as const
  await store.update(writes.reportFailed(cloud, record, `run-${tick}`, failure))
}
