/**
 * What one desired network needs on a Linux bridge host. In: its broadcast URI. Out: a VLAN id or a VNI, nothing at all, or that
 * this driver cannot provide it; CloudStack's own answers are in FACTS A4.
 */
import { isVlanId, isVni } from './names.ts'

export type Need =
  | { readonly need: 'nothing' }
  | { readonly need: 'vlan' | 'vxlan'; readonly id: number }
  | { readonly need: 'unsupported'; readonly detail: string }

const nothing: Need = { need: 'nothing' }

/**
 * - `vlan://1` to `vlan://4094`: a VLAN device and its bridge.
 * - `vxlan://1` to `vxlan://16777215`: a VXLAN device and its bridge.
 * - `vlan://untagged`, `vlan://4095`, `pvlan://…`, `vs://…`: nothing, and CloudStack calls it a success (FACTS A4).
 * - anything else, such as a range, or an id that is none: unsupported.
 */
export function needOf(uri: string): Need {
  const [, scheme, value = ''] = /^([a-z0-9]+):\/\/(.*)$/.exec(uri) ?? []
  if (scheme === 'pvlan' || scheme === 'vs') return nothing
  const id = /^[1-9]\d*$/.test(value) ? Number(value) : 0
  if (scheme === 'vxlan')
    return isVni(id) ? { need: 'vxlan', id } : unsupported(uri, 'it is not one VNI from 1 to 16777215')
  if (scheme !== 'vlan') return unsupported(uri, 'only VLAN and VXLAN networks are prepared on KVM')
  if (value === 'untagged' || value === '4095') return nothing
  return isVlanId(id) ? { need: 'vlan', id } : unsupported(uri, 'it is not one VLAN id from 1 to 4094')
}

function unsupported(uri: string, why: string): Need {
  return { need: 'unsupported', detail: `${uri} is not provided: ${why}.` }
}
