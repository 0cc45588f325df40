import { beforeEach, describe, expect, it } from 'vitest'
import type { CloudStack } from '../../shared/cloudstack/client.ts'
import { NoAnswer } from '../../shared/cloudstack/errors.ts'
import { type Policy, policyOf } from '../../shared/flow/policy.ts'
import { prune } from '../../shared/flow/prune.ts'
import { HostError, type Orphan, type Session } from '../../shared/hypervisors/driver.ts'
import type { NetworkFact } from '../../shared/reconcile/model.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Store } from '../../shared/store/store.ts'
import { tombstone } from '../../shared/store/writes.ts'
import { vlan } from '../factories.ts'

const zone = 'zone-1'
const orphan: Orphan = {
  devices: ['breth1-200', 'eth1.200'],
  uri: 'vlan://200',
  uplink: 'eth1',
  physicalNetworks: ['pn-1'],
}
const live: NetworkFact = {
  id: 'network-100',
  name: 'live',
  zone,
  offering: 'o',
  guestType: 'L2',
  state: 'Implemented',
  physicalNetwork: 'pn-1',
  broadcastUri: 'vlan://100',
}

describe('orphans on a host', () => {
  let store: Store
  let asked: string[]
  let deadlines: number[]
  let networks: NetworkFact[]
  let fails: Error | undefined
  let hangs: boolean
  let onListing: () => unknown

  beforeEach(async () => {
    store = createMemoryStore()
    asked = []
    deadlines = []
    networks = [live]
    fails = undefined
    hangs = false
    onListing = () => {}
    const { physicalNetwork, uri, networks: named } = vlan(200)
    await store.update(tombstone('default', zone, { physicalNetwork, uri, networks: named, goneSince: 0 }, 9))
  })

  const unused = () => Promise.reject(new Error('pruning asks no such thing'))
  const cloudstack: CloudStack = {
    listHosts: unused,
    listFacts: unused,
    changedSince: unused,
    updateHost: unused,
    reconnectHost: unused,
    hostsNow: unused,
    call: unused,
    network: async (id) => {
      asked.push(id)
      if (hangs) await new Promise(() => {})
      if (fails instanceof NoAnswer) throw fails
      return networks.find((network) => network.id === id)
    },
    networksOn: async (_zone, physicalNetwork) => {
      onListing()
      return networks.filter((network) => network.physicalNetwork === physicalNetwork)
    },
  }
  const session: Session = {
    look: unused,
    close: async () => {},
    remove: async (_orphan, deadline) => {
      if (fails instanceof HostError) throw fails
      deadlines.push(deadline)
      return { removed: true }
    },
  }
  const pruned = (
    settings: Record<string, string>,
    orphans: readonly Orphan[] = [orphan],
    now = 90_000_000,
    signal: AbortSignal = new AbortController().signal,
    desired = [vlan(100)],
  ) => {
    const policy: Policy = policyOf(parseConfiguration(settings))
    const queues = { send: unused }
    const ports = { store, queues, logger: silent, now: () => now, random: () => 0, newId: () => 'id' }
    return prune({ ports, cloudstack: () => cloudstack, policy, zone, desired, signal }, session, orphans)
  }
  const kept = (why: RegExp) => [{ devices: orphan.devices, uri: 'vlan://200', kept: expect.stringMatching(why) }]

  it('are nobody’s business by default, and CloudStack is not asked', async () => {
    expect(await pruned({})).toEqual([])
    expect([asked, deadlines]).toEqual([[], []])
  })

  it('are reported and left where that is the policy', async () => {
    expect(await pruned({ BRIDGEKEEPER_REMOVAL: 'report' })).toEqual(kept(/report/))
    expect([asked, deadlines]).toEqual([[], []])
  })

  it('are removed once their network is gone for good, under a deadline of 30 s', async () => {
    expect(await pruned({ BRIDGEKEEPER_REMOVAL: 'prune' })).toEqual([{ devices: orphan.devices, uri: 'vlan://200' }])
    expect(asked).toEqual(['network-100', 'network-200', 'network-100'])
    expect(deadlines).toEqual([90_030_000])
  })

  it.each<[string, () => void, RegExp]>([
    ['CloudStack still answers the network', () => networks.push({ ...live, id: 'network-200' }), /still exists/],
    [
      'another network took the URI',
      () => networks.push({ ...live, id: 'n', broadcastUri: 'vlan://200' }),
      /uses vlan:\/\/200/,
    ],
    ['CloudStack shows nothing at all', () => networks.splice(0), /cannot be trusted/],
  ])('are kept when %s', async (_when, change, why) => {
    change()
    expect(await pruned({ BRIDGEKEEPER_REMOVAL: 'prune' })).toEqual(kept(why))
    expect(deadlines).toEqual([])
  })

  it('are kept when CloudStack shows nothing any more after its first answer', async () => {
    onListing = () => networks.splice(0)
    expect(await pruned({ BRIDGEKEEPER_REMOVAL: 'prune' })).toEqual(kept(/cannot be trusted/))
    expect(deadlines).toEqual([])
  })

  it('are kept within the grace, and CloudStack is not asked', async () => {
    expect(await pruned({ BRIDGEKEEPER_REMOVAL: 'prune' }, [orphan], 1_000)).toEqual(kept(/too short a time/))
    expect(asked).toEqual([])
  })

  it.each<[string, Error, RegExp]>([
    [
      'the host does not answer',
      new HostError('HostUnreachable', 'connection lost'),
      /host did not answer: connection lost/,
    ],
    ['CloudStack does not answer', new NoAnswer('refused'), /could not be asked: refused/],
  ])('are kept, and the run is none the worse, when %s', async (_when, error, why) => {
    fails = error
    expect(await pruned({ BRIDGEKEEPER_REMOVAL: 'prune' })).toEqual(kept(why))
  })

  it('are kept when the run’s time is over while CloudStack is asked', async () => {
    const controller = new AbortController()
    hangs = true
    const outcomes = pruned({ BRIDGEKEEPER_REMOVAL: 'prune' }, [orphan, orphan], 90_000_000, controller.signal)
    controller.abort()
    expect(await outcomes).toEqual([...kept(/time was over/), ...kept(/time was over/)])
  })

  it('of one physical network share one listing', async () => {
    let listings = 0
    onListing = () => listings++
    await pruned({ BRIDGEKEEPER_REMOVAL: 'prune' }, [orphan, orphan, orphan])
    expect(listings).toBe(1)
    expect(asked.filter((id) => id === 'network-100')).toHaveLength(1 + 3)
    expect(asked.filter((id) => id === 'network-200')).toHaveLength(3)
  })

  it('are kept where no network of the zone is left to check CloudStack’s answers by', async () => {
    expect(await pruned({ BRIDGEKEEPER_REMOVAL: 'prune' }, [orphan], 90_000_000, undefined, [])).toEqual(
      kept(/no network of this zone is left/),
    )
  })

  it('beyond fifty are kept for the next run', async () => {
    const many = Array.from({ length: 52 }, () => orphan)
    const outcomes = await pruned({ BRIDGEKEEPER_REMOVAL: 'prune' }, many)
    expect(outcomes.filter((each) => each.kept === undefined)).toHaveLength(50)
    expect(outcomes.filter((each) => each.kept === 'enough for one run')).toHaveLength(2)
  })
})
