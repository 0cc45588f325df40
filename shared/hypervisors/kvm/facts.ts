/**
 * What one observation of a KVM host says, as plain data: made by observe.ts from the host's own output, read by
 * uplink.ts, plan.ts, orphans.ts and readiness.ts.
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
  /** Null unless `kind` is `vxlan`, and for a VXLAN device that takes its VNI from elsewhere. */
  readonly vxlan: VxlanTag | null
  /** The link group, our mark; 0 for every device that nobody marked. */
  readonly group: number
  /** Bytes; null where iproute2 does not say. */
  readonly mtu: number | null
  readonly up: boolean
  readonly ipv6: boolean
}

export interface VlanTag {
  readonly id: number
  /** `802.1Q` or `802.1ad`; an iproute2 that does not say is taken to mean the former. */
  readonly protocol: string
}

export interface VxlanTag {
  readonly vni: number
  /** The multicast group of IPv4 that it joins while it is up; null: it joins none. */
  readonly group: string | null
  /** The UDP port; an iproute2 that does not say is taken to mean the kernel's own, 8472. */
  readonly port: number
}

/** A route for multicast of IPv4 (239.0.0.0/8) in the main table. */
export interface Route {
  readonly destination: string
  /** Null where it leads to no device. */
  readonly device: string | null
  /** It carries the number that marks our routes. */
  readonly ours: boolean
}

/**
 * What the host's own modifyvxlan.sh makes: CloudStack's uses a multicast group; a site may have put another in its place,
 * for EVPN as a rule (FACTS B4). `absent` where the file cannot be read.
 */
export type VxlanScript = 'multicast' | 'other' | 'absent'

/** What agent.properties says of devices and bridges (FACTS B6). A key that the file lacks is absent. */
export interface AgentDevices {
  readonly public?: string
  readonly private?: string
  readonly guest?: string
  /** `native` or `openvswitch`. */
  readonly bridgeType?: string
  /** The class that plugs guest traffic. */
  readonly guestDriver?: string
}

/** One bridge of Open vSwitch. */
export interface OvsBridge {
  readonly name: string
  readonly up: boolean
  /** Ports that lead out of the host: neither internal, nor to another bridge, nor to a VM. */
  readonly uplinks: readonly string[]
}

export type OpenVswitch =
  | { readonly bridges: readonly OvsBridge[] }
  /** Why its database cannot be read. */
  | { readonly unreadable: string }

/** What the kernel says of itself. A limit that it does not have, or does not show, is null. */
export interface KernelFacts {
  /** Its boot clock when it was looked at, in hundredths of a second: no one can set it. */
  readonly uptime: number
  /** Multicast groups that one socket may join, so VXLAN devices with a group of their own. */
  readonly igmpMaxMemberships: number | null
  /** Bytes that one socket may spend on its options, group memberships among them. */
  readonly optmemMax: number | null
  /** False: this kernel has no IPv6 (now). */
  readonly ipv6: boolean
}

export interface HostFacts {
  readonly hostname: string
  readonly bootId: string
  readonly links: readonly Link[]
  readonly kernel: KernelFacts
  readonly routes: readonly Route[]
  readonly vxlanScript: VxlanScript
  /** Null where the file cannot be read. */
  readonly agent: AgentDevices | null
  /** Null: guest traffic of this host is on Linux bridges. */
  readonly openVswitch: OpenVswitch | null
}
