import { describe, expect, it } from 'vitest'
import { call, textsOf } from '../../../infra/local/xapiSimulator/calls.ts'
import { createSimulatedPool, type SimulatedPool } from '../../../infra/local/xapiSimulator/pool.ts'
import { run } from '../../../shared/hypervisors/run.ts'
import { createXapiPools, createXenServerDriver } from '../../../shared/hypervisors/xenserver/driver.ts'
import { markKey, uriKey, vlanName } from '../../../shared/hypervisors/xenserver/names.ts'
import { reasons } from '../../../shared/reconcile/reasons.ts'
import { desiredOf } from '../../factories.ts'
import { createRandom, type Random } from '../../simulation/random.ts'
import { connectInside, mark, memoryLease, network } from './factory.ts'

const root = { username: 'root', password: 'simulated' }
const names = ['xen1', 'xen2', 'xen3']
const tags = [100, 101, 102]
const now = 1_800_000_000_000

/** A pool as somebody may have left it: networks of every kind of name, VLANs and VMs on them, ours and others'. */
function somePool(random: Random): SimulatedPool {
  const pool = createSimulatedPool(
    { name: 'pool', hosts: names },
    names.map((_, index) => `192.0.2.${index + 1}`),
    [root],
  )
  const { database } = pool
  const guests = [...database.tables.network].find(([, record]) => record.name_label === 'guests')
  const uuid = String(guests?.[1].uuid)
  const made: string[] = []
  for (let count = random.whole(0, 8); count > 0; count--) {
    const tag = random.pick(tags) ?? 100
    const name = random.pick([vlanName(uuid, tag), `VLAN${tag}`, 'storage']) ?? ''
    const ours = random.chance(0.5) ? { [markKey]: String(mark), [uriKey]: `vlan://${tag}` } : {}
    const stamp = `CsCreateTime-${now - random.whole(0, 1_200_000)}-${random.whole(0, 9)}`
    made.push(pool.addNetwork(name, { tags: random.chance(0.8) ? [stamp] : [], other_config: ours }))
  }
  const pifs = [...database.tables.PIF].filter(([, pif]) => pif.VLAN === -1)
  for (let count = random.whole(0, 10); count > 0; count--) {
    const [pif = ''] = random.pick(pifs) ?? []
    try {
      const vlan = call(database, 'VLAN.create', [pif, random.pick(tags), random.pick(made) ?? ''])
      if (random.chance(0.5))
        call(database, 'VLAN.set_other_config', [vlan, { [markKey]: String(mark), [uriKey]: 'vlan://100' }])
    } catch {
      // XAPI would not have it so either.
    }
  }
  for (const on of made) if (random.chance(0.2)) pool.addVm(on, random.pick(names))
  if (random.chance(0.3)) pool.reboot(random.pick(names) ?? 'xen1', ['eth1'])
  return pool
}

/** What is not ours, by reference, without the lists that others' objects add to. */
function foreign(pool: SimulatedPool): ReadonlyMap<string, string> {
  const { network: networks, PIF, VLAN, VIF } = pool.database.tables
  const isOurs = (config: unknown): boolean => typeof config === 'object' && config !== null && markKey in config
  const rows = [
    ...[...networks]
      .filter(([, one]) => !isOurs(one.other_config))
      .map(([ref, one]) => [ref, { ...one, PIFs: [] }] as const),
    ...[...VLAN].filter(([, one]) => !isOurs(one.other_config)),
    ...[...PIF]
      .filter(([, one]) => !isOurs(VLAN.get(String(one.VLAN_master_of))?.other_config))
      .map(([ref, one]) => [ref, { ...one, VLAN_slave_of: [], currently_attached: true }] as const),
    ...VIF,
  ]
  return new Map(
    rows.map(([ref, one]) => [ref, JSON.stringify(one).replace(/"VLAN1\d\d"|"VLAN-[0-9a-f-]{36}-1\d\d"/, '"VLAN"')]),
  )
}

describe('a pool in any state', () => {
  it('is put right for every host as far as it can be, at once and for good, and nothing foreign changes', async () => {
    let prepared = 0
    for (let seed = 1; seed <= 200; seed++) {
      const random = createRandom(`${seed}`)
      const pool = somePool(random)
      const before = foreign(pool)
      const lease = memoryLease(120_000, () => now)
      const runOn = (name: string) => {
        const address = pool.hosts.find((host) => host.name === name)?.address ?? ''
        const driver = createXenServerDriver({
          credentials: () => root,
          lease: () => lease,
          mark,
          now: () => now,
          random: random.next,
          sleep: async () => undefined,
          pools: createXapiPools(443, connectInside(pool)),
        })
        const target = { cloud: 'c', zone: 'z', id: name, cluster: 'k', name, address, resourceState: 'Enabled' }
        const networks = tags.map((tag) => network(`vlan://${tag}`))
        return run(driver, target, desiredOf(networks), 'apply', new AbortController().signal)
      }
      for (const name of names) await runOn(name)
      for (const name of names) await runOn(name)
      const settled = pool.state()
      for (const name of names) {
        const again = await runOn(name)
        const told = again.findings.filter(({ reason }) => reasons[reason].harmless !== true)
        expect(again.pending, `seed ${seed}`).toEqual([])
        expect(
          told.filter(({ reason }) => reason !== 'Conflict'),
          `seed ${seed}`,
        ).toEqual([])
        expect(again.devices + told.length, `seed ${seed}`).toBe(tags.length)
        prepared += again.devices
      }
      expect(pool.state(), `seed ${seed}`).toBe(settled)
      const after = foreign(pool)
      for (const [ref, text] of before) expect(after.get(ref), `seed ${seed}`).toBe(text)
    }
    expect(prepared).toBeGreaterThan(500)
  }, 240_000)
})

describe('the parts of a simulated pool', () => {
  it('belong together: what a VLAN names is there, whatever was done', async () => {
    const pool = somePool(createRandom('parts'))
    const { VLAN, PIF, network: networks } = pool.database.tables
    for (const [ref, vlan] of VLAN) {
      expect(PIF.get(String(vlan.untagged_PIF))).toMatchObject({ VLAN_master_of: ref, VLAN: vlan.tag })
      expect(textsOf(PIF.get(String(vlan.tagged_PIF))?.VLAN_slave_of)).toContain(ref)
    }
    for (const [ref, pif] of PIF) expect(textsOf(networks.get(String(pif.network))?.PIFs)).toContain(ref)
  })
})
