/** Plain data for tests: each factory gives one whole, ordinary value; a test names only what it is about. */
import type { Desired, DesiredNetwork, HostFact } from '../shared/reconcile/model.ts'
import type { HostRecord } from '../shared/reconcile/record.ts'

export const hostFact = (given: Partial<HostFact> = {}): HostFact => ({
  id: 'host-1',
  name: 'kvm1',
  zone: 'zone-1',
  cluster: 'cluster-1',
  hypervisor: 'KVM',
  address: '192.0.2.11',
  state: 'Up',
  resourceState: 'Enabled',
  managementServer: 'ms-1',
  ...given,
})

/** A host that nothing is due on: its only edge was served at time 0, in revision `r1`, mode apply. */
export const hostRecord = (given: Partial<HostRecord> = {}): HostRecord => ({
  ...hostFact(),
  tick: 1,
  wanted: 1,
  tried: 1,
  done: 1,
  queued: 1,
  queuedWhy: 'edge',
  ran: 1,
  settled: 'r1:apply',
  verifiedAt: 0,
  verdict: 'InSync',
  created: 0,
  failures: 0,
  retries: 0,
  exceptions: [],
  ...given,
})

/** The same without the named attributes: a record's optional attributes are absent, not undefined. */
export function without<T extends object, K extends keyof T>(value: T, ...names: readonly K[]): Omit<T, K> {
  const copy = { ...value }
  for (const name of names) delete copy[name]
  return copy
}

export const vlan = (id: number, physicalNetwork = 'pn-1'): DesiredNetwork => ({
  physicalNetwork,
  label: 'cloudbr1',
  uri: `vlan://${id}`,
  networks: [{ id: `network-${id}`, name: `net${id}` }],
})

/** What hosts should know, of these networks and no physical network beside theirs. */
export const desiredOf = (networks: readonly DesiredNetwork[]): Desired => ({ networks, labels: [] })
