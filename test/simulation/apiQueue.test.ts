/**
 * The queue of the driver that asks CloudStack, on the virtual clock: the functions' own code, 100 hosts that only CloudStack
 * reaches and lack 50 networks, 500 ms a network in the server's pass; beside them 12 hosts that are reached by SSH.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { policyOf } from '../../shared/flow/policy.ts'
import { count, green, type HostStatus, statusOf } from '../../shared/reconcile/status.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { readPointer } from '../../shared/store/items.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Item } from '../../shared/store/store.ts'
import { readDeployed } from './deployed.ts'
import { recordOf } from './invariants/facts.ts'
import { hasPair, type Machine, newMachine } from './machine.ts'
import { type Management, pairOf } from './management.ts'
import { createScheduler } from './scheduler.ts'
import { createSystem, drivers, itemAddress } from './system.ts'
import { createTroubles } from './troubles.ts'
import { watchAll } from './watch.ts'

const start = 1_800_000_000_000
const minute = 60_000
const [requestedHosts, reachedHosts, networkCount] = [100, 12, 50]
const passMilliseconds = networkCount * 500

interface Seen {
  readonly minutes: number
  readonly rows: ReadonlyMap<string, HostStatus>
}

const atOnce: number[] = []
const asked = new Map<string, number>()
const seen: Seen[] = []
const ready = new Map<string, number>()
const untrue: string[] = []

/** What is said must follow from what was done, at every look. */
function judge(machine: Machine, row: HostStatus, management: Management): void {
  const where = `${machine.fact.id} is shown ${row.status} ${row.reason ?? ''}`
  const lacks = [...management.networks.values()].some((network) => !hasPair(machine, pairOf(management, network)))
  if (row.status === 'InSync' && (machine.fact.hypervisor !== 'KVM' || lacks)) untrue.push(where)
  if (row.reason === 'RequestedUnverified' && !asked.has(machine.fact.id)) untrue.push(`${where}, and was not asked`)
}

beforeAll(async () => {
  const scheduler = createScheduler(start)
  const host = (id: string, n: number, hypervisor: string) => {
    const place = { zone: 'zone-1', cluster: `cluster-${hypervisor}`, hypervisor, address: `192.0.2.${n}` }
    return [
      id,
      newMachine(
        'alpha',
        { id, name: id, ...place, state: 'Up', resourceState: 'Enabled', managementServer: 'ms-1' },
        start,
      ),
    ] as const
  }
  const networks = Array.from({ length: networkCount }, (_, n) => {
    const place = { zone: 'zone-1', physicalNetwork: 'physical', project: false, persistent: true }
    return [`n${n}`, { id: `n${n}`, vlan: 100 + n, ...place, createdAt: 0, deletedAt: undefined }] as const
  })
  const management: Management = {
    cloud: 'alpha',
    zones: ['zone-1'],
    physicalNetworks: [{ id: 'physical', zone: 'zone-1', label: 'cloudbr1' }],
    machines: new Map([
      ...Array.from({ length: requestedHosts }, (_, n) => host(`s${n}`, n + 1, 'Simulator')),
      ...Array.from({ length: reachedHosts }, (_, n) => host(`h${n}`, requestedHosts + n + 1, 'KVM')),
    ]),
    networks: new Map(networks),
    events: [],
  }
  const items = new Map<string, Item>()
  let under = 0
  const pass = {
    milliseconds: passMilliseconds,
    begins: () => void atOnce.push(++under),
    ends: (id: string) => {
      under--
      asked.set(id, asked.get(id) ?? scheduler.now() - start)
    },
  }
  createSystem({
    ...{ scheduler, store: createMemoryStore(), items, management, deployed: readDeployed() },
    ...{ troubles: createTroubles(start), watch: watchAll([]), seed: 'queue', skew: 0, zombies: false, settings: {} },
    ...{ pass, tell: () => {} },
  })
  const policy = policyOf(parseConfiguration({ BRIDGEKEEPER_DRIVERS: drivers }))
  for (let minutes = 1; minutes <= 30; minutes++) {
    await scheduler.run(start + minutes * minute, () => false)
    const rows = new Map<string, HostStatus>()
    for (const machine of management.machines.values()) {
      const { id, hypervisor } = machine.fact
      const record = recordOf(items.get(itemAddress('Z#alpha#zone-1', `H#${id}`)))
      if (record === undefined) continue
      const revision = readPointer(items.get(itemAddress('Z#alpha#zone-1', `D#${hypervisor}`)))?.revision
      const row = statusOf(record, revision, policy.driverOf(hypervisor), policy, scheduler.now())
      rows.set(id, row)
      judge(machine, row, management)
      if (row.status === 'InSync') ready.set(id, ready.get(id) ?? minutes)
    }
    seen.push({ minutes, rows })
  }
}, 120_000)

describe('100 hosts that only CloudStack reaches, 25 s each', () => {
  it('are asked two at a time, never more, and never fewer for long', () => {
    expect(Math.max(...atOnce)).toBe(2)
    // Once each; but a host's daily turn may fall into this half hour.
    expect(atOnce.length).toBeLessThanOrEqual(requestedHosts + 5)
    const last = Math.max(...asked.values())
    const atTheLimit = (requestedHosts * passMilliseconds) / 2
    expect(asked.size).toBe(requestedHosts)
    expect(last).toBeGreaterThan(atTheLimit * 0.85)
    expect(last).toBeLessThan(atTheLimit * 1.2 + minute)
  })

  it('delay no host that is reached by SSH', () => {
    expect(ready.size).toBe(reachedHosts)
    expect(Math.max(...ready.values())).toBeLessThanOrEqual(2)
  })

  it('are shown as what they are at every minute: not yet asked, at work, or requested and not verified', () => {
    expect(untrue).toEqual([])
    const reasons = seen.map(({ rows }) => [...rows].filter(([id]) => id.startsWith('s')).map(([, row]) => row.reason))
    for (const each of reasons) {
      expect(
        each.filter((reason) => !['Updating', 'NotYetVerified', 'RequestedUnverified'].includes(reason ?? '')),
      ).toEqual([])
    }
    const requested = reasons.map((each) => each.filter((reason) => reason === 'RequestedUnverified').length)
    expect(requested).toEqual([...requested].sort((one, other) => one - other))
    expect(requested.at(-1)).toBe(requestedHosts)
  })

  it('never count as in sync by themselves, and as fine where that is asked for only once all were requested', () => {
    for (const { rows, minutes } of seen) {
      const all = [...rows.values()]
      const done = all.filter(({ reason }) => reason === 'RequestedUnverified').length === requestedHosts
      expect([minutes, green(count(all))]).toEqual([minutes, false])
      expect([minutes, green(count(all, true))]).toEqual([minutes, done])
    }
  })
})
