/**
 * A day of a deployment on a virtual clock: the functions' own flows over counting parts, a CloudStack and hosts that are fakes and say that
 * all is as it should be. In: how large the cloud is, and how it moves. Out: what was called, read, written and sent.
 */
import type { CloudStack } from '../../shared/cloudstack/client.ts'
import { diff } from '../../shared/flow/diff.ts'
import { policyOf } from '../../shared/flow/policy.ts'
import { provision } from '../../shared/flow/provision.ts'
import { createSharedGate } from '../../shared/flow/sharedGate.ts'
import { snapshot } from '../../shared/flow/snapshot.ts'
import type { Driver, View } from '../../shared/hypervisors/driver.ts'
import { diffRequest, job } from '../../shared/queue/queues.ts'
import type { CloudFacts, HostFact } from '../../shared/reconcile/model.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import type { Ports } from '../../shared/runtime/ports.ts'
import { createMemoryQueues } from '../simulation/memoryQueues.ts'
import { createRandom } from '../simulation/random.ts'
import { createCountingStore, requestsOf } from './counting.ts'
import type { Called } from './prices.ts'

export interface Cloud {
  readonly hosts: number
  readonly networks: number
  /** Seconds between two ticks, and between two verifications of a host; 0: hosts are not verified. */
  readonly interval: number
  readonly verify: number
  /** The share of hosts that go away and come back within a day. */
  readonly churn: number
}

export interface Counts {
  readonly invocations: Readonly<Record<Called, number>>
  readonly reads: number
  readonly writes: number
  readonly sqsRequests: number
  /** Bytes in the table at the end. */
  readonly stored: number
}

const daySeconds = 86_400

/** @param progress is told of each simulated hour. @throws Error where a host is not in sync in the end: then something else was counted */
export async function countDay(cloud: Cloud, progress: (hour: number) => void = () => {}): Promise<Counts> {
  const begun = Date.UTC(2026, 0, 1)
  let time = begun
  const now = (): number => time
  const random = createRandom('a day')
  const policy = policyOf(
    parseConfiguration({
      BRIDGEKEEPER_VERIFY_SECONDS: String(cloud.verify === 0 ? 604_800 : cloud.verify),
      BRIDGEKEEPER_VERIFY_PER_TICK: '100000',
    }),
  )
  const store = createCountingStore()
  const queues = createMemoryQueues(now, () => ({ visibilityMilliseconds: 60_000 }))
  let ids = 0
  const ports: Ports = {
    store,
    queues,
    logger: silent,
    now,
    random: () => random.next(),
    newId: () => `run-${++ids}`,
  }
  const gate = createSharedGate({ ...ports, cloud: policy.cloud, rate: policy.rate, sleep: async () => {} })
  const hosts = createFakeHosts(cloud)
  const invocations: Record<Called, number> = { snapshot: 0, diff: 0, provisionKvm: 0 }

  const provisioner = { ports, policy, cloudstack: () => hosts.cloudstack, driver: () => hosts.driver }
  const work = async (): Promise<void> => {
    for (;;) {
      const [asked, jobs] = [queues.receive('diff'), queues.receive('provisionKvm')]
      if (asked.length + jobs.length === 0) return
      for (const { body, acknowledge } of asked) {
        invocations.diff += 1
        await diff(ports, policy, diffRequest.parse(body), false)
        acknowledge()
      }
      for (const { body, acknowledge } of jobs) {
        invocations.provisionKvm += 1
        await provision(provisioner, job.parse(body), 60_000)
        acknowledge()
      }
    }
  }
  const tick = async (): Promise<void> => {
    invocations.snapshot += 1
    await snapshot(ports, hosts.cloudstack, gate, policy, 60_000)
    await work()
  }

  // A day before, so that what is counted is a deployment that has settled.
  for (let settling = 0; settling < 20; settling += 1) {
    await tick()
    time += cloud.interval * 1000
  }
  const before = { ...invocations }
  const [reads, writes, sent] = [store.units.reads, store.units.writes, queues.sent.length]
  const leaving = Math.round(cloud.hosts * cloud.churn)
  const ticks = Math.round(daySeconds / cloud.interval)
  for (let at = 0; at < ticks; at += 1) {
    time += cloud.interval * 1000
    hosts.move(at, ticks, leaving)
    await tick()
    if ((at * cloud.interval) % 3600 < cloud.interval) progress(Math.floor((at * cloud.interval) / 3600))
  }
  if (queues.dead.length > 0) throw new Error('messages went to the dead letters')
  return {
    invocations: {
      snapshot: invocations.snapshot - before.snapshot,
      diff: invocations.diff - before.diff,
      provisionKvm: invocations.provisionKvm - before.provisionKvm,
    },
    reads: store.units.reads - reads,
    writes: store.units.writes - writes,
    sqsRequests: requestsOf(queues, sent),
    stored: store.stored(),
  }
}

