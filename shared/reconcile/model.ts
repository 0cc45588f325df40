/**
 * The plain data that everything else speaks about: what CloudStack says (facts), what should be on a host (desired
 * networks), and what was found there (findings). No behaviour, no I/O. Times are milliseconds since the epoch.
 */

/** Hypervisors for which CloudStack keeps a traffic label, spelled as listHosts answers them (FACTS A3, F1). */
export type Hypervisor = 'KVM' | 'XenServer' | 'VMware' | 'Simulator' | (string & {})

/** One host of type Routing, as listHosts shows it. `state` is the connection status, `resourceState` the admin state. */
export interface HostFact {
  readonly id: string
  readonly name: string
  readonly zone: string
  readonly cluster: string
  readonly hypervisor: Hypervisor
  readonly address: string
  readonly state: string
  readonly resourceState: string
  /** Absent while the host is not connected. */
  readonly managementServer?: string
}

export interface ZoneFact {
  readonly id: string
  readonly name: string
}

export interface PhysicalNetworkFact {
  readonly id: string
  readonly name: string
  readonly zone: string
  /** Its VLAN or VNI ranges, as `1000-1999,3000-3100`. */
  readonly vlans?: string
  /** For example `VLAN` or `VXLAN`. */
  readonly isolation?: string
}

/** The guest traffic labels of one physical network. A hypervisor without a label is absent, not empty. */
export interface GuestLabels {
  readonly physicalNetwork: string
  /** By hypervisor. */
  readonly labels: Readonly<Record<string, string>>
}

export interface OfferingFact {
  readonly id: string
  readonly name: string
  readonly guestType: string
  readonly persistent: boolean
  /** Mbit/s; absent where it is not told, as 0 without a limit. */
  readonly rate?: number
}

export interface NetworkFact {
  readonly id: string
  readonly name: string
  readonly zone: string
  readonly offering: string
  /** Isolated, L2 or Shared. */
  readonly guestType: string
  /** Allocated, Setup, Implementing, Implemented, Shutdown or Destroy. */
  readonly state: string
  readonly physicalNetwork?: string
  /** Seen by a root admin only, and absent while the network is Allocated. */
  readonly broadcastUri?: string
}

/** Everything that the desired set is made of, from one complete reading of a cloud. */
export interface CloudFacts {
  readonly zones: readonly ZoneFact[]
  readonly physicalNetworks: readonly PhysicalNetworkFact[]
  readonly guestLabels: readonly GuestLabels[]
  readonly offerings: readonly OfferingFact[]
  readonly networks: readonly NetworkFact[]
}

/**
 * What should exist on each host of one zone and hypervisor: one entry for each (physical network, URI), however many
 * CloudStack networks share it. `label` is the traffic label, null where CloudStack has none (the driver knows the
 * hypervisor's default).
 */
export interface DesiredNetwork {
  readonly physicalNetwork: string
  readonly label: string | null
  /** For example `vlan://3001`, `vlan://untagged`, `vxlan://50047`, `pvlan://3601-i3602`. */
  readonly uri: string
  /** Mbit/s, rising, each once: where the hypervisor has a device for each (VMware, FACTS A5), else absent. 0: no limit. */
  readonly rates?: readonly number[]
  readonly networks: readonly NetworkName[]
}

/**
 * One physical network of a zone with guest traffic, as one hypervisor's hosts know it: where its networks will want to
 * stand, whether there are any yet or not.
 */
export interface GuestLabel {
  readonly physicalNetwork: string
  readonly label: string | null
  readonly vlans?: string
  readonly isolation?: string
}

/** All that the hosts of one zone and hypervisor should know. */
export interface Desired {
  /** Sorted by physical network, then URI. */
  readonly networks: readonly DesiredNetwork[]
  /** Sorted by physical network. */
  readonly labels: readonly GuestLabel[]
}

export interface NetworkName {
  readonly id: string
  readonly name: string
}
