/**
 * Finds IPv6 in Ethernet frames, also behind a VLAN tag and inside VXLAN. Pure. In: a frame's bytes. Out: who sent the IPv6
 * packet and what it is, or null.
 */

export interface Ipv6Frame {
  /** The sender's MAC address, of the frame that carries the IPv6 packet itself. */
  readonly source: string
  readonly inside: 'ethernet' | 'vxlan'
  readonly isRouterSolicitation: boolean
}

const etherTypes = { ipv4: 0x0800, ipv6: 0x86dd, vlan: 0x8100, serviceVlan: 0x88a8 } as const
const udp = 17
const icmp6 = 58
const routerSolicitation = 133
/** Both are in use: the kernel's, which CloudStack's devices have, and the one that was registered later. */
const vxlanPorts: readonly number[] = [8472, 4789]

export function ipv6In(frame: Buffer, inside: Ipv6Frame['inside'] = 'ethernet'): Ipv6Frame | null {
  if (frame.length < 14) return null
  const source = frame.toString('hex', 6, 12)
  let at = 12
  while (isTag(word(frame, at))) at += 4
  const packet = frame.subarray(at + 2)
  if (word(frame, at) === etherTypes.ipv6)
    return { source, inside, isRouterSolicitation: packet[6] === icmp6 && packet[40] === routerSolicitation }
  return word(frame, at) === etherTypes.ipv4 ? inVxlan(packet) : null
}

function inVxlan(packet: Buffer): Ipv6Frame | null {
  const header = ((packet[0] ?? 0) & 15) * 4
  if (packet[9] !== udp || !vxlanPorts.includes(word(packet, header + 2))) return null
  return ipv6In(packet.subarray(header + 8 + 8), 'vxlan')
}

const isTag = (type: number): boolean => type === etherTypes.vlan || type === etherTypes.serviceVlan

/** Two bytes; -1 where there are none. */
const word = (bytes: Buffer, at: number): number => (at + 2 <= bytes.length ? bytes.readUInt16BE(at) : -1)
