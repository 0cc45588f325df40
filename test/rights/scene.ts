/** A small cloud on the CloudStack simulator: two hosts, three persistent networks, one of another offering. */
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import type { CloudOptions } from '../../infra/local/cloudstackSimulator/state.ts'

export const seed = seedCloud([
  {
    name: 'zone1',
    physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' }, vlans: '1000-1999' }],
    clusters: [
      {
        name: 'c1',
        hosts: [
          { name: 'kvm1', address: '192.0.2.1' },
          { name: 'kvm2', address: '192.0.2.2' },
        ],
      },
    ],
    networks: [
      ...[101, 102, 103].map((id) => ({ name: `net${id}`, uri: `vlan://${id}` })),
      { name: 'passing', uri: 'vlan://900', offering: 'l2-nonpersistent-vlan' },
    ],
  },
])

export const startScene = (options: CloudOptions = {}): Promise<CloudStackSimulator> =>
  startCloudStackSimulator({ seed, ...options })