/** A CloudStack and its hosts that are fakes: the one lists, the others are as they should be. */
function createFakeHosts({ hosts, networks }: Cloud) {
  const all: HostFact[] = Array.from({ length: hosts }, (_, at) => ({
    id: `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`,
    name: `kvm-${at}.example.org`,
    zone: '11111111-1111-4111-8111-111111111111',
    cluster: `22222222-2222-4222-8222-${String(Math.floor(at / 32)).padStart(12, '0')}`,
    hypervisor: 'KVM',
    address: `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`,
    state: 'Up',
    resourceState: 'Enabled',
    managementServer: '33333333-3333-4333-8333-333333333333',
  }))
  const zone = all[0]?.zone ?? ''
  const physicalNetwork = '44444444-4444-4444-8444-444444444444'
  const facts: CloudFacts = {
    zones: [{ id: zone, name: 'zone-1' }],
    physicalNetworks: [{ id: physicalNetwork, name: 'guest', zone, vlans: '100-4000', isolation: 'VLAN' }],
    guestLabels: [{ physicalNetwork, labels: { KVM: 'cloudbr1' } }],
    offerings: [{ id: 'o', name: 'persistent', guestType: 'L2', persistent: true }],
    networks: Array.from({ length: networks }, (_, at) => ({
      id: `55555555-5555-4555-8555-${String(at).padStart(12, '0')}`,
      name: `network-${at}`,
      zone,
      offering: 'o',
      guestType: 'L2',
      state: 'Implemented',
      physicalNetwork,
      broadcastUri: `vlan://${100 + at}`,
    })),
  }
  const never = (): Promise<never> => Promise.reject(new Error('this fake CloudStack is not asked for that'))
  const cloudstack: CloudStack = {
    ...{ network: never, networksOn: never, updateHost: never, reconnectHost: never, hostsNow: never, call: never },
    listHosts: async () => all.map((host) => ({ ...host })),
    listFacts: async () => facts,
    changedSince: async () => ({ changed: false, cursor: 'none' }),
  }
  const view: View = {
    bootId: '66666666-6666-4666-8666-666666666666',
    devices: 2 * networks,
    changes: [],
    findings: [],
    orphans: [],
    seen: `${'a'.repeat(16)}.${'b'.repeat(64)}`,
    apply: async () => view,
  }
  const driver: Driver = { verifies: true, open: async () => ({ look: async () => view, close: async () => {} }) }
  return {
    cloudstack,
    driver,
    /** So many of them go away over a day, each for two ticks. */
    move: (at: number, ticks: number, leaving: number): void => {
      for (let one = 0; one < leaving; one += 1) {
        const [host, gone] = [all[one], Math.floor((one * (ticks - 4)) / Math.max(1, leaving))]
        if (host === undefined) continue
        const state = at === gone || at === gone + 1 ? 'Disconnected' : 'Up'
        if (host.state !== state) all[one] = { ...host, state }
      }
    },
  }
}
