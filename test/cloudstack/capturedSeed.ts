/** The captured cloud as a seed of the simulator: the same zones, hosts, offerings and networks under the same ids. */
import * as z from 'zod'
import type { CloudSeed, Host, Network, PhysicalNetwork } from '../../infra/local/cloudstackSimulator/model.ts'
import { captureRows } from './fixtures.ts'

const named = z.object({ id: z.string(), name: z.string() })

const offering = z.object({
  ...named.shape,
  guestiptype: z.enum(['Isolated', 'L2', 'Shared']),
  ispersistent: z.boolean(),
  specifyvlan: z.boolean(),
  tags: z.optional(z.string()),
})

const physical = z.object({
  ...named.shape,
  zoneid: z.string(),
  isolationmethods: z.enum(['VLAN', 'VXLAN']),
  vlan: z.optional(z.string()),
  tags: z.optional(z.string()),
})

const traffic = z.object({
  id: z.string(),
  physicalnetworkid: z.string(),
  traffictype: z.enum(['Guest', 'Management', 'Public', 'Storage']),
  kvmnetworklabel: z.optional(z.string()),
  xennetworklabel: z.optional(z.string()),
  vmwarenetworklabel: z.optional(z.string()),
})

const network = z.object({
  ...named.shape,
  zoneid: z.string(),
  networkofferingid: z.string(),
  state: z.enum(['Allocated', 'Setup', 'Implementing', 'Implemented', 'Shutdown', 'Destroy']),
  physicalnetworkid: z.string(),
  broadcasturi: z.optional(z.string()),
  account: z.optional(z.string()),
  projectid: z.optional(z.string()),
  created: z.string(),
})

const host = z.object({
  ...named.shape,
  type: z.enum(['Routing', 'SecondaryStorageVM', 'ConsoleProxy']),
  zoneid: z.string(),
  podid: z.string(),
  clusterid: z.optional(z.string()),
  hypervisor: z.optional(z.string()),
  ipaddress: z.string(),
  state: z.enum(['Up', 'Disconnected']),
  resourcestate: z.enum(['Enabled']),
  managementserverid: z.optional(z.string()),
  created: z.string(),
})

const trafficFiles = ['pn-guest', 'pn-guest2', 'pn-mgmt', 'pn-vxlan', 'z2-guest', 'z2-mgmt']

export function capturedSeed(): CloudSeed {
  const hosts = captureRows('listHosts.notype.json', 'host', host).toReversed()
  const listed = [
    ...captureRows('listNetworks.listall.json', 'network', network),
    ...captureRows('listNetworks.projectid-minus1.json', 'network', network),
  ]
  const networks = new Map(listed.map((row) => [row.id, row]))
  return {
    zones: captureRows('listZones.json', 'zone', named),
    pods: [],
    clusters: [],
    hosts: hosts.map(toHost),
    physicalNetworks: toPhysicalNetworks(),
    offerings: captureRows('listNetworkOfferings.json', 'networkoffering', offering).map((row) => ({
      id: row.id,
      name: row.name,
      guestType: row.guestiptype,
      persistent: row.ispersistent,
      specifyVlan: row.specifyvlan,
      ...(row.tags === undefined ? {} : { tags: row.tags }),
    })),
    networks: [...networks.values()].toReversed().map(toNetwork),
    events: [],
  }
}

function toPhysicalNetworks(): readonly PhysicalNetwork[] {
  const rows = trafficFiles.flatMap((name) => captureRows(`listTrafficTypes.${name}.json`, 'traffictype', traffic))
  return captureRows('listPhysicalNetworks.json', 'physicalnetwork', physical).map((row) => ({
    id: row.id,
    name: row.name,
    zone: row.zoneid,
    isolation: row.isolationmethods,
    ...(row.vlan === undefined ? {} : { vlans: row.vlan }),
    ...(row.tags === undefined ? {} : { tags: row.tags }),
    trafficTypes: rows
      .filter(({ physicalnetworkid }) => physicalnetworkid === row.id)
      .map((one) => ({ id: one.id, trafficType: one.traffictype, labels: toLabels(one) })),
  }))
}

function toLabels(row: z.infer<typeof traffic>): Readonly<Record<string, string>> {
  const labels = { KVM: row.kvmnetworklabel, XenServer: row.xennetworklabel, VMware: row.vmwarenetworklabel }
  return Object.fromEntries(
    Object.entries(labels).flatMap(([name, label]) => (label === undefined ? [] : [[name, label]])),
  )
}

function toNetwork(row: z.infer<typeof network>): Network {
  return {
    id: row.id,
    name: row.name,
    zone: row.zoneid,
    offering: row.networkofferingid,
    state: row.state,
    physicalNetwork: row.physicalnetworkid,
    ...(row.broadcasturi === undefined ? {} : { broadcastUri: row.broadcasturi }),
    account: row.account ?? 'admin',
    ...(row.projectid === undefined ? {} : { project: row.projectid }),
    created: Date.parse(row.created),
  }
}

function toHost(row: z.infer<typeof host>, index: number): Host {
  return {
    id: row.id,
    number: index + 1,
    name: row.name,
    type: row.type,
    zone: row.zoneid,
    pod: row.podid,
    ...(row.clusterid === undefined ? {} : { cluster: row.clusterid }),
    ...(row.hypervisor === undefined ? {} : { hypervisor: row.hypervisor }),
    address: row.ipaddress,
    state: row.state,
    resourceState: row.resourcestate,
    ...(row.managementserverid === undefined ? {} : { managementServer: row.managementserverid }),
    created: Date.parse(row.created),
    agentRuns: row.state === 'Up',
  }
}
