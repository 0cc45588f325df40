/**
 * How many multicast groups the kernel lets VXLAN devices join, and which setting to raise for more (docs/kernel.md): all
 * devices on one UDP port share a socket, and its memberships are limited twice. Pure. In: what the kernel says, links.
 */
import type { KernelFacts, Link } from './facts.ts'
import { vxlanPort } from './names.ts'

/** What one membership costs a socket: 426 on 20,480 bytes were counted. The kernel wants its sum below the limit. */
const bytesOfMembership = 48

export interface MembershipLimit {
  readonly sysctl: string
  readonly value: number
  /** As many memberships fit. */
  readonly room: number
  /** The least value that has room for so many. */
  leastFor(memberships: number): number
}

/** Those that the kernel shows. */
export function membershipLimits({ igmpMaxMemberships, optmemMax }: KernelFacts): readonly MembershipLimit[] {
  const limits: MembershipLimit[] = []
  if (igmpMaxMemberships !== null)
    limits.push({
      sysctl: 'net.ipv4.igmp_max_memberships',
      value: igmpMaxMemberships,
      room: igmpMaxMemberships,
      leastFor: (memberships) => memberships,
    })
  if (optmemMax !== null)
    limits.push({
      sysctl: 'net.core.optmem_max',
      value: optmemMax,
      room: Math.max(0, Math.floor((optmemMax - 1) / bytesOfMembership)),
      leastFor: (memberships) => memberships * bytesOfMembership + 1,
    })
  return limits
}

/** Whether a device has joined its group: it does so when it comes up. */
export const hasJoined = ({ vxlan, up }: Link): boolean => up && vxlan !== null && vxlan.group !== null

/** Memberships of the socket that CloudStack's VXLAN devices share; two devices in one group on one device count once. */
export function membershipsOf(links: readonly Link[]): number {
  const joined = links.filter((link) => hasJoined(link) && link.vxlan?.port === vxlanPort)
  return new Set(joined.map(({ vxlan, parent }) => `${vxlan?.group} ${parent}`)).size
}
