/**
 * Whether a host could take the networks to come, before any needs it to. Pure. In: the guest traffic labels of its zone, what was
 * read. Out: findings, each for the label that it is about: the switch that is missing, or, as `Noted`, the one that is there.
 */
import type { GuestLabel } from '../../reconcile/model.ts'
import type { Finding } from '../driver.ts'
import type { DatacenterFacts, HostNetworks, VimHost } from './facts.ts'
import { shown, switchOf } from './names.ts'

export function readiness(
  labels: readonly GuestLabel[],
  { switches }: DatacenterFacts,
  host: VimHost,
  own: HostNetworks | undefined,
): readonly Finding[] {
  return labels.map(({ physicalNetwork, label, isolation = '' }): Finding => {
    const finding = { physicalNetwork, uri: `label://${label ?? ''}` }
    if (/\bVXLAN\b/i.test(isolation))
      return { ...finding, reason: 'Unsupported', detail: 'VXLAN networks are not provided on VMware.' }
    const on = switchOf(label)
    if ('reason' in on) return { ...finding, ...on }
    const isThere =
      on.kind === 'standard'
        ? own?.switches.includes(on.name) === true
        : switches.some(({ name, hosts }) => name === on.name && hosts.has(host.ref.id))
    const what = `${on.kind} switch ${shown(on.name)}`
    return isThere
      ? { ...finding, reason: 'Noted', detail: `${host.name} has the ${what}.` }
      : { ...finding, reason: 'UplinkMissing', detail: `${host.name} has no ${what}.` }
  })
}
