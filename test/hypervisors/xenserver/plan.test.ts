import { describe, expect, it } from 'vitest'
import { call } from '../../../infra/local/xapiSimulator/calls.ts'
import type { Stored } from '../../../infra/local/xapiSimulator/database.ts'
import { createSimulatedPool, type SimulatedPool } from '../../../infra/local/xapiSimulator/pool.ts'
import { markKey, uriKey, vlanName } from '../../../shared/hypervisors/xenserver/names.ts'
import { orphansOf } from '../../../shared/hypervisors/xenserver/orphans.ts'
import { type Plan, plan } from '../../../shared/hypervisors/xenserver/plan.ts'
import type { DesiredNetwork } from '../../../shared/reconcile/model.ts'
import { factsOf, mark, network } from './factory.ts'

const now = 1_800_000_000_000
const old = now - 3_600_000

const newPool = (hosts = ['xen1', 'xen2'], nics?: Parameters<typeof createSimulatedPool>[0]['nics']): SimulatedPool =>
  createSimulatedPool(
    { name: 'pool', hosts, ...(nics === undefined ? {} : { nics }) },
    hosts.map((_, index) => `192.0.2.${index + 1}`),
    [],
  )

const planned = (pool: SimulatedPool, desired: readonly DesiredNetwork[], host = 'xen1'): Plan => {
  const facts = factsOf(pool)
  const found = facts.hosts.find(({ name }) => name === host)
  if (found === undefined) throw new Error(`no host ${host}`)
  return plan(desired, facts, found, { mark, now })
}
const orphans = (pool: SimulatedPool, desired: readonly DesiredNetwork[]) => {
  const facts = factsOf(pool)
  const [host] = facts.hosts
  if (host === undefined) throw new Error('no host')
  const labels = [{ physicalNetwork: 'pn1', label: 'guests' }]
  return orphansOf(desired, labels, facts, host, mark)
}
const steps = (found: Plan): readonly string[] => found.changes.flatMap((change) => change.steps)
const reasons = (found: Plan): readonly string[] => found.findings.map(({ reason }) => reason)

const base = (pool: SimulatedPool, label = 'guests') => {
  for (const [ref, record] of pool.database.tables.network) {
    if (record.name_label === label) return { ref, uuid: String(record.uuid) }
  }
  throw new Error(`no network ${label}`)
}
const pifOf = (pool: SimulatedPool, host: string, device = 'eth1'): string => {
  const { ref } = pool.hosts.find(({ name }) => name === host) ?? {}
  for (const [pif, record] of pool.database.tables.PIF) {
    if (record.host === ref && record.device === device && record.VLAN === -1) return pif
  }
  throw new Error(`no PIF ${device}`)
}
const stamped = (at: number, random = 1): Stored => ({ tags: [`CsCreateTime-${at}-${random}`] })
const ours = { [markKey]: String(mark), [uriKey]: 'vlan://100' }
const named = (pool: SimulatedPool, tag = 100): string => vlanName(base(pool).uuid, tag)
const makeVlan = (pool: SimulatedPool, host: string, on: string, tag = 100, isOurs = false): string => {
  const vlan = String(call(pool.database, 'VLAN.create', [pifOf(pool, host), tag, on]))
  if (isOurs) call(pool.database, 'VLAN.set_other_config', [vlan, ours])
  return vlan
}

describe('what a network needs', () => {
  const uriCases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['vlan://100', ['create the network', 'create VLAN 100'], []],
    ['vlan://4094', ['create the network', 'create VLAN 4094'], []],
    ['pvlan://100-i200', ['create the network', 'create VLAN 100'], []],
    ['pvlan://100-p100', ['create the network', 'create VLAN 100'], []],
    ['vlan://untagged', [], []],
    ['lswitch://5', [], []],
    ['vlan://4095', [], ['Unsupported']],
    ['vlan://0', [], ['Unsupported']],
    ['vlan://100-200', [], ['Unsupported']],
    ['vxlan://5000', [], ['Unsupported']],
    ['vs://5', [], ['Unsupported']],
    ['pvlan://5000-i2', [], ['Unsupported']],
    ['', [], ['Unsupported']],
  ]
  it.each(uriCases)('%s', (uri, does, tells) => {
    const found = planned(newPool(), [network(uri)])
    expect(steps(found).map((step) => does.find((start) => step.startsWith(start)))).toEqual(does)
    expect(reasons(found)).toEqual(tells)
  })

  it('is one VLAN for a PVLAN and a VLAN of its primary id', () => {
    const found = planned(newPool(), [network('pvlan://100-i200'), network('vlan://100')])
    expect(found.steps).toHaveLength(1)
    expect(found.changes).toHaveLength(2)
  })
})

