/**
 * CloudStack as it really is: zones, networks and the hosts it knows, and the rows in which its API would show them. In:
 * what operators do. Out: raw rows, as the JSON of the real server has them; faults of answering are in cloudstackPort.ts.
 */
import type { EventRow } from '../../shared/cloudstack/answers.ts'
import { type Machine, type Pair, pairOn } from './machine.ts'

export interface PhysicalNetwork {
  readonly id: string
  readonly zone: string
  /** KVM's traffic label: cloudbr0 leads to eth0, cloudbr1 to eth1. */
  readonly label: 'cloudbr0' | 'cloudbr1'
}

export interface Network {
  readonly id: string
  readonly zone: string
  readonly physicalNetwork: string
  readonly vlan: number
  readonly project: boolean
  /** False: of an offering that prepares no host, with a tag all the same. */
  readonly persistent: boolean
}

export interface KnownNetwork extends Network {
  readonly createdAt: number
  deletedAt: number | undefined
}

export interface Management {
  readonly cloud: string
  readonly zones: readonly string[]
  readonly physicalNetworks: readonly PhysicalNetwork[]
  readonly machines: Map<string, Machine>
  /** Every network that ever was. */
  readonly networks: Map<string, KnownNetwork>
  /** Oldest first. */
  readonly events: EventRow[]
}

export const live = ({ networks }: Management): readonly KnownNetwork[] =>
  [...networks.values()].filter((network) => network.deletedAt === undefined)

/** Those that every host should have. */
export const persistent = (management: Management): readonly KnownNetwork[] =>
  live(management).filter((network) => network.persistent)

export const pairOf = ({ physicalNetworks }: Management, network: Network): Pair =>
  pairOn(
    physicalNetworks.find(({ id }) => id === network.physicalNetwork)?.label === 'cloudbr0' ? 'eth0' : 'eth1',
    network.vlan,
  )

export const uriOf = ({ vlan }: Network): string => `vlan://${vlan}`

const offeringOf = (network: Network): string => (network.persistent ? 'offering-persistent' : 'offering-other')

type Row = Readonly<Record<string, unknown>>
type Parameters = Readonly<Record<string, string>>

/** The rows of a list command, those of other zones, offerings and owners left out as the parameters say. */
export function rowsOf(management: Management, command: string, parameters: Parameters): readonly Row[] {
  switch (command) {
    case 'listZones':
      return management.zones.map((id) => ({ id, name: `name of ${id}` }))
    case 'listPhysicalNetworks':
      return management.physicalNetworks.map(({ id, zone }) => ({ id, name: id, zoneid: zone, vlan: '100-999' }))
    case 'listTrafficTypes': {
      const own = management.physicalNetworks.filter(({ id }) => id === parameters.physicalnetworkid)
      return own.map(({ id, label }) => ({ id: `guest-of-${id}`, traffictype: 'Guest', kvmnetworklabel: label }))
    }
    case 'listNetworkOfferings':
      return [
        { id: 'offering-persistent', name: 'persistent', guestiptype: 'L2', ispersistent: true },
        { id: 'offering-other', name: 'other', guestiptype: 'Isolated', ispersistent: false },
      ]
    case 'listHosts':
      return [...management.machines.values()]
        .filter(({ listed, fact }) => listed && (parameters.id ?? fact.id) === fact.id)
        .map(hostRow)
    case 'listNetworks':
      return live(management)
        .filter((network) => matches(network, parameters))
        .map(networkRow)
    default:
      throw new Error(`this CloudStack answers no ${command}`)
  }
}

const hostRow = ({ fact }: Machine): Row => ({
  id: fact.id,
  name: fact.name,
  zoneid: fact.zone,
  clusterid: fact.cluster,
  hypervisor: fact.hypervisor,
  ipaddress: fact.address,
  state: fact.state,
  resourcestate: fact.resourceState,
  managementserverid: fact.managementServer,
})

const matches = (network: Network, parameters: Parameters): boolean =>
  network.project === (parameters.projectid === '-1') &&
  (parameters.id ?? network.id) === network.id &&
  (parameters.zoneid ?? network.zone) === network.zone &&
  (parameters.physicalnetworkid ?? network.physicalNetwork) === network.physicalNetwork &&
  (parameters.networkofferingid ?? offeringOf(network)) === offeringOf(network)

const networkRow = (network: Network): Row => ({
  id: network.id,
  name: `name of ${network.id}`,
  zoneid: network.zone,
  networkofferingid: offeringOf(network),
  type: network.persistent ? 'L2' : 'Isolated',
  state: 'Implemented',
  physicalnetworkid: network.physicalNetwork,
  broadcasturi: uriOf(network),
})

/** Ids differ in their first characters, which is all that a cursor keeps of them. */
export function note(management: Management, type: string, created: number): void {
  const id = `${String(management.events.length).padStart(12, '0')}-event`
  management.events.push({ id, type, created: Math.floor(created / 1000) * 1000 })
}
