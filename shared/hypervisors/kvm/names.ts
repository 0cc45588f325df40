/**
 * CloudStack's names for the devices of a network on a Linux bridge host (FACTS B2). In: the uplink and the VLAN id, or the
 * VNI. Out: the pair of names, and whether the kernel would take them.
 */

/** The two devices of one network on one host: a VLAN or VXLAN device on the uplink, enslaved to a bridge of its own. */
export interface Pair extends DeviceNames {
  readonly kind: 'vlan' | 'vxlan'
  /** The device below; for VXLAN the underlay, a bridge as a rule. */
  readonly uplink: string
  /** The VLAN id, or the VNI. */
  readonly id: number
}

/** The link group that marks what is created here, unless another is set (DESIGN 3). */
export const defaultGroup = 4814

/**
 * The number that marks a route of ours as the one who made it (`proto`). Free in iproute2's table of protocols, and neither
 * FRR (186 to 199), Bird (12) nor CloudStack (`boot`) writes it.
 */
export const routeProtocol = 148

/** The UDP port of VXLAN devices that are made without one, as CloudStack's are: the kernel's own (FACTS B4). */
export const vxlanPort = 8472

/** IFNAMSIZ less the closing zero. */
export const longestName = 15

/** The names exactly as CloudStack builds them, whether they fit or not: nothing is cut or hashed (FACTS B2). */
export function pairOf(uplink: string, id: number): Pair {
  return { kind: 'vlan', uplink, id, device: `${uplink}.${id}`, bridge: `br${uplink}-${id}` }
}

export function vxlanPairOf(underlay: string, vni: number): Pair {
  return { kind: 'vxlan', uplink: underlay, id: vni, ...vxlanNames(vni) }
}

/** The multicast group of a VNI: its three bytes behind 239 (FACTS B4). */
export function vxlanGroup(vni: number): string {
  return `239.${(vni >> 16) & 255}.${(vni >> 8) & 255}.${vni & 255}`
}

/** The VNI whose group this is; null for one that is nobody's. */
export function vniOfGroup(group: string): number | null {
  const [first, ...bytes] = group.split('.').map(Number)
  const [high = 0, middle = 0, low = 0] = bytes
  const vni = (high << 16) | (middle << 8) | low
  return first === 239 && isVni(vni) && vxlanGroup(vni) === group ? vni : null
}

/** The two devices of one VXLAN network; the underlay is not in their names, and they always fit (FACTS B2). */
export function vxlanNames(vni: number): DeviceNames {
  return { device: `vxlan${vni}`, bridge: `brvx-${vni}` }
}

export interface DeviceNames {
  readonly bridge: string
  /** The VLAN or VXLAN device. */
  readonly device: string
}

/** What a bridge or a device is called while it is being removed: no longer than its bridge's name, so it fits too. */
export const asideBridge = (bridge: string): string => `bk${bridge.replace(/^br/, '')}`
export const asideDevice = (device: string): string => `bk${device}`

/** 24 bits; 0 is taken by the kernel but is nobody's network. */
export function isVni(id: number): boolean {
  return Number.isInteger(id) && id >= 1 && id <= 0xffffff
}

export function fits(name: string): boolean {
  return Buffer.byteLength(name) <= longestName
}

/**
 * Whether a name may stand in a line of a batch: stricter than the kernel, which also takes quotes, `#`, `%` and `\`,
 * since those mean something to `ip -batch` or would be expanded.
 */
export function isPlainName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name) && fits(name)
}

/** 0 is taken by the kernel but is no VLAN; 4095 is reserved. */
export function isVlanId(id: number): boolean {
  return Number.isInteger(id) && id >= 1 && id <= 4094
}
