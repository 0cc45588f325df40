/** The simulated cloud does what the captured server did, holes included (API-BEHAVIOUR, FACTS A and G). */
import { describe, expect, it } from 'vitest'
import { createCloud } from '../../infra/local/cloudstackSimulator/cloud.ts'
import { nextResourceState, nextStatus, type Status } from '../../infra/local/cloudstackSimulator/hostStates.ts'
import { seedCloud, uuidOf, type ZonePlan } from '../../infra/local/cloudstackSimulator/seed.ts'
import type { CloudOptions } from '../../infra/local/cloudstackSimulator/state.ts'

const physicalNetworks = [{ name: 'guest', labels: { KVM: 'cloudbr1' }, vlans: '1000-1001' }]

const plans = (hypervisor: string): readonly ZonePlan[] => [
  {
    name: 'zone1',
    physicalNetworks,
    clusters: [
      {
        name: 'c1',
        hypervisor,
        hosts: [
          { name: 'h1', address: '192.0.2.1' },
          { name: 'h2', address: '192.0.2.2' },
        ],
      },
      { name: 'c2', hypervisor, hosts: [{ name: 'h3', address: '192.0.2.3', resourceState: 'Disabled' }] },
    ],
    networks: [
      { name: 'one', uri: 'vlan://1' },
      { name: 'passing', uri: 'vlan://9', offering: 'l2-nonpersistent-vlan' },
    ],
  },
  {
    name: 'zone2',
    physicalNetworks,
    clusters: [{ name: 'c3', hypervisor, hosts: [{ name: 'h4', address: '192.0.2.4' }] }],
    networks: [{ name: 'two', uri: 'vlan://2' }],
  },
]

const start = (options: CloudOptions = {}, hypervisor = 'KVM') =>
  createCloud(seedCloud(plans(hypervisor)), { sleep: async () => {}, ...options }).cloud

type Cloud = ReturnType<typeof start>

const states = (cloud: Cloud, host: string): string => `${cloud.host(host).state} ${cloud.host(host).resourceState}`

const sent = (cloud: Cloud): readonly string[] =>
  cloud.setups.map(({ host, network, cause }) => {
    const name = cloud.networks().find(({ id }) => id === network)?.name ?? 'gone'
    return `${cause} ${cloud.host(host).name} ${name}`
  })

describe('a host that connects', () => {
  it('is sent every persistent network of every zone, while it is Connecting', async () => {
    const during: Status[] = []
    const cloud = start({ onSetup: ({ state }) => during.push(state) > 0 })
    cloud.disconnect('h1')
    expect([states(cloud, 'h1'), cloud.host('h1').managementServer]).toEqual(['Disconnected Enabled', undefined])
    await cloud.connect('h1')
    expect(sent(cloud)).toEqual(['connect h1 one', 'connect h1 two'])
    expect(during).toEqual(['Connecting', 'Connecting'])
    expect(states(cloud, 'h1')).toBe('Up Enabled')
  })

  it('is sent them once for each shared primary pool', async () => {
    const cloud = start({ sharedPrimaryPools: 2 })
    await cloud.connect('h1')
    expect(sent(cloud)).toHaveLength(4)
  })

  it('is sent nothing by a server before 4.17', async () => {
    const cloud = start({ version: '4.16.1.0' })
    await cloud.connect('h1')
    await cloud.enable('h1')
    expect([sent(cloud), states(cloud, 'h1')]).toEqual([[], 'Up Enabled'])
  })

  it('goes Up all the same when every set-up fails, and nothing tells', async () => {
    const cloud = start({ onSetup: () => false })
    await cloud.connect('h1')
    expect(states(cloud, 'h1')).toBe('Up Enabled')
    expect(cloud.setups.map(({ succeeded }) => succeeded)).toEqual([false, false])
  })

  it('ends in Alert when it does not answer', async () => {
    const cloud = start({
      onSetup: () => {
        throw new Error('gone')
      },
    })
    await cloud.connect('h1')
    expect([states(cloud, 'h1'), cloud.setups]).toEqual(['Alert Enabled', []])
  })

  it('in maintenance ends in Alert, until maintenance is cancelled', async () => {
    const cloud = start()
    await cloud.enterMaintenance('h1')
    expect(states(cloud, 'h1')).toBe('Up Maintenance')
    await cloud.connect('h1')
    expect(states(cloud, 'h1')).toBe('Alert Maintenance')
    cloud.cancelMaintenance('h1')
    expect(states(cloud, 'h1')).toBe('Alert Enabled')
    await cloud.settled()
    expect([states(cloud, 'h1'), sent(cloud)]).toEqual(['Up Enabled', ['connect h1 one', 'connect h1 two']])
  })
})

