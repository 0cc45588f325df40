/**
 * What stands in the way of a pair of devices: anything that creating or completing it would take something away from
 * (DESIGN decision 2). In: the pair, and all links of the host. Out: the conflict in words, or null.
 */
import type { Link } from './facts.ts'
import type { Links } from './links.ts'
import { type Pair, vxlanGroup, vxlanPort } from './names.ts'
import { looksPhysical } from './uplink.ts'

/** CloudStack's VLAN devices are 802.1Q; an 802.1ad device of the same id carries other frames. */
const protocol = '802.1Q'

export function conflictOf(pair: Pair, links: Links): string | null {
  return (
    deviceNameTaken(pair, links) ??
    bridgeNameTaken(pair, links) ??
    otherSegment(pair, links) ??
    (pair.kind === 'vxlan' ? vniCarried(pair, links) : tagCarried(pair, links))
  )
}

function deviceNameTaken(pair: Pair, links: Links): string | null {
  const found = links.holder(pair.device)
  if (found === undefined) return null
  if (found.name !== pair.device) return `${pair.device} is another name of ${found.name}.`
  const other = pair.kind === 'vxlan' ? otherVxlan(pair, found) : otherVlan(pair, found)
  if (other !== null) return other
  if (found.master !== null && found.master !== pair.bridge)
    return `${found.name} is a port of ${found.master}, not of ${pair.bridge}.`
  return null
}

function otherVlan(pair: Pair, found: Link): string | null {
  if (found.kind !== 'vlan' || found.vlan === null) return `${found.name} is ${kindInWords(found)}, not a VLAN device.`
  if (found.parent !== pair.uplink)
    return `${found.name} is a VLAN device on ${found.parent ?? 'a device out of sight'}, not on ${pair.uplink}.`
  if (found.vlan.id !== pair.id) return `${found.name} carries VLAN ${found.vlan.id}, not ${pair.id}.`
  if (found.vlan.protocol !== protocol) return `${found.name} is ${found.vlan.protocol}, not ${protocol}.`
  return null
}

function otherVxlan(pair: Pair, found: Link): string | null {
  if (found.kind !== 'vxlan') return `${found.name} is ${kindInWords(found)}, not a VXLAN device.`
  const { vni, group } = found.vxlan ?? { vni: 'no VNI of its own', group: null }
  if (vni !== pair.id) return `${found.name} carries ${vni}, not VNI ${pair.id}.`
  if (found.parent !== pair.uplink)
    return `${found.name} is a VXLAN device on ${found.parent ?? 'no device'}, not on ${pair.uplink}.`
  if (group !== vxlanGroup(pair.id))
    return `${found.name} joins ${group ?? 'no multicast group'}, not ${vxlanGroup(pair.id)}.`
  return null
}

/** The kernel takes a VNI once for each UDP port, whatever the underlay. */
function vniCarried(pair: Pair, links: Links): string | null {
  const other = links.carrying(pair.id).find(({ name, vxlan }) => name !== pair.device && vxlan?.port === vxlanPort)
  return other === undefined ? null : `VNI ${pair.id} is already carried by ${other.name}.`
}

export function bridgeNameTaken(pair: Pair, links: Links): string | null {
  const found = links.holder(pair.bridge)
  if (found === undefined) return null
  if (found.name !== pair.bridge) return `${pair.bridge} is another name of ${found.name}.`
  if (found.kind !== 'bridge') return `${found.name} is ${kindInWords(found)}, not a bridge.`
  if (found.master !== null) return `The bridge ${found.name} is itself a port of ${found.master}.`
  return null
}

/** A bridge of our name that already joins another segment: adding our VLAN to it could close a loop. */
function otherSegment(pair: Pair, links: Links): string | null {
  const ports = links.portsOf(pair.bridge)
  if (ports.some((port) => port.name === pair.device)) return null
  const other = ports.find((port) => looksPhysical(port.name))
  return other === undefined
    ? null
    : `The bridge ${pair.bridge} already has the uplink ${other.name}, and not ${pair.device}.`
}

/** A VLAN device on the uplink takes its tag away from whatever carries it beside or above the uplink (docs/kernel.md). */
function tagCarried(pair: Pair, links: Links): string | null {
  for (const carrier of sharersOf(pair.uplink, links)) {
    const other = links
      .tagged(carrier, pair.id)
      .find((link) => link.name !== pair.device && link.vlan?.protocol === protocol)
    if (other !== undefined)
      return `VLAN ${pair.id} of ${pair.uplink} is already carried by ${other.name} on ${carrier}.`
  }
  return null
}

/** The uplink, its master, the master's master, and every macvlan and the like on one of them. */
function sharersOf(uplink: string, links: Links): ReadonlySet<string> {
  const found = new Set([uplink])
  for (const device of found) {
    const master = links.holder(device)?.master
    if (master != null) found.add(master)
    for (const { name } of links.sharing(device)) found.add(name)
  }
  return found
}

const kindInWords = (link: Link): string => (link.kind === null ? 'a physical device' : `a device of kind ${link.kind}`)
