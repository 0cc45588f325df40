/**
 * A small cloud on a virtual clock: the real flow (snapshot, diff, provision) over the in-memory store and queues, with
 * hosts that are sets of device names. In: what a story does to hosts and networks. Out: what Bridgekeeper made of it.
 * Used to place faults exactly; the embedded cloud shows the same on real parts.
 */
import type { CloudStack } from '../../shared/cloudstack/client.ts'
import { backfill } from '../../shared/flow/backfill.ts'
import { diff } from '../../shared/flow/diff.ts'
import { type Policy, policyOf } from '../../shared/flow/policy.ts'
import { provision } from '../../shared/flow/provision.ts'
import { readHosts } from '../../shared/flow/read.ts'
import { createSharedGate, type SharedGate } from '../../shared/flow/sharedGate.ts'
import { type SnapshotReport, snapshot } from '../../shared/flow/snapshot.ts'
import { type Driver, HostError, type Session, type View } from '../../shared/hypervisors/driver.ts'
import { diffRequest, job, type QueueName } from '../../shared/queue/queues.ts'
import type { DesiredNetwork, HostFact, NetworkFact } from '../../shared/reconcile/model.ts'
import type { Reason } from '../../shared/reconcile/reasons.ts'
import type { HostRecord } from '../../shared/reconcile/record.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import type { Ports } from '../../shared/runtime/ports.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Store } from '../../shared/store/store.ts'
import { hostFact } from '../factories.ts'
import { createMemoryQueues, type MemoryQueues } from './memoryQueues.ts'

export const functionMilliseconds = 300_000

export interface World {
  readonly store: Store
  readonly queues: MemoryQueues
  readonly policy: Policy
  readonly ports: Ports
  /** Why a host cannot be prepared, by its id: UplinkMissing for each network that it lacks, else the whole host. */
  readonly faults: Map<string, Reason>
  /** What each host has; a test may delete from it, as a reboot or a hand would. */
  readonly devices: Map<string, Set<string>>
  /** Runs that applied, in order; and whether two ever did on one host at once. */
  readonly applied: string[]
  readonly overlaps: string[]
  host(id: string, given?: Partial<HostFact>): void
  network(id: number): void
  removeHost(id: string): void
  removeNetwork(id: number): void
  now(): number
  advance(milliseconds: number): void
  /** One tick of the schedule, on ports that a test may have tampered with. */
  tick(ports?: Partial<Ports>): Promise<SnapshotReport>
  /** Delivers what can be received until nothing can be. A handler that throws leaves its message. */
  deliver(queue: QueueName, ports?: Partial<Ports>): Promise<void>
  /** Ticks and delivers, minute by minute. */
  minutes(count: number): Promise<void>
  backfill(): Promise<unknown>
  records(): Promise<readonly HostRecord[]>
  /** Every host that is Up has every network. */
  converged(): boolean
}

