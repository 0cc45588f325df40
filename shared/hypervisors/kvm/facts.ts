/**
 * What one observation of a KVM host says, as plain data: made by observe.ts from the host's own output, read by
 * uplink.ts and plan.ts.
 */

export interface Link {
  readonly name: string
  /** Further names of the device; they are taken as well. */
  readonly alternativeNames: readonly string[]
  /** `bridge`, `vlan`, `bond`, `tun`, …; null for a physical device. */
  readonly kind: string | null
  /** The device below: for a VLAN device the one that carries its tag. Null where there is none in this namespace. */
  readonly parent: string | null
  readonly master: string | null
  /** Null unless `kind` is `vlan`. */
  readonly vlan: VlanTag | null
  readonly up: boolean
  readonly ipv6: boolean
}

export interface VlanTag {
  readonly id: number
  /** `802.1Q` or `802.1ad`; an iproute2 that does not say is taken to mean the former. */
  readonly protocol: string
}

/** The device keys of agent.properties (FACTS B6). A key that the file lacks is absent. */
export interface AgentDevices {
  readonly public?: string
  readonly private?: string
  readonly guest?: string
}

export interface HostFacts {
  readonly hostname: string
  readonly bootId: string
  readonly links: readonly Link[]
  /** Null where the file cannot be read. */
  readonly agent: AgentDevices | null
}
