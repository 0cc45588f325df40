/**
 * What one desired network needs on a XenServer or XCP-ng host. In: its broadcast URI. Out: a VLAN id, nothing at all, or that
 * this driver cannot provide it; CloudStack's own answers are in FACTS A4.
 */
import { isVlanId } from './names.ts'

export type Need =
  | { readonly need: 'nothing' }
  | { readonly need: 'vlan'; readonly id: number }
  | { readonly need: 'unsupported'; readonly detail: string }

/**
 * - `vlan://1` to `vlan://4094`: a VLAN of that id.
 * - `pvlan://P-iS`, `-cS`, `-pP`: a VLAN of the primary id, as CloudStack has it.
 * - `vlan://untagged`, `lswitch://…`: nothing, since the network of the traffic label serves.
 * - anything else (VXLAN, GRE, a range, 4095): unsupported.
 */
export function needOf(uri: string): Need {
  const [, scheme, value = ''] = /^([a-z0-9]+):\/\/(.*)$/.exec(uri) ?? []
  if (scheme === 'lswitch' || uri === 'vlan://untagged') return { need: 'nothing' }
  const digits = scheme === 'pvlan' ? /^([1-9]\d*)-[icp]\d+$/.exec(value)?.[1] : /^[1-9]\d*$/.exec(value)?.[0]
  const id = Number(digits ?? 0)
  if (scheme === 'vlan')
    return isVlanId(id) ? { need: 'vlan', id } : unsupported(uri, 'it is not one VLAN id from 1 to 4094')
  if (scheme === 'pvlan')
    return isVlanId(id) ? { need: 'vlan', id } : unsupported(uri, 'its primary id is not one from 1 to 4094')
  if (scheme === 'vxlan') return unsupported(uri, 'CloudStack makes no VXLAN networks on XenServer either')
  return unsupported(uri, 'only VLAN networks are prepared on XenServer')
}

const unsupported = (uri: string, why: string): Need => ({
  need: 'unsupported',
  detail: `${uri} is not provided: ${why}.`,
})
