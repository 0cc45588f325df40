/** The stories of the drivers whose hypervisors are simulated in this process; vCenter's are in test/vcenter/stories.test.ts. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { startHostSimulator } from '../../infra/local/hostSimulator/hostSimulator.ts'
import { newKeyPair } from '../../infra/local/hostSimulator/keyPair.ts'
import { createCloudStack } from '../../shared/cloudstack/client.ts'
import { createCloudStackDriver } from '../../shared/hypervisors/cloudstack/driver.ts'
import { HostError } from '../../shared/hypervisors/driver.ts'
import { agentDriver } from '../../shared/hypervisors/kvm/agent/driver.ts'
import { startSimulatedAgent } from '../agent/simulatedAgent.ts'
import { startCloudStackHost } from '../hypervisors/cloudstack/cloudstackHost.ts'
import { network, simulatedDriver, targetOf } from '../hypervisors/kvm/factory.ts'
import * as xen from '../hypervisors/xenserver/factory.ts'
import { cannotTell, drivers, type StoryDriver, type StoryHost, stories, tellStories } from './stories.ts'

const uris = ['vlan://3001', 'vlan://3002', 'vlan://3003']
/** The uplink's bridge has this tag itself: whoever made a device for it would cut somebody off. */
const tagAbove = { name: 'cloudbr1.3099', kind: 'vlan', parent: 'cloudbr1', vlanId: 3099, up: true } as const

async function kvmBySsh(): Promise<StoryHost> {
  const simulated = await startHostSimulator({ names: ['kvm1'] })
  const [host] = simulated.hosts
  if (host === undefined) throw new Error('there is no host')
  const driver = simulatedDriver(simulated)
  const stateOf = (of: typeof host) => async () => JSON.stringify([of.links(), of.routes()])
  host.addLink(tagAbove)
  return {
    driver,
    target: targetOf(host),
    desired: uris.map((uri) => network(uri)),
    devices: 6,
    state: stateOf(host),
    stop: simulated.close,
    late: async () => {
      const late = await simulated.add('kvm2')
      return { driver, target: targetOf(late), state: stateOf(late) }
    },
    reboot: async () => {
      await host.reboot()
      host.addLink(tagAbove)
    },
    drift: async () => {
      for (const name of ['eth1.3001', 'breth1-3001']) host.deleteLink(name)
    },
    halve: async () => void host.deleteLink('breth1-3001'),
    foreign: async () => {
      host.addLink({ name: 'eth1.3050', kind: 'vlan', parent: 'eth1', vlanId: 3050, up: true })
      host.addLink({ name: 'breth1-3050', kind: 'bridge' })
      const isOurs = ({ name }: { readonly name: string }): boolean => /300[123]$/.test(name)
      return async () => JSON.stringify(host.links().filter((link) => !isOurs(link)))
    },
    bad: network('vlan://3099'),
    occupy: async () => void host.addLink({ name: 'vnet0', kind: 'tun', master: 'breth1-3001', up: true }),
    wrong: () => simulatedDriver(simulated, { privateKey: newKeyPair().privateKey }),
  }
}

async function kvmByAgent(): Promise<StoryHost> {
  const host = await startSimulatedAgent('kvm2', Date.now)
  const others: (typeof host)[] = []
  host.kernel().add(tagAbove)
  return {
    driver: host.driver(),
    target: targetOf({ name: 'kvm2', address: '192.0.2.2' }),
    desired: uris.map((uri) => network(uri)),
    devices: 6,
    state: async () => host.state(),
    stop: async () => {
      for (const one of [host, ...others]) await one.stop()
    },
    late: async () => {
      const late = await startSimulatedAgent('kvm3', Date.now)
      others.push(late)
      const target = targetOf({ name: 'kvm3', address: '192.0.2.3' })
      return { driver: late.driver(), target, state: async () => late.state() }
    },
    reboot: async () => {
      host.reboot()
      host.kernel().add(tagAbove)
    },
    drift: async () => {
      for (const name of ['eth1.3001', 'breth1-3001']) host.kernel().delete(name)
    },
    halve: async () => void host.kernel().delete('breth1-3001'),
    foreign: async () => {
      host.kernel().add({ name: 'eth1.3050', kind: 'vlan', parent: 'eth1', vlanId: 3050, up: true })
      host.kernel().add({ name: 'breth1-3050', kind: 'bridge' })
      return async () =>
        JSON.stringify(
          host
            .kernel()
            .links()
            .filter(({ name }) => !/300[123]$/.test(name)),
        )
    },
    bad: network('vlan://3099'),
    occupy: async () => void host.kernel().add({ name: 'vnet0', kind: 'tun', master: 'breth1-3001', up: true }),
    // Which certificate an agent refuses is TLS, and told by test/agent/real; here is what its refusal is to a run.
    wrong: () =>
      agentDriver(
        async () => ({
          ask: () => Promise.reject(new HostError('AgentRefused', 'it does not admit this certificate')),
          close: async () => {},
        }),
        { mode: 'apply' },
      ),
  }
}

