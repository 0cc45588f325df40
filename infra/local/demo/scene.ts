/**
 * Who plays: two zones, six hosts, their persistent networks. In: the hosts' addresses. Out: the plan of the CloudStack
 * simulator, and what each host should have in the end.
 */
import { seedCloud } from '../cloudstackSimulator/seed.ts'
import type { DemoHost } from './hosts.ts'
import { type Pair, pairOf } from './witness.ts'

export const uplink = 'eth1'

export interface ZoneScene {
  readonly zone: string
  readonly cluster: string
  readonly hosts: readonly string[]
  readonly vlans: readonly number[]
  /** Made while the story goes on. */
  readonly later: readonly number[]
}

/** The host that joins late; every other one is there from the start. */
export const lateHost = 'kvm4'

export const scene: readonly ZoneScene[] = [
  { zone: 'north', cluster: 'n1', hosts: ['kvm1', 'kvm2', 'kvm3', lateHost], vlans: [101, 102, 103, 104], later: [] },
  { zone: 'south', cluster: 's1', hosts: ['kvm5', 'kvm6'], vlans: [101, 201, 202], later: [203, 204] },
]

export const networkName = (zone: string, vlan: number): string => `${zone}-${vlan}`

export const seedOf = (hosts: readonly DemoHost[]) =>
  seedCloud(
    scene.map(({ zone, cluster, hosts: names, vlans }) => ({
      name: zone,
      physicalNetworks: [{ name: `${zone}-guest`, labels: { KVM: 'cloudbr1' }, vlans: '100-999' }],
      clusters: [
        {
          name: cluster,
          hosts: hosts
            .filter(({ name }) => names.includes(name) && name !== lateHost)
            .map(({ name, address }) => ({ name, address })),
        },
      ],
      networks: vlans.map((vlan) => ({ name: networkName(zone, vlan), uri: `vlan://${vlan}` })),
    })),
  )

/** What a host of this zone should have. */
export const pairsOf = ({ vlans, later }: ZoneScene, withLater: boolean): readonly Pair[] =>
  [...vlans, ...(withLater ? later : [])].map((vlan) => pairOf(uplink, vlan))

export const zoneOf = (host: string): ZoneScene => {
  const found = scene.find(({ hosts }) => hosts.includes(host))
  if (found === undefined) throw new Error(`no zone has the host ${host}`)
  return found
}
