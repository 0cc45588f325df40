import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { createCloudStack } from '../../shared/cloudstack/client.ts'
import { backfill } from '../../shared/flow/backfill.ts'
import { diff } from '../../shared/flow/diff.ts'
import { policyOf } from '../../shared/flow/policy.ts'
import { readDesired, readHosts } from '../../shared/flow/read.ts'
import { createSharedGate } from '../../shared/flow/sharedGate.ts'
import { snapshot } from '../../shared/flow/snapshot.ts'
import { diffRequest, job } from '../../shared/queue/queues.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import type { Ports } from '../../shared/runtime/ports.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Store } from '../../shared/store/store.ts'
import { createMemoryQueues } from '../simulation/memoryQueues.ts'

/** The same ids in every cloud, as the seed makes them from names: what must not be confused. */
const seedOf = (vlans: readonly number[], hosts: number) =>
  seedCloud(
    ['one', 'two', 'three'].map((name, zone) => ({
      name,
      physicalNetworks: [{ name: 'guest', labels: { KVM: `cloudbr${zone}` } }],
      clusters: [
        {
          name: 'cluster',
          hosts: Array.from({ length: hosts }, (_, n) => ({ name: `kvm${n}`, address: `192.0.2.${n}` })),
        },
      ],
      networks: vlans.map((vlan) => ({ name: `net${vlan}`, uri: `vlan://${vlan + zone}` })),
    })),
  )

describe('clouds and zones in one table', () => {
  const simulators: CloudStackSimulator[] = []
  afterEach(async () => {
    for (const simulator of simulators.splice(0)) await simulator.stop()
  })

  async function cloud(name: string, store: Store, vlans: readonly number[], hosts: number) {
    const simulator = await startCloudStackSimulator({ seed: seedOf(vlans, hosts) })
    simulators.push(simulator)
    const queues = createMemoryQueues(Date.now, () => ({ visibilityMilliseconds: 60_000 }))
    const ports: Ports = { store, queues, logger: silent, now: Date.now, random: Math.random, newId: () => name }
    const policy = policyOf(parseConfiguration({ BRIDGEKEEPER_CLOUD: name }))
    const gate = createSharedGate({ ...ports, cloud: name, rate: policy.rate, sleep: delay })
    const tick = () => snapshot(ports, createCloudStack({ ...simulator, gate }), gate, policy, 60_000)
    const zones = simulator.cloud.networks().map(({ zone }) => zone)
    return { name, simulator, queues, ports, policy, tick, zones: [...new Set(zones)] }
  }

  it('two clouds whose zones, hosts and networks have the same ids do not touch one another', async () => {
    const store = createMemoryStore()
    const [a, b] = [await cloud('a', store, [100], 2), await cloud('b', store, [200, 300], 3)]
    expect(await a.tick()).toMatchObject({ tick: 1, hosts: 6, edges: 6, zonesDue: 3 })
    expect(await b.tick()).toMatchObject({ tick: 1, hosts: 9, edges: 9, zonesDue: 3 })
    for (const delivered of a.queues.receive('diff'))
      await diff(a.ports, a.policy, diffRequest.parse(delivered.body), false)
    expect(a.queues.receive('provisionKvm').map(({ body }) => job.parse(body).cloud)).toEqual(Array(6).fill('a'))
    await backfill(a.ports, a.policy, {}, { by: 'test' })
    for (const zone of a.zones) {
      expect((await readHosts(store, 'a', zone)).map(({ wanted, queued }) => [wanted, queued])).toEqual(
        Array(2).fill([2, 1]),
      )
      expect((await readHosts(store, 'b', zone)).map(({ wanted, queued }) => [wanted, queued])).toEqual(
        Array(3).fill([1, undefined]),
      )
    }
  })

  it('each zone’s hosts are told of its own networks and labels only', async () => {
    const store = createMemoryStore()
    const { tick, zones } = await cloud('a', store, [100, 200], 1)
    await tick()
    const sets = await Promise.all(zones.map((zone) => readDesired(store, 'a', zone, 'KVM')))
    expect(sets.map((set) => set?.networks.map(({ uri, label }) => `${uri} ${label}`))).toEqual([
      ['vlan://100 cloudbr0', 'vlan://200 cloudbr0'],
      ['vlan://101 cloudbr1', 'vlan://201 cloudbr1'],
      ['vlan://102 cloudbr2', 'vlan://202 cloudbr2'],
    ])
  })

  it('a tick in which nothing changed asks CloudStack for its hosts and its events, once each', async () => {
    const { tick, simulator } = await cloud('a', createMemoryStore(), [100], 2)
    await tick()
    const before = { ...simulator.requests }
    await tick()
    const asked = Object.entries(simulator.requests).map(([command, count]) => [
      command,
      count - (before[command] ?? 0),
    ])
    expect(Object.fromEntries(asked.filter(([, count]) => count !== 0))).toEqual({ listHosts: 1, listEvents: 1 })
  })

  it('a network that is made between two ticks is found by its event', async () => {
    const store = createMemoryStore()
    const { tick, simulator, zones } = await cloud('a', store, [100], 1)
    await tick()
    await simulator.cloud.createNetwork({ name: 'new', zone: 'one', offering: 'l2-persistent-vlan', vlan: '500' })
    await tick()
    expect((await readDesired(store, 'a', zones[0] ?? '', 'KVM'))?.networks.map(({ uri }) => uri)).toContain(
      'vlan://500',
    )
  })
})
