/**
 * The rows of the API's answers, field by field as captured. In: a record of the simulated cloud. Out: what a caller of
 * that role sees of it. Sizes and loads are constants: nobody here decides by them.
 */
import { statusTable } from './hostStates.ts'
import type { Answer } from './listing.ts'
import type { Cluster, Event, Host, Network, Offering, PhysicalNetwork, Pod, TrafficType, Zone } from './model.ts'
import type { CloudState } from './state.ts'

/** As the server writes an instant: whole seconds, `+0000`. */
export const instant = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}+0000`

const domain = { domainid: '1cb14e1e-e6a1-11f1-98a4-02fc00000001', domain: 'ROOT' }

export const zoneRow = ({ id, name }: Zone): Answer => ({
  id,
  name,
  networktype: 'Advanced',
  securitygroupsenabled: false,
  allocationstate: 'Enabled',
  localstorageenabled: false,
  tags: [],
  hasannotations: false,
})

export const podRow = (state: CloudState, { id, name, zone }: Pod): Answer => ({
  id,
  name,
  zoneid: zone,
  zonename: zoneName(state, zone),
  allocationstate: 'Enabled',
  hasannotations: false,
})

export const clusterRow = (state: CloudState, { id, name, zone, pod, hypervisor }: Cluster): Answer => ({
  id,
  name,
  podid: pod,
  podname: state.seed.pods.find((one) => one.id === pod)?.name,
  zoneid: zone,
  zonename: zoneName(state, zone),
  hypervisortype: hypervisor,
  clustertype: 'CloudManaged',
  allocationstate: 'Enabled',
  managedstate: 'Managed',
  hasannotations: false,
})

export const physicalNetworkRow = (state: CloudState, one: PhysicalNetwork): Answer => ({
  id: one.id,
  name: one.name,
  broadcastdomainrange: 'ZONE',
  zoneid: one.zone,
  zonename: zoneName(state, one.zone),
  state: 'Enabled',
  vlan: one.vlans,
  tags: one.tags,
  isolationmethods: one.isolation,
})

export const trafficTypeRow = (physicalNetwork: string, { id, trafficType, labels }: TrafficType): Answer => ({
  id,
  traffictype: trafficType,
  physicalnetworkid: physicalNetwork,
  xennetworklabel: labels.XenServer,
  kvmnetworklabel: labels.KVM,
  vmwarenetworklabel: labels.VMware,
  hypervnetworklabel: labels.Hyperv,
  ovm3networklabel: labels.Ovm3,
})

export const offeringRow = ({ id, name, guestType, persistent, specifyVlan, tags }: Offering): Answer => ({
  id,
  name,
  displaytext: name,
  tags,
  traffictype: 'Guest',
  isdefault: false,
  specifyvlan: specifyVlan,
  networkrate: 200,
  state: 'Enabled',
  guestiptype: guestType,
  service: [],
  forvpc: false,
  ispersistent: persistent,
  hasannotations: false,
})

/** @param sees broadcasturi and vlan are for root admins */
export function networkRow(state: CloudState, network: Network, sees: boolean): Answer {
  const { id, name, zone, broadcastUri: uri, project } = network
  const offering = state.offerings.get(network.offering)
  return {
    id,
    name,
    displaytext: name,
    broadcastdomaintype: 'Vlan',
    traffictype: 'Guest',
    zoneid: zone,
    zonename: zoneName(state, zone),
    networkofferingid: network.offering,
    networkofferingname: offering?.name,
    issystem: false,
    state: network.state,
    related: id,
    ...(sees && uri !== undefined ? { broadcasturi: uri, vlan: vlanOf(uri) } : {}),
    type: offering?.guestType,
    acltype: offering?.guestType === 'Shared' ? 'Domain' : 'Account',
    ...(project === undefined ? { account: network.account } : { projectid: project }),
    ...domain,
    service: [],
    physicalnetworkid: network.physicalNetwork,
    restartrequired: false,
    specifyipranges: false,
    canusefordeploy: true,
    ispersistent: offering?.persistent,
    tags: [],
    details: {},
    displaynetwork: true,
    created: instant(network.created),
    hasannotations: false,
  }
}

/** A PVLAN's is `N/A`: only the URI tells. */
const vlanOf = (uri: string): string => /^(?:vlan|vxlan):\/\/(.*)$/.exec(uri)?.[1] ?? 'N/A'

/** @param details `min` leaves out names, capacities and events */
export function hostRow(state: CloudState, host: Host, details: string): Answer {
  const { version } = state.options
  return {
    id: host.id,
    name: host.name,
    state: host.state,
    type: host.type,
    ipaddress: host.address,
    zoneid: host.zone,
    podid: host.pod,
    version,
    ...(host.hypervisor === undefined
      ? {}
      : { hypervisor: host.hypervisor, cpunumber: 4, cpuspeed: 8000, capabilities: 'hvm', ueficapability: false }),
    memoryallocated: 0,
    lastpinged: '1970-01-21T07:01:35+0000',
    managementserverid: host.managementServer,
    clusterid: host.cluster,
    islocalstorageactive: false,
    created: instant(host.created),
    hostha: { haenable: false, hastate: 'Disabled' },
    outofbandmanagement: { powerstate: 'Disabled', enabled: false },
    resourcestate: host.resourceState,
    tpmCapabilty: false,
    hasannotations: false,
    ...(details === 'min' ? {} : hostNames(state, host)),
  }
}

const hostNames = (state: CloudState, host: Host): Answer => ({
  zonename: zoneName(state, host.zone),
  podname: state.seed.pods.find(({ id }) => id === host.pod)?.name,
  ...(host.cluster === undefined
    ? {}
    : { clustername: state.seed.clusters.find(({ id }) => id === host.cluster)?.name, clustertype: 'CloudManaged' }),
  events: Object.keys(statusTable[host.state]).join('; '),
})

export const eventRow = (event: Event): Answer => ({
  id: event.id,
  username: event.account,
  type: event.type,
  level: 'INFO',
  description: event.description,
  account: event.account,
  ...domain,
  resourceid: event.resourceId,
  resourcetype: event.resourceType,
  created: instant(event.created),
  state: event.state,
})

const zoneName = (state: CloudState, zone: string): string | undefined =>
  state.seed.zones.find(({ id }) => id === zone)?.name
