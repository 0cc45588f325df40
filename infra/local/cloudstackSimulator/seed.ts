/**
 * A concise way to write down a cloud. In: zones with their physical networks, clusters and networks, by name. Out: a
 * CloudSeed with every id made from the names, so that the same plan always gives the same cloud.
 */
import { createHash } from 'node:crypto'
import type { CloudSeed, Cluster, Host, Network, Offering, PhysicalNetwork } from './model.ts'

export interface ZonePlan {
  readonly name: string
  /** With guest traffic. */
  readonly physicalNetworks: readonly PhysicalNetworkPlan[]
  readonly clusters: readonly ClusterPlan[]
  readonly networks?: readonly NetworkPlan[]
}

export interface PhysicalNetworkPlan {
  readonly name: string
  /** By hypervisor, for example `{ KVM: 'cloudbr1' }`. */
  readonly labels?: Readonly<Record<string, string>>
  readonly isolation?: 'VLAN' | 'VXLAN'
  readonly vlans?: string
  readonly tags?: string
}

export interface ClusterPlan {
  readonly name: string
  /** KVM unless told. */
  readonly hypervisor?: string
  readonly hosts: readonly HostPlan[]
}

export interface HostPlan extends Partial<Pick<Host, 'state' | 'resourceState'>> {
  readonly name: string
  readonly address: string
}

export interface NetworkPlan extends Partial<Pick<Network, 'state' | 'project' | 'account'>> {
  readonly name: string
  readonly uri?: string
  /** The name of one of `offerings`; l2-persistent-vlan unless told. */
  readonly offering?: string
  /** The name of one; the zone's first unless told. */
  readonly physicalNetwork?: string
}

const offering = (
  name: string,
  guestType: Offering['guestType'],
  persistent: boolean,
  specifyVlan: boolean,
): Offering => ({
  id: uuidOf('offering', name),
  name,
  guestType,
  persistent,
  specifyVlan,
})

export const offerings: readonly Offering[] = [
  offering('l2-persistent-vlan', 'L2', true, true),
  offering('l2-persistent-auto', 'L2', true, false),
  offering('l2-nonpersistent-vlan', 'L2', false, true),
  offering('iso-persistent-vlan', 'Isolated', true, true),
  offering('iso-persistent-auto', 'Isolated', true, false),
  offering('iso-nonpersistent', 'Isolated', false, false),
  offering('shared-vlan', 'Shared', false, true),
]

/** When everything in a seed was created, unless told. */
const beginning = Date.UTC(2026, 0, 1)

export const managementServerId = uuidOf('managementServer', '1')

export function seedCloud(plans: readonly ZonePlan[], created = beginning): CloudSeed {
  const hosts = plans.flatMap((plan) =>
    plan.clusters.flatMap((cluster) => cluster.hosts.map((host) => ({ plan, cluster, host }))),
  )
  return {
    zones: plans.map(({ name }) => ({ id: zoneId(name), name })),
    pods: plans.map(({ name }) => ({ id: podId(name), name: `${name}-pod`, zone: zoneId(name) })),
    clusters: plans.flatMap((plan) => plan.clusters.map((cluster) => seedCluster(plan, cluster))),
    hosts: hosts.map(({ plan, cluster, host }, index) => seedHost(plan, cluster, host, index + 1, created)),
    physicalNetworks: plans.flatMap((plan) =>
      plan.physicalNetworks.map((physical) => seedPhysicalNetwork(plan, physical)),
    ),
    offerings,
    networks: plans.flatMap((plan) => (plan.networks ?? []).map((network) => seedNetwork(plan, network, created))),
    events: [],
  }
}

/** The same id for the same names, in the form of a UUID. */
export function uuidOf(...names: readonly string[]): string {
  const hex = createHash('sha256').update(JSON.stringify(names)).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

const zoneId = (zone: string): string => uuidOf('zone', zone)
const podId = (zone: string): string => uuidOf('pod', zone)

const seedCluster = (zone: ZonePlan, { name, hypervisor = 'KVM' }: ClusterPlan): Cluster => ({
  id: uuidOf('cluster', zone.name, name),
  name,
  zone: zoneId(zone.name),
  pod: podId(zone.name),
  hypervisor,
})

function seedHost(zone: ZonePlan, cluster: ClusterPlan, plan: HostPlan, number: number, created: number): Host {
  const { id, pod, hypervisor } = seedCluster(zone, cluster)
  const state = plan.state ?? 'Up'
  return {
    id: uuidOf('host', zone.name, plan.name),
    number,
    name: plan.name,
    type: 'Routing',
    zone: zoneId(zone.name),
    pod,
    cluster: id,
    hypervisor,
    address: plan.address,
    state,
    resourceState: plan.resourceState ?? 'Enabled',
    ...(state === 'Up' ? { managementServer: managementServerId } : {}),
    created,
    agentRuns: state === 'Up',
  }
}

function seedPhysicalNetwork(zone: ZonePlan, plan: PhysicalNetworkPlan): PhysicalNetwork {
  const { name, labels = {}, isolation = 'VLAN', vlans, tags } = plan
  return {
    id: uuidOf('physicalNetwork', zone.name, name),
    name,
    zone: zoneId(zone.name),
    isolation,
    ...(vlans === undefined ? {} : { vlans }),
    ...(tags === undefined ? {} : { tags }),
    trafficTypes: [{ id: uuidOf('trafficType', zone.name, name), trafficType: 'Guest', labels }],
  }
}

/** @throws Error when the plan names an offering or physical network that does not exist */
function seedNetwork(zone: ZonePlan, plan: NetworkPlan, created: number): Network {
  const { name, uri, account = 'admin', project } = plan
  const chosen = offerings.find((offering) => offering.name === (plan.offering ?? 'l2-persistent-vlan'))
  const physical = zone.physicalNetworks.find((one) => one.name === (plan.physicalNetwork ?? one.name))
  if (chosen === undefined || physical === undefined) {
    throw new Error(
      `Network ${name} names offering ${plan.offering} or physical network ${plan.physicalNetwork}, which is none`,
    )
  }
  const withUri = chosen.persistent ? 'Implemented' : 'Setup'
  return {
    id: uuidOf('network', zone.name, name),
    name,
    zone: zoneId(zone.name),
    offering: chosen.id,
    state: plan.state ?? (uri === undefined ? 'Allocated' : withUri),
    physicalNetwork: uuidOf('physicalNetwork', zone.name, physical.name),
    ...(uri === undefined ? {} : { broadcastUri: uri }),
    account,
    ...(project === undefined ? {} : { project }),
    created,
  }
}
