/**
 * VXLAN networks that the host's own modifyvxlan.sh makes, where the operator says so (FACTS B4: EVPN sites). Pure. In: a pair
 * by CloudStack's names, the links of its host, the mark. Out: what is in the way, or what is to do. What the script makes
 * is CloudStack's: it is known by its names and its VNI, and never marked.
 *
 * | The host                                                             | what is said or done                 |
 * |----------------------------------------------------------------------|--------------------------------------|
 * | the bridge, up, and in it a VXLAN device of the VNI, up              | nothing, but IPv6 off where it is on |
 * | one of them missing, apart, or down                                  | the script is run, then IPv6 off     |
 * | the bridge's name on another kind, or on a port                      | Conflict                             |
 * | the device's name on another kind or VNI, or in another bridge       | Conflict                             |
 * | the VNI on a device of another name that is not in the bridge        | Conflict                             |
 * | a pair of ours, on multicast, where the script makes something else  | Conflict: it would not meet the others |
 */
import { bridgeNameTaken } from './conflict.ts'
import type { Link, VxlanScript } from './facts.ts'
import type { Links } from './links.ts'
import type { Pair } from './names.ts'
import type { Action } from './plan.ts'

export function scriptConflictOf(pair: Pair, links: Links, script: VxlanScript, mark: number): string | null {
  const taken = bridgeNameTaken(pair, links)
  if (taken !== null) return taken
  const named = links.holder(pair.device)
  if (named !== undefined && (named.name !== pair.device || named.vxlan?.vni !== pair.id))
    return `${pair.device} is ${named.name === pair.device ? 'no VXLAN device of that VNI' : `another name of ${named.name}`}.`
  const stray = links
    .carrying(pair.id)
    .find(({ name, master }) => master !== pair.bridge && (name !== pair.device || master))
  if (stray !== undefined)
    return `VNI ${pair.id} is already carried by ${stray.name}, in ${stray.master ?? 'no bridge'}.`
  if (script === 'other' && named?.group === mark)
    return `${pair.device} was made here on multicast, before BRIDGEKEEPER_VXLAN was script: delete it and ${pair.bridge}.`
  return null
}

export function scriptMissingOf(pair: Pair, links: Links): readonly Action[] {
  const bridge = links.holder(pair.bridge)
  const device = links.carrying(pair.id).find(({ master }) => master === pair.bridge)
  if (!bridge?.up || !device?.up) {
    const { device: name, uplink, id } = pair
    return [{ do: 'runScript', device: name, uplink, id, bridge: pair.bridge }]
  }
  const isOn = ({ ipv6 }: Link): boolean => ipv6
  return [device, bridge].filter(isOn).map(({ name }) => ({ do: 'turnIpv6Off', device: name }))
}
