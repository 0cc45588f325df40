import { afterEach, describe, expect, it } from 'vitest'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { createCloudStack } from '../../shared/cloudstack/client.ts'

const seed = seedCloud([
  {
    name: 'zone',
    physicalNetworks: [
      { name: 'one', labels: { KVM: 'cloudbr1' } },
      { name: 'two', labels: { KVM: 'cloudbr2' } },
    ],
    clusters: [],
    networks: [
      { name: 'plain', uri: 'vlan://100' },
      { name: 'of a project', uri: 'vlan://200', project: 'p' },
      { name: 'not persistent', uri: 'vlan://300', offering: 'l2-nonpersistent-vlan' },
      { name: 'elsewhere', uri: 'vlan://100', physicalNetwork: 'two' },
    ],
  },
])

describe('asking about single networks before something is removed', () => {
  let simulator: CloudStackSimulator
  afterEach(() => simulator.stop())

  it('finds a network by id, whoever owns it, and nothing once it is deleted', async () => {
    simulator = await startCloudStackSimulator({ seed })
    const cloudstack = createCloudStack(simulator)
    for (const name of ['plain', 'of a project']) {
      const { id } = simulator.cloud.network(name)
      expect(await cloudstack.network(id)).toMatchObject({ id, name })
      await simulator.cloud.deleteNetwork(name)
      expect(await cloudstack.network(id)).toBeUndefined()
    }
  })

  it('lists every network of a physical network: of projects, and not persistent ones', async () => {
    simulator = await startCloudStackSimulator({ seed })
    const { zone, physicalNetwork = '' } = simulator.cloud.network('plain')
    const listed = await createCloudStack(simulator).networksOn(zone, physicalNetwork)
    expect(listed.map(({ name }) => name).sort()).toEqual(['not persistent', 'of a project', 'plain'])
  })
})
