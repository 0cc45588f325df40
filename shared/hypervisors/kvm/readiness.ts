/**
 * Whether a host could take the networks to come, before any needs it to. Pure. In: the guest traffic labels of its zone, and
 * one observation. Out: findings, each for the label that it is about; the reason `Noted` only says how the host is.
 *
 * | For each guest traffic label                                               | finding                        |
 * |----------------------------------------------------------------------------|--------------------------------|
 * | it leads to no uplink, or to several (FACTS B1)                            | UplinkMissing, UplinkAmbiguous |
 * | VXLAN: there is neither a device of its name nor an uplink                 | UplinkMissing                  |
 * | VLAN: the longest id of its range makes a name of over 15 characters       | NameTooLong                    |
 * | VXLAN: fewer multicast groups than VNIs of its range (1,000 at most asked) | KernelLimit                    |
 * | VXLAN: too little option memory for as many                                | KernelLimit                    |
 * | VXLAN: the host's modifyvxlan.sh is not CloudStack's (FACTS B4)            | Unsupported, with the setting  |
 * | VXLAN by the host's script: there is none; it is a site's own: no limit    | Unsupported; nothing           |
 * | otherwise: its uplink, the MTU, whether the kernel has IPv6                | Noted                          |
 * | guest traffic on Open vSwitch: what the label's bridge lacks, or nothing   | as openVswitch.ts has it; Noted |
 * | the label is an Open vSwitch bridge, and guest traffic is not on it        | none                           |
 */
import type { GuestLabel } from '../../reconcile/model.ts'
import type { Finding } from '../driver.ts'
import type { HostFacts, OpenVswitch } from './facts.ts'
import { membershipLimits } from './memberships.ts'
import { fits, longestName, pairOf } from './names.ts'
import { lackingOnOvs } from './openVswitch.ts'
import { underlayOf, uplinkOf } from './uplink.ts'
import { scriptInTheWay, type VxlanMode } from './wanted.ts'

/** As many VXLAN networks as a host is asked to have room for, where its range would allow more. */
const mostNetworks = 1_000

export function readiness(
  labels: readonly GuestLabel[],
  facts: HostFacts,
  vxlan: VxlanMode = 'native',
): readonly Finding[] {
  return labels.flatMap((label) => {
    if (facts.openVswitch !== null) return onOvs(label, facts.openVswitch, facts)
    const isVxlan = /\bVXLAN\b/i.test(label.isolation ?? '')
    const uplink = isVxlan ? underlayOf(label.label, facts) : uplinkOf(label.label, facts)
    if ('reason' in uplink) {
      return uplink.reason === 'Unsupported' ? [] : [finding(label, uplink.reason, uplink.detail)]
    }
    const problems = isVxlan ? ofVxlan(label, facts, vxlan) : tooLong(label, uplink.uplink)
    return [...problems, finding(label, 'Noted', noted(uplink.uplink, facts))]
  })
}

function onOvs(label: GuestLabel, openVswitch: OpenVswitch, { agent }: HostFacts): readonly Finding[] {
  const lacking = lackingOnOvs(label.label, openVswitch, agent)
  return lacking === null
    ? [finding(label, 'Noted', 'It is an Open vSwitch bridge with an uplink: nothing is created there.')]
    : [finding(label, lacking.reason, lacking.detail)]
}

/** The URI of a finding about no network names the label: `label://cloudbr1`. */
function finding({ physicalNetwork, label }: GuestLabel, reason: Finding['reason'], detail: string): Finding {
  return { physicalNetwork, uri: `label://${label ?? ''}`, reason, detail }
}

function tooLong(label: GuestLabel, uplink: string): readonly Finding[] {
  const longest = idsOf(label).reduce((most, { last }) => Math.max(most, last), 0)
  if (longest === 0 || longest > 4094) return []
  const { bridge } = pairOf(uplink, longest)
  if (fits(bridge)) return []
  const detail = `VLAN ${longest} of its range would need the bridge ${bridge}, which is longer than ${longestName} characters.`
  return [finding(label, 'NameTooLong', detail)]
}

function ofVxlan(label: GuestLabel, facts: HostFacts, vxlan: VxlanMode): readonly Finding[] {
  const without = scriptInTheWay(facts, vxlan)
  if (without !== null) return [finding(label, 'Unsupported', `VXLAN networks are not provided: ${without}`)]
  const { kernel, vxlanScript } = facts
  if (vxlanScript === 'other') return []
  const size = idsOf(label).reduce((sum, { first, last }) => sum + last - first + 1, 0)
  const asked = size === 0 ? mostNetworks : Math.min(size, mostNetworks)
  return membershipLimits(kernel)
    .filter(({ room }) => room < asked)
    .map(({ sysctl, value, room, leastFor }) => {
      const detail = `${sysctl} is ${value}, room for ${room} VXLAN networks on multicast; for ${asked}, set it to ${leastFor(asked)} or more.`
      return finding(label, 'KernelLimit', detail)
    })
}

function noted(uplink: string, { links, kernel }: HostFacts): string {
  const mtu = links.find(({ name }) => name === uplink)?.mtu
  const size = mtu === undefined || mtu === null ? 'an MTU that is not known' : `MTU ${mtu}`
  return `The uplink is ${uplink}, with ${size}; the kernel ${kernel.ipv6 ? 'has IPv6' : 'has no IPv6'}.`
}

/** The ranges that CloudStack prints: `100-200`, `100`, `100-200,300-400`. What is not understood is left out. */
function idsOf({ vlans = '' }: GuestLabel): readonly { readonly first: number; readonly last: number }[] {
  return vlans.split(',').flatMap((part) => {
    const [, first, last = first] = /^\s*(\d{1,8})\s*(?:-\s*(\d{1,8})\s*)?$/.exec(part) ?? []
    return first === undefined || Number(last) < Number(first) ? [] : [{ first: Number(first), last: Number(last) }]
  })
}
