/**
 * Whether a host could take the networks to come, before any needs it to. Pure. In: the guest traffic labels of its zone, one
 * reading of its pool. Out: findings, each for the label that it is about: what stands in the way of VLANs there, or, as `Noted`,
 * the PIF that they would stand on; that VXLAN networks are not provided here.
 */
import type { GuestLabel } from '../../reconcile/model.ts'
import type { Finding } from '../driver.ts'
import type { PoolFacts, XapiHost } from './facts.ts'
import { uplinkOf } from './uplink.ts'

export function readiness(labels: readonly GuestLabel[], facts: PoolFacts, host: XapiHost): readonly Finding[] {
  return labels.map(({ physicalNetwork, label, isolation = '' }) => {
    const finding = { physicalNetwork, uri: `label://${label ?? ''}` }
    if (/\bVXLAN\b/i.test(isolation)) {
      return { ...finding, reason: 'Unsupported', detail: 'VXLAN networks are not provided on XenServer.' }
    }
    const uplink = uplinkOf(label, facts, host)
    if ('reason' in uplink) return { ...finding, ...uplink }
    const carrier = { true: 'with carrier', false: 'without carrier', null: 'its carrier not told' }[
      `${uplink.pif.carrier}`
    ]
    return { ...finding, reason: 'Noted', detail: `The uplink is ${uplink.pif.device} of ${host.name}, ${carrier}.` }
  })
}
