/** What the stories of a KVM host need, whichever driver tells them: devices of others on it. */
import type { NewLink, SimulatedKernel } from '../../infra/local/hostSimulator/kernel.ts'

/** The uplink's bridge has this tag itself: whoever made a device for it would cut somebody off. */
export const uplinkTag: NewLink = { name: 'cloudbr1.3099', kind: 'vlan', parent: 'cloudbr1', vlanId: 3099, up: true }

/** As CloudStack makes them for `vlan://3050`. */
export const theirsOnKvm: readonly NewLink[] = [
  { name: 'breth1-3050', kind: 'bridge', disableIpv6: true, up: true },
  { name: 'eth1.3050', kind: 'vlan', parent: 'eth1', vlanId: 3050, master: 'breth1-3050', disableIpv6: true, up: true },
]

/** All links that are not for these networks, as text. */
export const besides = (uris: readonly string[], links: ReturnType<SimulatedKernel['links']>): string =>
  JSON.stringify(links.filter(({ name }) => !uris.some((uri) => name.endsWith(uri.replace('vlan://', '')))))
