/**
 * Which pair of devices a desired network leads to on one host. Pure. In: desired networks, one observation. Out: for each the
 * pair, nothing at all, or the reason why it cannot have one.
 */
import type { DesiredNetwork } from '../../reconcile/model.ts'
import type { Finding } from '../driver.ts'
import type { HostFacts } from './facts.ts'
import { fits, isPlainName, longestName, type Pair, pairOf, vxlanPairOf } from './names.ts'
import { needOf } from './need.ts'
import { wantedOnOvs } from './openVswitch.ts'
import { type Uplink, underlayOf, uplinkOf } from './uplink.ts'

/** Who makes VXLAN devices: we, as CloudStack's script does, or the host's own script (FACTS B4). */
export type VxlanMode = 'native' | 'script'

export type Wanted = { readonly pair: Pair; readonly byScript: boolean } | Pick<Finding, 'reason' | 'detail'> | null

export interface Considered {
  readonly network: DesiredNetwork
  readonly wanted: Wanted
}

export function considered(
  desired: readonly DesiredNetwork[],
  facts: HostFacts,
  vxlan: VxlanMode,
): readonly Considered[] {
  const uplinkFor = onceEach((label) => uplinkOf(label, facts))
  const underlayFor = onceEach((label) => underlayOf(label, facts))
  return desired.map((network) => ({ network, wanted: wantedOf(network, facts, vxlan, uplinkFor, underlayFor) }))
}

type Resolve = (label: string | null) => Uplink

/** Each label is resolved once: a zone has few of them, and thousands of networks. */
function onceEach(resolve: Resolve): Resolve {
  const found = new Map<string | null, Uplink>()
  return (label) => {
    const before = found.get(label)
    if (before !== undefined) return before
    const uplink = resolve(label)
    found.set(label, uplink)
    return uplink
  }
}

function wantedOf(
  network: DesiredNetwork,
  facts: HostFacts,
  vxlan: VxlanMode,
  uplinkFor: Resolve,
  underlayFor: Resolve,
): Wanted {
  const need = needOf(network.uri)
  if (need.need === 'nothing') return null
  if (need.need === 'unsupported') return { reason: 'Unsupported', detail: need.detail }
  if (facts.openVswitch !== null) return wantedOnOvs(network.label, need.need, facts.openVswitch, facts)
  const without = need.need === 'vxlan' ? scriptInTheWay(facts, vxlan) : null
  if (without !== null) return { reason: 'Unsupported', detail: `${network.uri} is not provided: ${without}` }
  const found = need.need === 'vxlan' ? underlayFor(network.label) : uplinkFor(network.label)
  if ('reason' in found) return found
  const pair = need.need === 'vxlan' ? vxlanPairOf(found.uplink, need.id) : pairOf(found.uplink, need.id)
  const tooLong = [pair.bridge, pair.device].find((name) => !fits(name))
  if (tooLong !== undefined)
    return { reason: 'NameTooLong', detail: `${tooLong} is longer than ${longestName} characters.` }
  if (![pair.uplink, pair.device, pair.bridge].every(isPlainName)) {
    const detail = `The uplink ${pair.uplink} has a character in its name that a batch cannot carry.`
    return { reason: 'Unsupported', detail }
  }
  return { pair, byScript: need.need === 'vxlan' && vxlan === 'script' }
}

/**
 * Why VXLAN devices cannot be made, if they cannot: a device on multicast would not meet those that a site's own script makes
 * (FACTS B4), and only the setting says that this script is to be trusted.
 */
export function scriptInTheWay({ vxlanScript }: Pick<HostFacts, 'vxlanScript'>, vxlan: VxlanMode): string | null {
  if (vxlan === 'native' && vxlanScript === 'other')
    return "the host's modifyvxlan.sh is not CloudStack's, and joins no multicast group. To have it run, set BRIDGEKEEPER_VXLAN=script."
  if (vxlan === 'script' && vxlanScript === 'absent')
    return 'BRIDGEKEEPER_VXLAN is script, and the host has no modifyvxlan.sh that can be read.'
  return null
}
