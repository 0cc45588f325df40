/** A host that only CloudStack reaches, on the CloudStack simulator, for the driver contract and the driver's own tests. */
import { seedCloud } from '../../../infra/local/cloudstackSimulator/seed.ts'
import {
  type CloudStackSimulator,
  startCloudStackSimulator,
} from '../../../infra/local/cloudstackSimulator/simulator.ts'
import { createCloudStack } from '../../../shared/cloudstack/client.ts'
import { createCloudStackDriver } from '../../../shared/hypervisors/cloudstack/driver.ts'
import type { ContractHost } from '../../contract/driver.ts'
import { vlan } from '../../factories.ts'

export interface CloudStackHost extends ContractHost {
  readonly simulator: CloudStackSimulator
}

export async function startCloudStackHost(version = '4.18.0.0', updateHostTimeoutMs = 5_000): Promise<CloudStackHost> {
  const seed = seedCloud([
    {
      name: 'zone',
      physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' } }],
      clusters: [{ name: 'cluster', hosts: [{ name: 'sim1', address: '192.0.2.1' }] }],
      networks: [100, 200].map((id) => ({ name: `net${id}`, uri: `vlan://${id}` })),
    },
  ])
  const simulator = await startCloudStackSimulator({ seed, version })
  const { url, apiKey, secretKey } = simulator
  const host = simulator.cloud.host('sim1')
  return {
    simulator,
    driver: createCloudStackDriver(createCloudStack({ url, apiKey, secretKey, updateHostTimeoutMs })),
    target: {
      cloud: 'default',
      zone: host.zone,
      id: host.id,
      name: 'sim1',
      address: host.address,
      cluster: 'cluster',
      resourceState: 'Enabled',
    },
    desired: [vlan(100), vlan(200)],
    devices: 0,
    state: async () => JSON.stringify(simulator.cloud.setups),
    stop: () => simulator.stop(),
  }
}