describe('the label', () => {
  it('leads nowhere: UplinkMissing', () => {
    expect(reasons(planned(newPool(), [network('vlan://100', 'nowhere')]))).toEqual(['UplinkMissing'])
  })
  it('is not set: UplinkMissing, since the network of a host’s own choice is not told by any API', () => {
    expect(reasons(planned(newPool(), [network('vlan://100', null)]))).toEqual(['UplinkMissing'])
  })
  it('is of a network on which this host has no PIF: UplinkMissing', () => {
    const pool = newPool()
    pool.addNetwork('elsewhere')
    expect(reasons(planned(pool, [network('vlan://100', 'elsewhere')]))).toEqual(['UplinkMissing'])
  })
  it('is of two networks: the one with a PIF on this host is taken, whatever their tags', () => {
    const pool = newPool()
    pool.addNetwork('guests', stamped(1))
    expect(planned(pool, [network('vlan://100')]).steps[0]?.name).toBe(named(pool))
  })
  it('is of two networks that both have a PIF on this host: UplinkAmbiguous', () => {
    const pool = newPool()
    const other = pool.addNetwork('other')
    pool.addPif('xen1', { device: 'eth2', network: 'other' })
    call(pool.database, 'network.set_name_label', [other, 'guests'])
    expect(reasons(planned(pool, [network('vlan://100')]))).toEqual(['UplinkAmbiguous'])
  })
  const unusable: readonly (readonly [string, (pool: SimulatedPool, pif: Stored) => void])[] = [
    ['a bond slave', (_pool, pif) => Object.assign(pif, { bond_slave_of: 'OpaqueRef:bond' })],
    ['a VLAN', (_pool, pif) => Object.assign(pif, { VLAN: 7 })],
    ['a tunnel', (_pool, pif) => Object.assign(pif, { tunnel_access_PIF_of: ['OpaqueRef:tunnel'] })],
    ['not managed', (_pool, pif) => Object.assign(pif, { managed: false })],
  ]
  it.each(unusable)('leads to a PIF that is %s: UplinkUnusable', (_what, make) => {
    const pool = newPool()
    const pif = pool.database.tables.PIF.get(pifOf(pool, 'xen1'))
    if (pif !== undefined) make(pool, pif)
    expect(reasons(planned(pool, [network('vlan://100')]))).toEqual(['UplinkUnusable'])
  })
  it('leads to a bond: the VLAN stands on the bond’s own PIF', () => {
    const pool = newPool(
      ['xen1'],
      [
        { device: 'eth1', network: 'slave 1' },
        { device: 'eth2', network: 'slave 2' },
      ],
    )
    pool.bond('xen1', 'bond0', ['eth1', 'eth2'], 'guests')
    expect(steps(planned(pool, [network('vlan://100')]))).toContain('create VLAN 100 on bond0')
    expect(reasons(planned(pool, [network('vlan://100', 'slave 1')]))).toEqual(['UplinkUnusable'])
  })
})

