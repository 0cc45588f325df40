/**
 * From a traffic label to the base network and its PIF on one host, by CloudStack's own rule (FACTS D 1). Pure. In: the label,
 * the pool's facts, the host. Out: both, or the reason why VLANs cannot stand there.
 *
 * | Networks of that name_label                          | Taken, or the reason                                    |
 * |------------------------------------------------------|---------------------------------------------------------|
 * | none                                                 | UplinkMissing                                           |
 * | one                                                  | that one, whether this host has a PIF on it or not      |
 * | several, one with a PIF on this host                 | that one                                                |
 * | several, more than one with a PIF on this host       | UplinkAmbiguous: XAPI's order decides, which nobody sets |
 * | several, none with a PIF on this host                | the one with the smallest creation tag, if any has one  |
 * | its PIF on this host: none                           | UplinkMissing                                           |
 * | … is a bond slave, a VLAN, a tunnel, or unmanaged    | UplinkUnusable: XAPI refuses a VLAN there                |
 * | … is a bond's own PIF, or a plain interface          | that PIF                                                |
 * | no label                                             | UplinkMissing: which network it is, no API tells        |
 */
import type { Finding } from '../driver.ts'
import type { PoolFacts, XapiHost, XapiNetwork, XapiPif } from './facts.ts'
import { isBefore, stampOf } from './names.ts'

export interface Uplink {
  readonly base: XapiNetwork
  readonly pif: XapiPif
}

export type Resolved = Uplink | Pick<Finding, 'reason' | 'detail'>

export function uplinkOf(label: string | null, facts: PoolFacts, host: XapiHost): Resolved {
  if (label === null) {
    const detail =
      'The physical network has no traffic label for XenServer, and no API tells which network a host takes then: set the label to the network’s name.'
    return { reason: 'UplinkMissing', detail }
  }
  const base = baseOf(label, facts, host)
  if ('reason' in base) return base
  const [pif, ...others] = pifsOfHost(base, facts, host)
  if (pif === undefined)
    return { reason: 'UplinkMissing', detail: `The network ${shown(label)} has no PIF on ${host.name}.` }
  if (others.length > 0) {
    return { reason: 'UplinkAmbiguous', detail: `The network ${shown(label)} has several PIFs on ${host.name}.` }
  }
  const unusable = unusableOf(pif)
  return unusable === null
    ? { base, pif }
    : { reason: 'UplinkUnusable', detail: `${pif.device} on ${host.name}, the PIF of ${shown(label)}, ${unusable}.` }
}

function baseOf(label: string, facts: PoolFacts, host: XapiHost): XapiNetwork | Pick<Finding, 'reason' | 'detail'> {
  const named = facts.networksNamed(label)
  const [only] = named
  if (only === undefined) return { reason: 'UplinkMissing', detail: `The pool has no network named ${shown(label)}.` }
  if (named.length === 1) return only
  const here = named.filter((network) => pifsOfHost(network, facts, host).length > 0)
  const [own] = here
  if (own !== undefined && here.length === 1) return own
  const count = here.length > 1 ? `${here.length} networks` : `${named.length} networks`
  if (here.length > 1) {
    const detail = `${count} named ${shown(label)} have a PIF on ${host.name}: give one of them another name.`
    return { reason: 'UplinkAmbiguous', detail }
  }
  const oldest = lowestStamp(named)
  return (
    oldest ?? { reason: 'UplinkMissing', detail: `${count} are named ${shown(label)}, none has a PIF on ${host.name}.` }
  )
}

/** Undefined: none has a creation tag. */
export function lowestStamp(networks: readonly XapiNetwork[]): XapiNetwork | undefined {
  return networks.reduce<XapiNetwork | undefined>((first, next) => {
    const stamp = stampOf(next.tags)
    if (stamp === null) return first
    const before = first === undefined ? null : stampOf(first.tags)
    return before === null || isBefore(stamp, before) ? next : first
  }, undefined)
}

export const pifsOfHost = (network: XapiNetwork, facts: PoolFacts, host: XapiHost): readonly XapiPif[] =>
  facts.pifsOn(network.ref).filter((pif) => pif.host === host.ref)

function unusableOf(pif: XapiPif): string | null {
  if (pif.isBondSlave) return 'is a slave of a bond: name the network of the bond itself'
  if (pif.vlan >= 0) return 'is a VLAN itself'
  if (pif.isTunnel) return 'is a tunnel'
  return pif.managed ? null : 'is not managed by XAPI'
}

/** Names come from outside, and may be long. */
export const shown = (name: string): string => JSON.stringify(name.slice(0, 80))