export function createWorld(settings: Readonly<Record<string, string>> = {}): World {
  let clock = 1_800_000_000_000
  let ids = 0
  const facts = new Map<string, HostFact>()
  let networks: readonly NetworkFact[] = []
  const devices = new Map<string, Set<string>>()
  const faults = new Map<string, Reason>()
  const applied: string[] = []
  const overlaps: string[] = []
  const busy = new Set<string>()
  const now = (): number => clock
  const store = createMemoryStore()
  const queues = createMemoryQueues(now, () => ({ visibilityMilliseconds: functionMilliseconds + 30_000 }))
  const policy = policyOf(parseConfiguration(settings))
  const plain: Ports = { store, queues, logger: silent, now, random: () => 0.5, newId: () => `id-${++ids}` }

  /** This world's CloudStack is no server, and asks nobody: what a tick pays for stays unspent. */
  const gateOf = (ports: Ports): SharedGate =>
    createSharedGate({ ...ports, cloud: policy.cloud, rate: policy.rate, sleep: async () => {} })

  const listing = (): string => networks.map((network) => network.id).join(' ')
  const cloudstack: CloudStack = {
    listHosts: async () => [...facts.values()],
    listFacts: async () => ({
      zones: [{ id: 'zone-1', name: 'one' }],
      physicalNetworks: [{ id: 'pn-1', name: 'pn', zone: 'zone-1' }],
      guestLabels: [{ physicalNetwork: 'pn-1', labels: { KVM: 'cloudbr1' } }],
      offerings: [{ id: 'offering-1', name: 'persistent', guestType: 'L2', persistent: true }],
      networks,
    }),
    changedSince: async (cursor) => ({ changed: cursor !== listing(), cursor: listing() }),
    updateHost: async () => {},
    reconnectHost: () => Promise.reject(new Error('this world reconnects no host')),
    hostsNow: async (which) => [...facts.values()].filter((host) => 'clusterid' in which || host.id === which.id),
    network: async (id) => networks.find((network) => network.id === id),
    networksOn: async () => networks,
    call: () => Promise.reject(new Error('this world answers no other call')),
  }

  const open = (id: string): Session => ({ look: (desired) => look(id, desired), close: async () => {} })
  const look = async (id: string, desired: readonly DesiredNetwork[]): Promise<View> => {
    const own = devices.get(id) ?? new Set()
    const lacks = desired.filter(({ uri }) => !own.has(uri))
    const uplinkMissing = faults.get(id) === 'UplinkMissing'
    const missing = uplinkMissing ? [] : lacks
    const findings = (uplinkMissing ? lacks : []).map(({ physicalNetwork, uri }) => {
      return { physicalNetwork, uri, reason: 'UplinkMissing', detail: 'no bridge cloudbr1' } as const
    })
    return {
      bootId: 'boot',
      devices: desired.length - lacks.length,
      findings,
      changes: missing.map(({ physicalNetwork, uri }) => ({
        physicalNetwork,
        uri,
        devices: [uri],
        steps: ['create'],
      })),
      apply: async () => {
        if (busy.has(id)) overlaps.push(id)
        busy.add(id)
        await Promise.resolve()
        for (const { uri } of missing) own.add(uri)
        applied.push(id)
        busy.delete(id)
        return look(id, desired)
      },
    }
  }
  const openOrFail = async (id: string): Promise<Session> => {
    const reason = faults.get(id)
    if (reason !== undefined && reason !== 'UplinkMissing') throw new HostError(reason, 'as the test wants it')
    return open(id)
  }
  const driver: Driver = { verifies: true, open: (target) => openOrFail(target.id) }

  const handle = async (queue: QueueName, body: unknown, receives: number, ports: Ports): Promise<unknown> => {
    if (queue === 'snapshot') return snapshot(ports, cloudstack, gateOf(ports), policy, functionMilliseconds)
    if (queue === 'diff') return diff(ports, policy, diffRequest.parse(body), receives > 1)
    return provision(
      { ports, policy, driver: () => driver, cloudstack: () => cloudstack },
      job.parse(body),
      functionMilliseconds,
    )
  }

  const deliver = async (queue: QueueName, given: Partial<Ports> = {}): Promise<void> => {
    for (let received = queues.receive(queue); received.length > 0; received = queues.receive(queue)) {
      await Promise.all(
        received.map(async ({ body, receives, acknowledge }) => {
          const finished = await handle(queue, body, receives, { ...plain, ...given }).then(
            () => true,
            () => false,
          )
          if (finished) acknowledge()
        }),
      )
    }
  }

  const tick = (given: Partial<Ports> = {}) =>
    snapshot({ ...plain, ...given }, cloudstack, gateOf({ ...plain, ...given }), policy, functionMilliseconds)
  const step = async (): Promise<void> => {
    await tick()
    for (let round = 0; round < 20; round++)
      for (const queue of ['snapshot', 'diff', 'provisionKvm'] as const) await deliver(queue)
  }

  return {
    store,
    queues,
    policy,
    ports: plain,
    faults,
    devices,
    applied,
    overlaps,
    host: (id, given = {}) => {
      facts.set(id, hostFact({ id, name: id, zone: 'zone-1', ...facts.get(id), ...given }))
      if (!devices.has(id)) devices.set(id, new Set())
    },
    removeHost: (id) => void facts.delete(id),
    removeNetwork: (id) => {
      networks = networks.filter((network) => network.id !== `n-${id}`)
    },
    network: (id) => {
      const common = {
        zone: 'zone-1',
        offering: 'offering-1',
        guestType: 'L2',
        state: 'Implemented',
        physicalNetwork: 'pn-1',
      }
      networks = [...networks, { ...common, id: `n-${id}`, name: `n${id}`, broadcastUri: `vlan://${id}` }]
    },
    now,
    advance: (milliseconds) => {
      clock += milliseconds
    },
    tick,
    deliver,
    minutes: async (count) => {
      for (let minute = 0; minute < count; minute++) {
        clock += 60_000
        await step()
      }
    },
    backfill: () => backfill(plain, policy, {}, { by: 'test' }),
    records: () => readHosts(store, policy.cloud, 'zone-1'),
    converged: () =>
      [...facts.values()]
        .filter((host) => host.state === 'Up')
        .every((host) => networks.every((network) => devices.get(host.id)?.has(network.broadcastUri ?? ''))),
  }
}
