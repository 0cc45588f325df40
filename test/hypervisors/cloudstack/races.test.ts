/**
 * Nothing is sent to a host in maintenance, whatever changes while the driver reads, waits and sends: 3,000 random courses of
 * a management server that is kept in memory and says so (`ServerInMemory`), on a virtual clock.
 */
import { describe, expect, it } from 'vitest'
import { maintenanceStates } from '../../../infra/local/cloudstackSimulator/hostStates.ts'
import { type Asking, createCloudStackDriver } from '../../../shared/hypervisors/cloudstack/driver.ts'
import { freshMilliseconds } from '../../../shared/hypervisors/cloudstack/freshRead.ts'
import { HostError } from '../../../shared/hypervisors/driver.ts'
import type { HostFact } from '../../../shared/reconcile/model.ts'
import { silent } from '../../../shared/runtime/logger.ts'
import { hostFact, vlan } from '../../factories.ts'
import { createRandom, type Random } from '../../simulation/random.ts'

const states = ['Up', 'Up', 'Up', 'Disconnected', 'Alert', 'Connecting']
const resourceStates = ['Enabled', 'Enabled', 'Disabled', 'Degraded', ...maintenanceStates]
const ids = ['a', 'b', 'c']

interface Sent {
  readonly command: 'updateHost' | 'reconnectHost'
  readonly now: HostFact
  /** What the last reading showed, how long ago, and whether anything has changed since. */
  readonly read: HostFact
  readonly age: number
  readonly changed: boolean
  readonly othersUp: number
}

class ServerInMemory {
  readonly sent: Sent[] = []
  clock = 1_000_000_000
  private readonly random: Random
  private readonly hosts: Map<string, HostFact>
  private readings = new Map<string, { host: HostFact; at: number; others: number }>()
  private changes = 0
  private changesAtReading = 0

  constructor(random: Random, hosts: number) {
    this.random = random
    this.hosts = new Map(ids.slice(0, hosts).map((id) => [id, hostFact({ id, cluster: 'c1' })]))
  }

  /** Time passes, and a host may change at any moment of it. */
  pass(most: number): void {
    this.clock += this.random.whole(0, most)
    if (!this.random.chance(0.5)) return
    const id = this.random.pick([...this.hosts.keys()]) ?? 'a'
    const before = this.hosts.get(id)
    const state = this.random.pick(states) ?? 'Up'
    const resourceState = this.random.pick(resourceStates) ?? 'Enabled'
    if (before?.state === state && before.resourceState === resourceState) return
    this.changes++
    this.hosts.set(id, hostFact({ id, cluster: 'c1', state, resourceState }))
  }

  private good = (host: HostFact | undefined): boolean => host?.state === 'Up' && host.resourceState === 'Enabled'

  private send(command: Sent['command'], id: string, before: (() => void) | undefined): void {
    this.pass(this.random.chance(0.3) ? 20_000 : 900) // The shared rate, a busy server.
    before?.()
    const now = this.hosts.get(id)
    const reading = this.readings.get(id)
    if (now === undefined || reading === undefined) throw new Error(`${command} without a reading`)
    const { host: read, at, others } = reading
    const changed = this.changes !== this.changesAtReading
    this.sent.push({ command, now, read, age: this.clock - at, changed, othersUp: others })
  }

  readonly asking: Asking = {
    hostsNow: async (which) => {
      this.pass(3_000)
      const found = [...this.hosts.values()].filter((host) => 'clusterid' in which || host.id === which.id)
      const others = (id: string) => found.filter((host) => host.id !== id && this.good(host)).length
      this.readings = new Map(found.map((host) => [host.id, { host, at: this.clock, others: others(host.id) }]))
      this.changesAtReading = this.changes
      return found
    },
    updateHost: async (id, before) => this.send('updateHost', id, before),
    reconnectHost: async (id, before) => {
      this.send('reconnectHost', id, before)
      return 'job'
    },
    call: async (command, _parameters, schema) =>
      schema.parse(
        command === 'listCapabilities' ? { capability: { cloudstackversion: '4.20.0.0' } } : { jobstatus: 1 },
      ),
  }
}

async function course(seed: number): Promise<ServerInMemory> {
  const random = createRandom(`race ${seed}`)
  const server = new ServerInMemory(random, random.whole(1, 3))
  const sleep = async (milliseconds: number): Promise<void> => {
    server.clock += milliseconds
    server.pass(milliseconds)
  }
  const lease = async () => (random.chance(0.8) ? { release: async () => {} } : undefined)
  const driver = createCloudStackDriver(server.asking, {
    now: () => server.clock,
    reconnecting: { lease, logger: silent, sleep },
  })
  const request = random.chance(0.6) ? ({ call: 'updateHost', answered: false, at: 1 } as const) : undefined
  const target = { cloud: 'x', zone: 'z', cluster: 'c1', id: 'a', name: 'a', address: '', resourceState: 'Enabled' }
  try {
    const asked = { ...target, ...(request === undefined ? {} : { request }) }
    const session = await driver.open(asked, new AbortController().signal)
    await (await session.look([vlan(100)])).apply()
  } catch (error) {
    if (!(error instanceof HostError)) throw error
  }
  return server
}

describe('whatever changes meanwhile', () => {
  it('a host is sent only what a reading of the last five seconds allowed, and one in maintenance only what nobody could know of', async () => {
    const all: Sent[] = []
    for (let seed = 0; seed < 3_000; seed++) all.push(...(await course(seed)).sent)
    expect(all.filter(({ command }) => command === 'updateHost').length).toBeGreaterThan(300)
    expect(all.filter(({ command }) => command === 'reconnectHost').length).toBeGreaterThan(50)
    const wrong = all.filter(({ command, read, age, now, changed, othersUp }) => {
      const allowed = read.state === 'Up' && read.resourceState === 'Enabled' && age <= freshMilliseconds
      const inMaintenance = [...maintenanceStates].some((state) => state === now.resourceState)
      return !allowed || (inMaintenance && !changed) || (command === 'reconnectHost' && othersUp === 0)
    })
    expect(wrong).toEqual([])
  })

  it('a request is made once, by one command or after the other was refused', async () => {
    for (let seed = 0; seed < 500; seed++) expect((await course(seed)).sent.length).toBeLessThanOrEqual(1)
  })
})
