import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SimulatedFailure } from '../../../infra/local/xapiSimulator/failure.ts'
import type { SimulatedPool } from '../../../infra/local/xapiSimulator/pool.ts'
import { startXapiSimulator, type XapiSimulator } from '../../../infra/local/xapiSimulator/simulator.ts'
import { HostError, type SharedLease } from '../../../shared/hypervisors/driver.ts'
import { type Run, run } from '../../../shared/hypervisors/run.ts'
import { createXapiPools, type XenServerOptions } from '../../../shared/hypervisors/xenserver/driver.ts'
import { markKey, vlanName } from '../../../shared/hypervisors/xenserver/names.ts'
import { desiredOf } from '../../factories.ts'
import { credentialsOf, driverFor, network, startPool, targetOf } from './factory.ts'

const uris = [101, 102, 103].map((id) => `vlan://${id}`)

describe('the XenServer driver on the XAPI simulator', () => {
  let simulator: XapiSimulator
  let pool: SimulatedPool
  beforeEach(async () => {
    simulator = await startPool()
    pool = simulator.pool
  })
  afterEach(() => simulator.close())

  const runOn = (
    name: string,
    options: Partial<XenServerOptions> & { mode?: 'observe' | 'apply'; networks?: readonly string[]; ms?: number } = {},
  ): Promise<Run> => {
    const { mode = 'apply', networks = uris, ms = 20_000, ...rest } = options
    const desired = desiredOf(networks.map((uri) => network(uri)))
    return run(driverFor(simulator, rest), targetOf(simulator, name), desired, mode, AbortSignal.timeout(ms))
  }
  const baseUuid = (): string => {
    for (const record of pool.database.tables.network.values())
      if (record.name_label === 'guests') return String(record.uuid)
    return ''
  }
  const networksOf = (tag: number): readonly string[] =>
    [...pool.database.tables.network].flatMap(([ref, record]) =>
      record.name_label === vlanName(baseUuid(), tag) ? [ref] : [],
    )
  const vlansOf = (tag: number): readonly string[] =>
    networksOf(tag)
      .flatMap((ref) => pool.vlansOf(ref))
      .sort()

  it('prepares every host of a pool, one network for all, a VLAN for each host, marked', async () => {
    for (const { name } of pool.hosts) expect(await runOn(name)).toMatchObject({ verdict: 'InSync', created: 3 })
    expect(networksOf(101)).toHaveLength(1)
    expect(vlansOf(101)).toEqual(['xen1 eth1.101', 'xen2 eth1.101', 'xen3 eth1.101'])
    for (const vlan of pool.database.tables.VLAN.values()) expect(vlan.other_config).toHaveProperty(markKey, '4814')
    expect(pool.requests['network.create']).toBe(3)
    expect(pool.requests['VLAN.create']).toBe(9)
    expect(pool.openSessions()).toBe(0)
  })

  it('prepares a host that joins the pool late on the networks that are there', async () => {
    await runOn('xen1')
    await simulator.addHost(pool, 'xen4')
    expect(await runOn('xen4')).toMatchObject({ verdict: 'InSync', created: 3, devices: 3 })
    expect(pool.requests['network.create']).toBe(3)
  })

  it('plugs again what a reboot left unplugged, and tells the boot', async () => {
    const before = await runOn('xen2')
    pool.reboot('xen2', ['eth1'])
    const after = await runOn('xen2')
    expect(after).toMatchObject({ verdict: 'InSync', created: 3 })
    expect(after.bootId).not.toBe(before.bootId)
    expect(pool.requests['PIF.plug']).toBe(3)
  })

  it('repairs what was deleted by hand: a VLAN, or the network with it', async () => {
    await runOn('xen2')
    const [vlan = ''] = pool.database.tables.VLAN.keys()
    const session = await pool.call(pool.master().address, 'session.login_with_password', ['root', 'simulated'])
    await pool.call(pool.master().address, 'VLAN.destroy', [session, vlan])
    expect(await runOn('xen2')).toMatchObject({ verdict: 'InSync', created: 1 })
    const [second = ''] = [...pool.database.tables.VLAN.keys()].slice(-1)
    await pool.call(pool.master().address, 'VLAN.destroy', [session, second])
    const bare = [...pool.database.tables.network].find(
      ([, record]) =>
        String(record.name_label).startsWith('VLAN-') &&
        pool.vlansOf('').length === 0 &&
        (record.PIFs as readonly string[]).length === 0,
    )
    await pool.call(pool.master().address, 'network.destroy', [session, bare?.[0]])
    expect(await runOn('xen2')).toMatchObject({ verdict: 'InSync', created: 1 })
  })

  it('completes what a run that was killed left half-made: the network, and no VLAN', async () => {
    pool.before = (method) => {
      if (method === 'VLAN.create') throw new SimulatedFailure('HOST_OFFLINE', 'xen2')
    }
    await expect(runOn('xen2')).rejects.toMatchObject({ reason: 'XapiUnreachable' })
    expect(networksOf(101)).toHaveLength(1)
    pool.before = () => undefined
    expect(await runOn('xen2')).toMatchObject({ verdict: 'InSync', created: 3 })
    expect(networksOf(101)).toHaveLength(1)
  })

  it('changes nothing of what it did not make', async () => {
    const foreign = pool.addNetwork('storage', { other_config: { purpose: 'nbd' } })
    pool.addPif('xen2', { device: 'eth2', network: 'storage' })
    pool.addVm(foreign, 'xen2')
    const before = new Map(
      [...pool.database.tables.PIF].map(([ref, pif]) => [ref, JSON.stringify({ ...pif, VLAN_slave_of: [] })]),
    )
    const networks = new Map([...pool.database.tables.network].map(([ref, record]) => [ref, JSON.stringify(record)]))
    await runOn('xen2')
    for (const [ref, text] of before) {
      const pif = pool.database.tables.PIF.get(ref)
      expect(JSON.stringify({ ...pif, VLAN_slave_of: [] })).toBe(text)
    }
    for (const [ref, text] of networks) expect(JSON.stringify(pool.database.tables.network.get(ref))).toBe(text)
  })

  it('only looks in mode observe', async () => {
    const before = pool.state()
    const ran = await runOn('xen2', { mode: 'observe' })
    expect(ran.pending.map(({ uri }) => uri)).toEqual(uris)
    expect(pool.state()).toBe(before)
    expect(Object.keys(pool.requests).filter((method) => !/get_all_records|session\./.test(method))).toEqual([])
  })

  it('does the others where one network cannot be had, and tells that one in XAPI’s words', async () => {
    pool.before = (method, parameters) => {
      if (method === 'VLAN.create' && parameters[2] === 102) throw new SimulatedFailure('INTERNAL_ERROR', 'no room')
    }
    const ran = await runOn('xen2')
    expect(ran).toMatchObject({ verdict: 'OutOfSync', created: 2, pending: [] })
    expect(ran.findings).toEqual([
      expect.objectContaining({
        uri: 'vlan://102',
        reason: 'XapiFailed',
        detail: expect.stringContaining('INTERNAL_ERROR no room'),
      }),
    ])
  })

  it('tells a network that the pool does not make, and makes the others', async () => {
    pool.before = (method, parameters) => {
      if (method === 'network.create' && JSON.stringify(parameters).includes('-102"')) {
        throw new SimulatedFailure('INTERNAL_ERROR', 'no bridge')
      }
    }
    const ran = await runOn('xen2')
    expect(ran).toMatchObject({ created: 2, findings: [{ uri: 'vlan://102', reason: 'XapiFailed' }] })
  })

  it('begins nothing more once the pool does not answer, and the lease is free again', async () => {
    const many = Array.from({ length: 50 }, (_, index) => `vlan://${1000 + index}`)
    pool.before = (method) => {
      if (method === 'network.create') throw new SimulatedFailure('HOST_OFFLINE', 'xen1')
    }
    await expect(runOn('xen2', { networks: many })).rejects.toMatchObject({ reason: 'XapiUnreachable' })
    expect(pool.requests['network.create']).toBeLessThanOrEqual(4)
    pool.before = () => undefined
    expect(await runOn('xen2', { networks: many })).toMatchObject({ verdict: 'InSync', created: 50 })
  })

  it('stops creating networks before its lease ends, and tells what is still to do', async () => {
    const short: SharedLease = (_name, _signal, work) => work(Date.now() + 5_000)
    const ran = await runOn('xen2', { lease: () => short })
    expect(ran).toMatchObject({ verdict: 'OutOfSync', created: 0 })
    expect(ran.findings.map(({ reason }) => reason)).toEqual(uris.map(() => 'ApplyIncomplete'))
    expect(pool.requests).not.toHaveProperty('network.create')
  })

  it('reads what others wrote into names and other_config, however long', async () => {
    const long = 'x'.repeat(100_000)
    pool.addNetwork(long, { other_config: { long }, tags: [long] })
    expect(await runOn('xen2')).toMatchObject({ verdict: 'InSync' })
  })

  it('tells what XAPI refuses to any reading as XapiFailed, and never shows a session', async () => {
    let session = ''
    pool.before = (method, parameters) => {
      if (method === 'host.get_all_records') throw new SimulatedFailure('INTERNAL_ERROR', 'database')
      if (method === 'pool.get_all_records') session = String(parameters[0])
    }
    await expect(runOn('xen2')).rejects.toMatchObject({
      reason: 'XapiFailed',
      message: expect.stringContaining('database'),
    })
    pool.before = (method, parameters) => {
      if (method.startsWith('session')) return
      session = String(parameters[0])
      throw new SimulatedFailure('SESSION_INVALID', session)
    }
    const error: unknown = await runOn('xen2').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ reason: 'XapiUnreachable' })
    expect(session).toMatch(/^OpaqueRef:/)
    expect(`${error} ${JSON.stringify(error)}`).not.toContain(session)
  })

  it('leaves no session open where a run ends before its login does', async () => {
    let go = (): void => undefined
    pool.before = (method, _parameters, address) => {
      if (method !== 'session.login_with_password' || address !== pool.master().address) return
      return new Promise((resolve) => {
        go = resolve
      })
    }
    await expect(runOn('xen2', { ms: 800 })).rejects.toMatchObject({ reason: 'TimeOut' })
    expect(pool.openSessions()).toBe(0)
    go()
    await expect.poll(() => pool.requests['session.logout'] ?? 0).toBe(1)
    await expect.poll(() => pool.openSessions()).toBe(0)
  })

  it('tells what another maker was quicker with as it is', async () => {
    pool.before = async (method, parameters) => {
      pool.before = () => undefined
      if (method !== 'VLAN.create') return
      const session = await pool.call(pool.master().address, 'session.login_with_password', ['root', 'simulated'])
      await pool.call(pool.master().address, 'VLAN.create', [session, ...parameters.slice(1)])
    }
    expect(await runOn('xen2')).toMatchObject({ verdict: 'InSync', devices: 3, findings: [] })
  })

  it('ends at its time in the middle, and the next run goes on', async () => {
    let count = 0
    pool.before = (method) => (method === 'VLAN.create' && ++count === 2 ? new Promise(() => undefined) : undefined)
    await expect(runOn('xen2', { ms: 1_500 })).rejects.toMatchObject({ reason: 'TimeOut' })
    pool.before = () => undefined
    expect(await runOn('xen2')).toMatchObject({ verdict: 'InSync', devices: 3 })
  })

  it('finds the new master when it changes in mid-run, and is not led astray by a slave that is asked first', async () => {
    pool.before = (method) => {
      if (method !== 'VLAN.create') return
      pool.before = () => undefined
      pool.setMaster('xen3')
    }
    expect(await runOn('xen2')).toMatchObject({ verdict: 'InSync', created: 3 })
    expect(pool.master().name).toBe('xen3')
  })

  it('finds the new master when the old one is gone', async () => {
    const driver = driverFor(simulator)
    const session = await driver.open(targetOf(simulator, 'xen2'), new AbortController().signal)
    await session.look([])
    await simulator.takeDown(pool.master().address)
    pool.setMaster('xen3')
    expect((await session.look(uris.map((uri) => network(uri)))).changes).toHaveLength(3)
    await session.close()
  })

  it('logs in again when its session ended', async () => {
    pool.before = (method) => {
      if (method !== 'VLAN.create') return
      pool.before = () => undefined
      pool.endSessions()
    }
    expect(await runOn('xen2')).toMatchObject({ verdict: 'InSync', created: 3 })
  })

  it('leads whoever asked the same slave at the same moment to the master', async () => {
    const pools = createXapiPools(simulator.port)
    const runs = await Promise.all([1, 2, 3, 4].map(() => runOn('xen3', { pools })))
    expect(runs.map(({ verdict }) => verdict)).toEqual(['InSync', 'InSync', 'InSync', 'InSync'])
    expect(pool.openSessions()).toBe(0)
  })

  it('shares one session, and one reading, between all who look at hosts of a pool at once', async () => {
    const options = { pools: createXapiPools(simulator.port) }
    const driver = driverFor(simulator, options)
    const open = (name: string) => driver.open(targetOf(simulator, name), new AbortController().signal)
    const first = await open('xen1')
    const sessions = [first, await open('xen2'), await open('xen3')]
    expect(pool.openSessions()).toBe(1)
    await Promise.all(sessions.map((session) => session.look([])))
    expect(pool.requests['PIF.get_all_records']).toBeLessThanOrEqual(2)
    for (const session of sessions) await session.close()
    expect(pool.openSessions()).toBe(0)
  })

  it('takes as many calls to look whatever the number of networks, and one a network that is missing beside its mark', async () => {
    const many = Array.from({ length: 100 }, (_, index) => `vlan://${1000 + index}`)
    await runOn('xen1', { networks: many })
    const before = { ...pool.requests }
    await runOn('xen2', { networks: many })
    const calls = (method: string): number => (pool.requests[method] ?? 0) - (before[method] ?? 0)
    expect(calls('VLAN.create')).toBe(100)
    expect(calls('VLAN.set_other_config')).toBe(100)
    expect(calls('network.create')).toBe(0)
    const readings = Object.keys(pool.requests).filter((method) => method.endsWith('get_all_records'))
    expect(readings.map(calls)).toEqual(readings.map(() => 2))
  })

  const errors: readonly (readonly [string, string, Partial<XenServerOptions>])[] = [
    ['a wrong password', 'XapiRefused', { credentials: () => ({ ...credentialsOf(simulator), password: 'hunter2' }) }],
    [
      'another certificate',
      'XapiUntrusted',
      { credentials: () => ({ ...credentialsOf(simulator), fingerprints: [`00${':00'.repeat(31)}`] }) },
    ],
    [
      'a certificate that nobody vouches for',
      'XapiUntrusted',
      { credentials: () => ({ username: 'root', password: 'simulated' }) },
    ],
    [
      'an authority, and another name in the certificate',
      'XapiUntrusted',
      { credentials: () => ({ username: 'root', password: 'simulated', ca: simulator.certificate }) },
    ],
  ]
  it.each(errors)('fails the run for %s: %s, and says nothing of the password', async (_what, reason, options) => {
    const error: unknown = await runOn('xen2', options).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(HostError)
    expect(error).toMatchObject({ reason })
    expect(`${error} ${JSON.stringify(error)} ${error instanceof Error ? error.stack : ''}`).not.toMatch(
      /hunter2|simulated"/,
    )
    if (reason === 'XapiUntrusted') expect(pool.requests).toEqual({})
  })

  it('fails the run for a host that calls itself otherwise, or that the pool does not have', async () => {
    const target = targetOf(simulator, 'xen2')
    const asked = (changed: object) =>
      run(driverFor(simulator), { ...target, ...changed }, desiredOf([]), 'apply', AbortSignal.timeout(10_000))
    await expect(asked({ name: 'xen9' })).rejects.toMatchObject({ reason: 'WrongHost' })
    await expect(asked({ name: 'XEN2.example.org' })).resolves.toMatchObject({ verdict: 'InSync' })
    const hostnames = { other: 'xen2' }
    const renamed = { ...target, name: 'other' }
    await expect(
      run(driverFor(simulator, { hostnames }), renamed, desiredOf([]), 'apply', AbortSignal.timeout(10_000)),
    ).resolves.toMatchObject({ verdict: 'InSync' })
  })

  it('fails the run where nobody answers', async () => {
    await simulator.takeDown(targetOf(simulator, 'xen2').address)
    await expect(runOn('xen2')).rejects.toMatchObject({ reason: 'XapiUnreachable' })
  })

  it('fails the run of a user who may only read, at the first change', async () => {
    const limited = await startXapiSimulator({
      pools: [{ name: 'pool', hosts: ['xen1'] }],
      users: [{ username: 'reader', password: 'r', readOnly: true }],
    })
    const credentials = () => ({ ...credentialsOf(limited), username: 'reader', password: 'r' })
    const driver = driverFor(limited, { credentials })
    const desired = desiredOf([network('vlan://101')])
    await expect(
      run(driver, targetOf(limited, 'xen1'), desired, 'observe', AbortSignal.timeout(10_000)),
    ).resolves.toMatchObject({
      verdict: 'OutOfSync',
    })
    await expect(
      run(driver, targetOf(limited, 'xen1'), desired, 'apply', AbortSignal.timeout(10_000)),
    ).rejects.toMatchObject({
      reason: 'XapiRefused',
      message: expect.stringContaining('network.create'),
    })
    await limited.close()
  })

  it('tells an answer that is none as HostMisread, naming what it is', async () => {
    for (const network of pool.database.tables.network.values()) network.VIFs = 'none'
    await expect(runOn('xen2')).rejects.toMatchObject({
      reason: 'HostMisread',
      message: expect.stringContaining('VIFs'),
    })
  })

  describe('removes what networks that are gone left', () => {
    const removal = async (name: string) => {
      const session = await driverFor(simulator).open(targetOf(simulator, name), AbortSignal.timeout(20_000))
      const { orphans = [] } = await session.look([])
      const removals = []
      for (const orphan of orphans) removals.push(await session.remove?.(orphan, Date.now() + 30_000))
      await session.close()
      return removals
    }
    const one = ['vlan://101']

    it('host by host; the network goes with the last of them', async () => {
      const before = pool.state()
      await runOn('xen1', { networks: one })
      await runOn('xen2', { networks: one })
      expect(await removal('xen1')).toEqual([{ removed: true }])
      expect(vlansOf(101)).toEqual(['xen2 eth1.101'])
      expect(await removal('xen2')).toEqual([{ removed: true }])
      expect(pool.state()).toBe(before)
    })

    it('not while a VM, running or not, has an interface on it', async () => {
      await runOn('xen1', { networks: one })
      pool.addVm(networksOf(101)[0] ?? '')
      const before = pool.state()
      expect(await removal('xen1')).toEqual([{ kept: expect.stringContaining('1 interfaces of VMs') }])
      expect(pool.state()).toBe(before)
    })

    it('not what CloudStack made, also on a network of ours', async () => {
      await runOn('xen1', { networks: one })
      for (const vlan of pool.database.tables.VLAN.values()) vlan.other_config = {}
      expect(await removal('xen1')).toEqual([])
    })

    it('and gives a VLAN back to a VM that came between: its interface is there, and the VLAN too', async () => {
      await runOn('xen1', { networks: one })
      pool.before = (method) => {
        if (method !== 'VLAN.destroy') return
        pool.before = (next) => {
          if (next !== 'pool.get_all_records') return
          pool.before = () => undefined
          pool.addVm(networksOf(101)[0] ?? '', 'xen1')
        }
      }
      expect(await removal('xen1')).toEqual([{ kept: expect.stringContaining('interfaces of VMs') }])
      expect(vlansOf(101)).toEqual(['xen1 eth1.101'])
      expect(await runOn('xen1', { networks: one })).toMatchObject({ verdict: 'InSync', created: 0 })
    })

    const atRename = (then: () => void) => {
      pool.before = (method) => {
        if (method !== 'network.set_name_label') return
        pool.before = (next) => {
          if (next !== 'pool.get_all_records') return
          pool.before = () => undefined
          then()
        }
      }
    }

    it('and gives all back to a VM that came when nobody was on it: its interface, the name, the VLAN', async () => {
      await runOn('xen1', { networks: one })
      const [ref = ''] = networksOf(101)
      atRename(() => pool.addVm(ref))
      expect(await removal('xen1')).toEqual([{ kept: expect.stringContaining('interfaces of VMs') }])
      expect(networksOf(101)).toEqual([ref])
      expect(vlansOf(101)).toEqual(['xen1 eth1.101'])
      expect(pool.requests).not.toHaveProperty('network.destroy')
      expect(await runOn('xen1', { networks: one })).toMatchObject({ verdict: 'InSync', created: 0 })
    })

    it('and finishes what a run that was killed in its midst began, or takes it back where it is desired again', async () => {
      const killed = async () => {
        await runOn('xen1', { networks: one })
        pool.before = (method) => {
          if (method === 'network.destroy') throw new SimulatedFailure('HOST_OFFLINE', 'xen1')
        }
        await expect(removal('xen1')).rejects.toMatchObject({ reason: 'XapiUnreachable' })
        pool.before = () => undefined
        expect(networksOf(101)).toEqual([])
      }
      const before = pool.state()
      await killed()
      expect(await removal('xen1')).toEqual([{ removed: true }])
      expect(pool.state()).toBe(before)
      await killed()
      const creations = pool.requests['network.create']
      expect(await runOn('xen1', { networks: one })).toMatchObject({ verdict: 'InSync', created: 1 })
      expect(pool.requests['network.create']).toBe(creations)
      expect(networksOf(101)).toHaveLength(1)
    })

    it('not where XAPI refuses, since a VM that it knows better runs there', async () => {
      await runOn('xen1', { networks: one })
      pool.before = (method) => {
        if (method === 'VLAN.destroy') throw new SimulatedFailure('VIF_IN_USE', 'network', 'vif')
      }
      expect(await removal('xen1')).toEqual([{ kept: expect.stringContaining('VIF_IN_USE') }])
      expect(vlansOf(101)).toEqual(['xen1 eth1.101'])
    })
  })
})