describe('what sends nothing', () => {
  it('a heartbeat that recovers', () => {
    const cloud = start()
    cloud.disconnect('h1', 'PingTimeout')
    cloud.ping('h1')
    expect([states(cloud, 'h1'), sent(cloud)]).toEqual(['Up Enabled', []])
  })

  it('leaving maintenance while Up', async () => {
    const cloud = start()
    await cloud.enterMaintenance('h1')
    cloud.cancelMaintenance('h1')
    await cloud.settled()
    expect([states(cloud, 'h1'), sent(cloud)]).toEqual(['Up Enabled', []])
  })

  it('a persistent Isolated network', async () => {
    const cloud = start()
    const made = await cloud.createNetwork({ name: 'i', zone: 'zone1', offering: 'iso-persistent-auto' })
    expect([made.state, made.broadcastUri, sent(cloud)]).toEqual(['Implemented', 'vlan://1000', []])
  })
})

describe('a new persistent L2 network', () => {
  const plan = { name: 'new', zone: 'zone1', offering: 'l2-persistent-vlan', vlan: '7' }

  it('is sent to every KVM host of the zone that is Up and Enabled', async () => {
    const cloud = start()
    await cloud.createNetwork(plan)
    expect(sent(cloud)).toEqual(['createNetwork h1 new', 'createNetwork h2 new'])
  })

  it('is sent to one host of a cluster of another hypervisor', async () => {
    const cloud = start({}, 'Simulator')
    await cloud.createNetwork(plan)
    expect(sent(cloud)).toEqual(['createNetwork h1 new'])
  })

  it('is cleaned up when it is deleted, unless another has its URI', async () => {
    const cloud = start()
    await cloud.createNetwork({ ...plan, name: 'twin' })
    const { id } = await cloud.createNetwork(plan)
    await cloud.deleteNetwork('twin')
    expect(cloud.cleanups).toEqual([])
    await cloud.deleteNetwork(id)
    expect(cloud.cleanups.map(({ host }) => cloud.host(host).name)).toEqual(['h1', 'h2'])
  })

  it('is refused when the range is used up', async () => {
    const cloud = start()
    const automatic = (name: string) => cloud.createNetwork({ name, zone: 'zone1', offering: 'l2-persistent-auto' })
    await automatic('a')
    await automatic('b')
    await expect(automatic('c')).rejects.toThrow('guest has none left')
  })
})

describe('hosts', () => {
  it('that are added connect, and are listed', async () => {
    const cloud = start()
    const host = await cloud.addHost({ name: 'h9', address: '192.0.2.9', cluster: 'c1' })
    expect([states(cloud, 'h9'), sent(cloud)]).toEqual(['Up Enabled', ['connect h9 one', 'connect h9 two']])
    cloud.removeHost(host.id)
    expect(cloud.hosts().map(({ name }) => name)).toEqual(['h1', 'h2', 'h3', 'h4'])
  })

  it('cannot be put into maintenance while Disconnected', async () => {
    const cloud = start()
    cloud.disconnect('h1')
    await expect(cloud.enterMaintenance('h1')).rejects.toThrow('Unable to prepare for maintenance host 1')
  })

  it.each<[Parameters<typeof nextStatus>, ReturnType<typeof nextStatus>]>([
    [['Disconnected', 'Ping'], 'Up'],
    [['Connecting', 'Ready'], 'Up'],
    [['Up', 'Ready'], undefined],
    [['Down', 'Ping'], undefined],
    [['Removed', 'AgentConnected'], undefined],
  ])('take the status step %j to %s', (step, expected) => {
    expect(nextStatus(...step)).toBe(expected)
  })

  it.each<[Parameters<typeof nextResourceState>, ReturnType<typeof nextResourceState>]>([
    [['Disabled', 'AdminAskMaintenance'], undefined],
    [['Degraded', 'AdminAskMaintenance'], 'Maintenance'],
    [['PrepareForMaintenance', 'UnableToMigrate'], 'ErrorInPrepareForMaintenance'],
  ])('take the resource step %j to %s', (step, expected) => {
    expect(nextResourceState(...step)).toBe(expected)
  })
})

it('the same plan gives the same cloud, and other names other ids', () => {
  expect(seedCloud(plans('KVM'))).toEqual(seedCloud(plans('KVM')))
  expect(uuidOf('host', 'a', 'bc')).not.toBe(uuidOf('host', 'ab', 'c'))
})
