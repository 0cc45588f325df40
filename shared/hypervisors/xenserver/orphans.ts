/**
 * What networks that are gone left on a host: VLANs that carry our mark on networks that no desired network names. Pure. In: the
 * desired networks, the guest labels, one reading of the pool. Out: orphans, one for each network.
 *
 * | A network named `VLAN-<uuid>-<id>`                                     | is                                          |
 * |------------------------------------------------------------------------|---------------------------------------------|
 * | this host's VLAN on it carries our mark                                | an orphan of this host                      |
 * | it carries our mark, and no host has a VLAN on it                      | an orphan, of every host                    |
 * | … under the name that it has while it is removed                       | the same: its removal was not finished      |
 * | our mark says that it was made for a PVLAN                             | an orphan without a URI: nobody removes it, |
 * |                                                                        | since networks of other URIs share it       |
 * | this host's VLAN on it is CloudStack's, or only other hosts have one   | none                                        |
 * | a desired network leads to it                                          | none                                        |
 * | a desired network of its id whose uplink cannot be told now            | none: it may be that network's              |
 */
import type { DesiredNetwork, GuestLabel } from '../../reconcile/model.ts'
import type { Orphan } from '../driver.ts'
import { isMarked } from './candidates.ts'
import type { PoolFacts, XapiHost, XapiNetwork, XapiVlan } from './facts.ts'
import { uriKey, vlanName, vlanOfName, withoutAside } from './names.ts'
import { needOf } from './need.ts'
import { pifsOfHost, uplinkOf } from './uplink.ts'

/** What is left of one network on one host. */
export interface Left {
  readonly network: XapiNetwork
  /** This host's, if it carries our mark. */
  readonly vlan: XapiVlan | undefined
}

export function orphansOf(
  desired: readonly DesiredNetwork[],
  labels: readonly GuestLabel[],
  facts: PoolFacts,
  host: XapiHost,
  mark: number,
): readonly Orphan[] {
  const needed = neededNames(desired, facts, host)
  return [...facts.networks.values()].flatMap((network) => {
    const name = withoutAside(network.name)
    const made = vlanOfName(name)
    if (made === null || needed.has(name) || needed.has(String(made.tag))) return []
    const left = leftOf(network, facts, host, mark)
    if (left === undefined) return []
    const uri = uriOf(left, made.tag)
    const pif = facts.pifs.get(left.vlan?.tagged ?? '')
    return [
      {
        devices: [network.name],
        ...(uri === undefined ? {} : { uri }),
        ...(pif === undefined ? {} : { uplink: pif.device }),
        physicalNetworks: leadingTo(made.baseUuid, [...desired, ...labels], facts, host),
      },
    ]
  })
}

/** Undefined: there is nothing of ours that may go. */
export function leftOf(network: XapiNetwork, facts: PoolFacts, host: XapiHost, mark: number): Left | undefined {
  const [pif] = pifsOfHost(network, facts, host)
  const vlan = pif && facts.vlanOf(pif.ref)
  if (vlan !== undefined) return isMarked(vlan, mark) ? { network, vlan } : undefined
  const isBare = facts.pifsOn(network.ref).length === 0 && isMarked(network, mark)
  return isBare ? { network, vlan: undefined } : undefined
}

/** Only a plain VLAN tells the one URI that it can be of. */
function uriOf({ network, vlan }: Left, tag: number): string | undefined {
  const written = (vlan ?? network).otherConfig[uriKey]
  return written === `vlan://${tag}` ? written : undefined
}

/** Names that desired networks lead to; and the ids, as text, of those whose name cannot be told. */
function neededNames(desired: readonly DesiredNetwork[], facts: PoolFacts, host: XapiHost): ReadonlySet<string> {
  return new Set(
    desired.flatMap(({ uri, label }) => {
      const need = needOf(uri)
      if (need.need !== 'vlan') return []
      const uplink = uplinkOf(label, facts, host)
      return ['reason' in uplink ? String(need.id) : vlanName(uplink.base.uuid, need.id)]
    }),
  )
}

function leadingTo(
  baseUuid: string,
  labels: readonly Pick<GuestLabel, 'physicalNetwork' | 'label'>[],
  facts: PoolFacts,
  host: XapiHost,
): readonly string[] {
  const leads = ({ label }: Pick<GuestLabel, 'label'>): boolean => {
    const uplink = uplinkOf(label, facts, host)
    return !('reason' in uplink) && uplink.base.uuid === baseUuid
  }
  return [...new Set(labels.filter(leads).map(({ physicalNetwork }) => physicalNetwork))].sort()
}