describe('the network and its VLAN', () => {
  it('are there already, whoever made them: nothing to do, and it counts', () => {
    const pool = newPool()
    makeVlan(pool, 'xen1', pool.addNetwork(named(pool), stamped(old)))
    expect(planned(pool, [network('vlan://100')])).toEqual({ steps: [], changes: [], findings: [], devices: 1 })
  })
  it('the VLAN is on another host only: it is created here, on the same network', () => {
    const pool = newPool()
    const made = pool.addNetwork(named(pool), stamped(old))
    makeVlan(pool, 'xen2', made)
    const found = planned(pool, [network('vlan://100')])
    expect(steps(found)).toEqual(['create VLAN 100 on eth1'])
    expect(found.steps[0]?.here).toMatchObject([{ network: made }])
  })
  it('the PIF is not plugged: plug it', () => {
    const pool = newPool()
    makeVlan(pool, 'xen1', pool.addNetwork(named(pool)))
    pool.reboot('xen1', ['eth1'])
    expect(steps(planned(pool, [network('vlan://100')]))).toEqual(['plug VLAN 100 on eth1'])
  })
  it('there is no carrier: NoCarrier, and it does not count', () => {
    const pool = newPool(['xen1'], [{ device: 'eth1', network: 'guests', carrier: false }])
    makeVlan(pool, 'xen1', pool.addNetwork(named(pool)))
    const found = planned(pool, [network('vlan://100')])
    expect([reasons(found), found.devices]).toEqual([['NoCarrier'], 0])
  })
  it('the tag belongs to a network of another name: Conflict, and nothing is done', () => {
    const pool = newPool()
    makeVlan(pool, 'xen1', pool.addNetwork('storage'))
    const found = planned(pool, [network('vlan://100')])
    expect([reasons(found), found.steps]).toEqual([['Conflict'], []])
    expect(found.findings[0]?.detail).toContain('"storage"')
  })
  it('the network of the name has another PIF of this host: Conflict', () => {
    const pool = newPool()
    makeVlan(pool, 'xen1', pool.addNetwork(named(pool)), 200)
    expect(reasons(planned(pool, [network('vlan://100')]))).toEqual(['Conflict'])
  })
})

describe('a network of the old name', () => {
  it('is renamed where its VLAN is on this uplink, on whichever host', () => {
    for (const host of ['xen1', 'xen2']) {
      const pool = newPool()
      makeVlan(pool, host, pool.addNetwork('VLAN100'))
      const rest = host === 'xen1' ? [] : ['create VLAN 100 on eth1']
      expect(steps(planned(pool, [network('vlan://100')]))).toEqual([
        `rename the network VLAN100 to ${named(pool)}`,
        ...rest,
      ])
    }
  })
  it('is left where it has no VLAN, or one of another uplink', () => {
    const pool = newPool()
    pool.addNetwork('VLAN100')
    const elsewhere = pool.addNetwork('VLAN100')
    call(pool.database, 'VLAN.create', [pifOf(pool, 'xen1', 'eth0'), 100, elsewhere])
    expect(steps(planned(pool, [network('vlan://100')]))).toEqual([
      `create the network ${named(pool)} in the pool`,
      'create VLAN 100 on eth1',
    ])
  })
})

describe('several networks of the name', () => {
  it('nobody on any: the lowest stamp, then the lowest number', () => {
    const pool = newPool()
    pool.addNetwork(named(pool), stamped(old + 1, 1))
    const lowest = pool.addNetwork(named(pool), stamped(old, 3))
    pool.addNetwork(named(pool), stamped(old, 9))
    expect(planned(pool, [network('vlan://100')]).steps[0]?.here).toMatchObject([{ network: lowest }])
  })
  it('CloudStack’s VLAN on this host: that network, whatever the stamps; told where others are on another', () => {
    const pool = newPool()
    makeVlan(pool, 'xen2', pool.addNetwork(named(pool), stamped(old)))
    makeVlan(pool, 'xen1', pool.addNetwork(named(pool), stamped(old + 1)))
    const found = planned(pool, [network('vlan://100')])
    expect([reasons(found), found.steps, found.devices]).toEqual([['SplitNetwork'], [], 1])
  })
  it('our VLAN on a double that nobody else uses: it moves to the pool’s', () => {
    const pool = newPool()
    const lowest = pool.addNetwork(named(pool), stamped(now - 1_000))
    const double = pool.addNetwork(named(pool), { ...stamped(now), other_config: ours })
    makeVlan(pool, 'xen1', double, 100, true)
    const found = planned(pool, [network('vlan://100')])
    expect(found.steps[0]?.here.map((action) => action.do)).toEqual(['destroyVlan', 'createVlan'])
    expect(found.steps[0]?.here[1]).toMatchObject({ network: lowest })
  })
  it('… and stays where a VM has an interface on it', () => {
    const pool = newPool()
    pool.addNetwork(named(pool), stamped(now - 1_000))
    const double = pool.addNetwork(named(pool), { ...stamped(now), other_config: ours })
    makeVlan(pool, 'xen1', double, 100, true)
    pool.addVm(double)
    expect(planned(pool, [network('vlan://100')]).steps).toEqual([])
  })
  const doubles: readonly (readonly [string, boolean, Stored])[] = [
    ['ours, and old: renamed', true, { ...stamped(old + 60_000), other_config: ours }],
    ['ours, and new: left for who may just be about to use it', false, { ...stamped(now), other_config: ours }],
    ['not ours: left', false, stamped(old + 60_000)],
  ]
  it.each(doubles)('an unused double %s', (_what, isSetAside, record) => {
    const pool = newPool()
    makeVlan(pool, 'xen1', pool.addNetwork(named(pool), stamped(old)))
    pool.addNetwork(named(pool), record)
    const actions = planned(pool, [network('vlan://100')]).steps.flatMap(({ shared }) => shared)
    expect(actions.map((action) => action.do)).toEqual(isSetAside ? ['rename'] : [])
  })
})

