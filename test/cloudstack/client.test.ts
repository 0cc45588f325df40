/** The client against the simulator and its faults: waiting, complete listings, what changed. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { type CloudStack, createCloudStack } from '../../shared/cloudstack/client.ts'
import { IncompleteListing, MalformedAnswer, NoAnswer, RightLost } from '../../shared/cloudstack/errors.ts'

const many = <T>(count: number, make: (index: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, i) => make(i))

const seed = seedCloud([
  {
    name: 'zone1',
    physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' }, vlans: '1000-1999' }],
    clusters: [{ name: 'c1', hosts: many(1001, (index) => ({ name: `kvm${index}`, address: '192.0.2.1' })) }],
    networks: many(3, (index) => ({ name: `n${index}`, uri: `vlan://${100 + index}` })),
  },
])

let simulator: CloudStackSimulator
let waited: number[]
let client: CloudStack

beforeEach(async () => {
  simulator = await startCloudStackSimulator({ seed })
  waited = []
  client = createCloudStack({ ...simulator, timeoutMs: 5_000, sleep: async (wait) => void waited.push(wait) })
})
afterEach(() => simulator.stop())

describe('listing', () => {
  it('reads every page, each host once', async () => {
    const hosts = await client.listHosts()
    expect(new Set(hosts.map(({ id }) => id)).size).toBe(1001)
    expect(simulator.requests.listHosts).toBe(3)
  })

  it('is an error, and no short list, when rows are missing', async () => {
    simulator.faults.cut = { command: 'listHosts', rows: 1 }
    await expect(client.listHosts()).rejects.toThrow(IncompleteListing)
  })

  it('asks for networks by persistent offering, with and without projects', async () => {
    const project = { name: 'p', zone: 'zone1', offering: 'l2-persistent-vlan', vlan: '900', project: 'project-1' }
    await simulator.cloud.createNetwork(project)
    const facts = await client.listFacts()
    expect(facts.networks.map(({ name }) => name).sort()).toEqual(['n0', 'n1', 'n2', 'p'])
    const persistent = facts.offerings.filter((offering) => offering.persistent).length
    expect(simulator.requests.listNetworks).toBe(2 * persistent)
  })

  it('is RightLost when a persistent network comes without its URI', async () => {
    simulator.faults.rightLost = true
    await expect(client.listFacts()).rejects.toThrow(RightLost)
    await expect(client.listFacts()).rejects.toThrow('no broadcast URI for 3 of 3 persistent networks')
  })

  it('is not RightLost when a network is only Allocated', async () => {
    const allocated = seedCloud([
      {
        name: 'z',
        physicalNetworks: [{ name: 'g' }],
        clusters: [],
        networks: [{ name: 'later', offering: 'iso-persistent-auto' }],
      },
    ])
    const other = await startCloudStackSimulator({ seed: allocated })
    const facts = await createCloudStack(other).listFacts()
    await other.stop()
    expect(facts.networks.map(({ state }) => state)).toEqual(['Allocated'])
  })
})

describe('a busy server', () => {
  it.each([
    ['seconds', '7', [7000]],
    ['nothing that can be read', 'soon', [1000]],
  ])('is waited for as it asks, in %s', async (_what, retryAfter, expected) => {
    simulator.faults.busy = { times: 1, retryAfter }
    await client.changedSince(undefined)
    expect(waited).toEqual(expected)
  })

  it('is waited for until a date', async () => {
    const now = Date.now()
    const patient = createCloudStack({ ...simulator, now: () => now, sleep: async (wait) => void waited.push(wait) })
    simulator.faults.busy = { times: 1, status: 429, retryAfter: new Date(now + 9_000).toUTCString() }
    await patient.changedSince(undefined)
    expect(waited[0]).toBeGreaterThan(7_999)
    expect(waited[0]).toBeLessThan(9_001)
  })

  it('is given up after three waits', async () => {
    simulator.faults.busy = { times: 99, retryAfter: '1' }
    await expect(client.changedSince(undefined)).rejects.toThrow(NoAnswer)
    expect(waited).toEqual([1000, 1000, 1000])
  })

  it('is given up at once when it asks for more than 30 s', async () => {
    simulator.faults.busy = { times: 1, retryAfter: '31' }
    await expect(client.changedSince(undefined)).rejects.toThrow('HTTP 503 to listEvents and asked to wait 31 s')
    expect(waited).toEqual([])
  })
})

describe('what changed', () => {
  it('is told by one call, and only once', async () => {
    const first = await client.changedSince(undefined)
    const quiet = await client.changedSince(first.cursor)
    await simulator.cloud.createNetwork({ name: 'new', zone: 'zone1', offering: 'l2-persistent-vlan', vlan: '4000' })
    const after = await client.changedSince(quiet.cursor)
    const again = await client.changedSince(after.cursor)
    expect([first, quiet, after, again].map(({ changed }) => changed)).toEqual([true, false, true, false])
    expect(simulator.requests.listEvents).toBe(4)
  })

  it('does not count what hosts do', async () => {
    const { cursor } = await client.changedSince(undefined)
    await simulator.cloud.enterMaintenance('kvm1')
    expect((await client.changedSince(cursor)).changed).toBe(false)
  })
})

describe('updateHost', () => {
  it('sends the id and nothing else, and the server sets the host up', async () => {
    const { id } = simulator.cloud.host('kvm5')
    await client.updateHost(id)
    expect(simulator.cloud.setups.map(({ host, cause }) => [host, cause])).toEqual(Array(3).fill([id, 'updateHost']))
    expect(simulator.cloud.host('kvm5').resourceState).toBe('Enabled')
  })

  it('that is not answered in time may still be at work, and the error says so', async () => {
    simulator.faults.hang = 'updateHost'
    const hasty = createCloudStack({ ...simulator, updateHostTimeoutMs: 50 })
    await expect(hasty.updateHost('x')).rejects.toMatchObject({ name: 'NoAnswer', timedOut: true, transient: true })
  })
})

describe('any other call', () => {
  it('is parsed by the schema that is given', async () => {
    const schema = z.object({ capability: z.object({ cloudstackversion: z.string() }) })
    const { capability } = await client.call('listCapabilities', {}, schema)
    expect(capability.cloudstackversion).toBe('4.18.0.0')
  })

  it('that answers something else is MalformedAnswer, and names the field', async () => {
    const schema = z.object({ capability: z.object({ missing: z.string() }) })
    const asked = client.call('listCapabilities', {}, schema)
    await expect(asked).rejects.toThrow(MalformedAnswer)
    await expect(asked).rejects.toThrow('capability.missing')
  })
})
