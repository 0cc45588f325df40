/**
 * What the CloudStack simulator knows: plain records, much as the real server's tables hold them. Rows for the API are
 * made from them in rows.ts, seeds for tests and the demo in seed.ts. Times are milliseconds since the epoch.
 */
import type { ResourceState, Status } from './hostStates.ts'

export interface Zone {
  readonly id: string
  readonly name: string
}

export interface Pod {
  readonly id: string
  readonly name: string
  readonly zone: string
}

export interface Cluster {
  readonly id: string
  readonly name: string
  readonly zone: string
  readonly pod: string
  readonly hypervisor: string
}

export interface PhysicalNetwork {
  readonly id: string
  readonly name: string
  readonly zone: string
  readonly isolation: 'VLAN' | 'VXLAN'
  /** The range that ids are taken from, for example 1000-1999. */
  readonly vlans?: string
  readonly tags?: string
  readonly trafficTypes: readonly TrafficType[]
}

export interface TrafficType {
  readonly id: string
  readonly trafficType: 'Guest' | 'Management' | 'Public' | 'Storage'
  /** By hypervisor, spelled as listHosts spells it. */
  readonly labels: Readonly<Record<string, string>>
}

export interface Offering {
  readonly id: string
  readonly name: string
  readonly guestType: 'Isolated' | 'L2' | 'Shared'
  readonly persistent: boolean
  readonly specifyVlan: boolean
  /** Chooses the physical network that carries the same tag. */
  readonly tags?: string
}

export interface Network {
  readonly id: string
  readonly name: string
  readonly zone: string
  readonly offering: string
  readonly state: 'Allocated' | 'Setup' | 'Implementing' | 'Implemented' | 'Shutdown' | 'Destroy'
  readonly physicalNetwork: string
  readonly broadcastUri?: string
  readonly account: string
  /** The id of the project that owns it. */
  readonly project?: string
  readonly created: number
}

export interface Host {
  readonly id: string
  /** The server's internal id; the API accepts it in place of the UUID. */
  readonly number: number
  readonly name: string
  readonly type: 'Routing' | 'SecondaryStorageVM' | 'ConsoleProxy'
  readonly zone: string
  readonly pod: string
  /** Absent for a system VM. */
  readonly cluster?: string
  readonly hypervisor?: string
  readonly address: string
  readonly state: Status
  readonly resourceState: ResourceState
  readonly managementServer?: string
  readonly created: number
  /** The agent on the machine runs and dials in again by itself. */
  readonly agentRuns: boolean
}

export interface Event {
  readonly id: string
  readonly type: string
  readonly state: 'Scheduled' | 'Started' | 'Completed'
  readonly description: string
  readonly account: string
  readonly resourceId?: string
  readonly resourceType: 'Host' | 'Network' | 'None'
  readonly created: number
}

export type Role = 'Admin' | 'DomainAdmin' | 'User'

export interface Account {
  readonly id: string
  readonly number: number
  readonly name: string
  readonly role: Role
  readonly apiKey: string
  readonly secretKey: string
  /** Of a role that was created; its type is `role` then. */
  readonly roleId?: string
}

/** A dynamic role. */
export interface CustomRole {
  readonly id: string
  readonly name: string
  readonly type: string
  readonly description?: string
  readonly isDefault: boolean
  /** The first one that matches decides. */
  readonly rules: readonly RolePermission[]
}

export interface RolePermission {
  readonly id: string
  /** The name of a command, in which `*` stands for anything. */
  readonly rule: string
  readonly permission: 'allow' | 'deny'
  readonly description?: string
}

export interface CloudSeed {
  readonly zones: readonly Zone[]
  readonly pods: readonly Pod[]
  readonly clusters: readonly Cluster[]
  readonly hosts: readonly Host[]
  readonly physicalNetworks: readonly PhysicalNetwork[]
  readonly offerings: readonly Offering[]
  /** Oldest first, like the events. */
  readonly networks: readonly Network[]
  readonly events: readonly Event[]
}