describe('a double that was renamed', () => {
  const aside = (pool: SimulatedPool, isUsed: boolean) => {
    makeVlan(pool, 'xen1', pool.addNetwork(named(pool), stamped(old)))
    const double = pool.addNetwork(`bridgekeeper-removes-${named(pool)}`, { ...stamped(old), other_config: ours })
    if (isUsed) pool.addVm(double)
    return planned(pool, [network('vlan://100')]).steps.flatMap(({ shared }) => shared)
  }
  it('is destroyed where nobody is on it', () => {
    expect(aside(newPool(), false)).toMatchObject([{ do: 'destroyNetwork' }])
  })
  it('gets its name back where somebody is', () => {
    const pool = newPool()
    expect(aside(pool, true)).toMatchObject([{ do: 'rename', name: named(pool) }])
  })
  it('that is the only one of its name gets it back, to serve', () => {
    const pool = newPool()
    pool.addNetwork(`bridgekeeper-removes-${named(pool)}`, { ...stamped(old), other_config: ours })
    expect(steps(planned(pool, [network('vlan://100')]))).toEqual([
      `rename the network bridgekeeper-removes-${named(pool)} to ${named(pool)}`,
      'create VLAN 100 on eth1',
    ])
  })
})

describe('what networks that are gone left', () => {
  const left = (pool: SimulatedPool, isOurs = true): string => {
    const made = pool.addNetwork(named(pool), { ...stamped(old), other_config: isOurs ? ours : {} })
    makeVlan(pool, 'xen1', made, 100, isOurs)
    return made
  }
  it('is an orphan where our mark is on this host’s VLAN', () => {
    const pool = newPool()
    left(pool)
    expect(orphans(pool, [])).toEqual([
      { devices: [named(pool)], uri: 'vlan://100', uplink: 'eth1', physicalNetworks: ['pn1'] },
    ])
  })
  it('is none where CloudStack made it', () => {
    const pool = newPool()
    left(pool, false)
    expect(orphans(pool, [])).toEqual([])
  })
  it('is none where a network leads to it, or may: its label is broken now', () => {
    const pool = newPool()
    left(pool)
    expect(orphans(pool, [network('vlan://100')])).toEqual([])
    expect(orphans(pool, [network('pvlan://100-i5')])).toEqual([])
    expect(orphans(pool, [network('vlan://100', 'nowhere')])).toEqual([])
    expect(orphans(pool, [network('vlan://200')])).toHaveLength(1)
  })
  it('has no URI where it was made for a PVLAN: networks of other URIs share it', () => {
    const pool = newPool()
    const made = left(pool)
    for (const vlan of pool.database.tables.VLAN.values()) vlan.other_config = { ...ours, [uriKey]: 'pvlan://100-i5' }
    call(pool.database, 'network.set_other_config', [made, ours])
    expect(orphans(pool, [])[0]).not.toHaveProperty('uri')
  })
})