async function xenServer(): Promise<StoryHost> {
  const simulator = await xen.startPool(['xen1', 'xen2'])
  const { pool } = simulator
  const { tables } = pool.database
  const driver = xen.driverFor(simulator)
  const vlanOf = (tag: number): string => {
    for (const [ref, record] of tables.VLAN) if (Number(record.tag) === tag) return ref
    throw new Error(`there is no VLAN ${tag}`)
  }
  const networkOf = (tag: number): string => {
    for (const [ref, record] of tables.network)
      if (String(record.name_label).startsWith('VLAN-') && String(record.name_label).endsWith(`-${tag}`)) return ref
    throw new Error(`there is no network of ${tag}`)
  }
  const asRoot = async (method: string, ...parameters: readonly unknown[]): Promise<void> => {
    const session = await pool.call(pool.master().address, 'session.login_with_password', ['root', 'simulated'])
    await pool.call(pool.master().address, method, [session, ...parameters])
    await pool.call(pool.master().address, 'session.logout', [session])
  }
  return {
    driver,
    target: xen.targetOf(simulator, 'xen2'),
    desired: uris.map((uri) => xen.network(uri)),
    devices: 3,
    state: async () => pool.state(),
    stop: simulator.close,
    late: async () => {
      await simulator.addHost(pool, 'xen3')
      return { driver, target: xen.targetOf(simulator, 'xen3'), state: async () => pool.state() }
    },
    reboot: async () => pool.reboot('xen2', ['eth1']),
    drift: async () => {
      const ref = networkOf(3001)
      await asRoot('VLAN.destroy', vlanOf(3001))
      await asRoot('network.destroy', ref)
    },
    halve: () => asRoot('VLAN.destroy', vlanOf(3001)),
    foreign: async () => {
      const storage = pool.addNetwork('storage', { other_config: { purpose: 'nbd' } })
      pool.addPif('xen2', { device: 'eth2', network: 'storage' })
      const vif = pool.addVm(storage, 'xen2')
      return async () =>
        JSON.stringify([
          tables.network.get(storage),
          [...tables.PIF.values()].filter(({ device }) => device === 'eth2'),
          tables.VIF.get(vif),
        ])
    },
    bad: xen.network('vxlan://7'),
    occupy: async () => void pool.addVm(networkOf(3001)),
    wrong: () =>
      xen.driverFor(simulator, { credentials: () => ({ ...xen.credentialsOf(simulator), password: 'wrong' }) }),
  }
}

async function cloudStack(): Promise<StoryHost> {
  const host = await startCloudStackHost()
  const { simulator } = host
  const { url, apiKey } = simulator
  const sentTo = (id: string) => async () => JSON.stringify(simulator.cloud.setups.filter((setup) => setup.host === id))
  return {
    ...host,
    state: sentTo(host.target.id),
    late: async () => {
      const { id, zone } = await simulator.cloud.addHost({
        name: 'sim2',
        address: '192.0.2.2',
        cluster: 'cluster',
      })
      return { driver: host.driver, target: { ...host.target, id, zone, name: 'sim2' }, state: sentTo(id) }
    },
    wrong: () => createCloudStackDriver(createCloudStack({ url, apiKey, secretKey: 'wrong' })),
  }
}

const told: readonly (readonly [StoryDriver, () => Promise<StoryHost>])[] = [
  ['kvm-ssh', kvmBySsh],
  ['kvm-agent', kvmByAgent],
  ['xenserver', xenServer],
  ['cloudstack', cloudStack],
]

describe.each(told)('%s', (driver, start) => tellStories(driver, start))

describe('the stories', () => {
  it('are told by six drivers, here and where vCenter is', () => {
    const there = readFileSync(new URL('../vcenter/stories.test.ts', import.meta.url), 'utf8')
    const elsewhere = drivers.filter((driver) => there.includes(`'${driver}'`))
    expect([...told.map(([driver]) => driver), ...elsewhere].sort()).toEqual([...drivers].sort())
  })

  it('are eleven for each, but for these, which it cannot tell', () => {
    expect(stories).toHaveLength(11)
    expect(Object.entries(cannotTell).map(([driver, lacks]) => `${driver}: ${Object.keys(lacks).join(', ')}`)).toEqual([
      'kvm-ssh: ',
      'kvm-agent: ',
      'xenserver: ',
      'vmware standard: a reboot',
      'vmware distributed: a reboot',
      'cloudstack: a reboot, drift, half-made, foreign devices, idempotence, one bad network among many, removal',
    ])
  })
})
