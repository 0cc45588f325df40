/** The stories of the drivers whose hosts are simulated in this process; the others' are in test/agent/real and test/vcenter. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { startHostSimulator } from '../../infra/local/hostSimulator/hostSimulator.ts'
import { newKeyPair } from '../../infra/local/hostSimulator/keyPair.ts'
import { createCloudStack } from '../../shared/cloudstack/client.ts'
import { createCloudStackDriver } from '../../shared/hypervisors/cloudstack/driver.ts'
import { startCloudStackHost } from '../hypervisors/cloudstack/cloudstackHost.ts'
import { network, simulatedDriver, targetOf } from '../hypervisors/kvm/factory.ts'
import { cloudStackMakes } from '../hypervisors/xenserver/cloudStackStandIn.ts'
import * as xen from '../hypervisors/xenserver/factory.ts'
import { besides, theirsOnKvm, uplinkTag } from './kvmStories.ts'
import { cannotTell, drivers, type StoryHost, stories, tellStories } from './stories.ts'

const uris = ['vlan://3001', 'vlan://3002', 'vlan://3003']

async function kvmBySsh(): Promise<StoryHost> {
  const simulated = await startHostSimulator({ names: ['kvm1'] })
  const [host] = simulated.hosts
  if (host === undefined) throw new Error('there is no host')
  const driver = simulatedDriver(simulated)
  const other = newKeyPair().privateKey
  const stateOf = (of: typeof host) => async () => JSON.stringify([of.links(), of.routes()])
  host.addLink(uplinkTag)
  return {
    driver,
    target: targetOf(host),
    desired: uris.map((uri) => network(uri)),
    devices: 6,
    state: stateOf(host),
    stop: simulated.close,
    late: async () => {
      const late = await simulated.add('kvm2')
      return { driver, target: targetOf(late), state: stateOf(late), lacks: 6 }
    },
    reboot: async () => {
      await host.reboot()
      host.addLink(uplinkTag)
    },
    drift: async () => {
      for (const name of ['eth1.3001', 'breth1-3001']) host.deleteLink(name)
    },
    halve: async () => void host.deleteLink('breth1-3001'),
    foreign: async () => {
      for (const link of theirsOnKvm) host.addLink(link)
      return async () => besides(uris, host.links())
    },
    theirs: network('vlan://3050'),
    bad: network('vlan://3099'),
    occupy: async () => void host.addLink({ name: 'vnet0', kind: 'tun', master: 'breth1-3001', up: true }),
    wrong: { driver: simulatedDriver(simulated, { privateKey: other }), reason: 'LoginRefused', secret: other },
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
      return { driver, target: xen.targetOf(simulator, 'xen3'), state: async () => pool.state(), lacks: 3 }
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
      const world = { wait: async () => {}, now: Date.now, random: Math.random }
      await cloudStackMakes(pool, 'xen2', 'guests', 3050, world)
      const theirs = networkOf(3050)
      return async () =>
        JSON.stringify([
          tables.network.get(storage),
          tables.network.get(theirs),
          [...tables.VLAN.values()].filter(({ tag }) => Number(tag) === 3050),
          [...tables.PIF.values()].filter(({ device, network }) => device === 'eth2' || network === theirs),
          tables.VIF.get(vif),
        ])
    },
    theirs: xen.network('vlan://3050'),
    bad: xen.network('vxlan://7'),
    occupy: async () => void pool.addVm(networkOf(3001)),
    wrong: {
      driver: xen.driverFor(simulator, {
        credentials: () => ({ ...xen.credentialsOf(simulator), password: 'hunter2' }),
      }),
      reason: 'XapiRefused',
      secret: 'hunter2',
    },
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
      return { driver: host.driver, target: { ...host.target, id, zone, name: 'sim2' }, state: sentTo(id), lacks: 0 }
    },
    wrong: {
      driver: createCloudStackDriver(createCloudStack({ url, apiKey, secretKey: 'hunter2' })),
      reason: 'CloudStackRefused',
      secret: 'hunter2',
    },
  }
}

tellStories('fast', { 'kvm-ssh': kvmBySsh, xenserver: xenServer, cloudstack: cloudStack })

describe('the stories', () => {
  it('are told by six drivers, each in one project', () => {
    expect(Object.values(drivers).flat().sort()).toEqual([
      'cloudstack',
      'kvm-agent',
      'kvm-ssh',
      'vmware distributed',
      'vmware standard',
      'xenserver',
    ])
  })

  it.each([
    ['agent', '../agent/real/stories.test.ts'],
    ['vcenter', '../vcenter/stories.test.ts'],
  ])('of the project %s are told there', (project, file) => {
    expect(readFileSync(new URL(file, import.meta.url), 'utf8')).toContain(`\ntellStories('${project}', {`)
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
