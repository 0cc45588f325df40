/** Makes the plain data that the KVM tests speak about: links, facts and desired networks, with what a test does not say filled in. */
import type { SimulatedHosts } from '../../../infra/local/hostSimulator/hostSimulator.ts'
import type { Driver, Target } from '../../../shared/hypervisors/driver.ts'
import { createKvmSshDriver, type KvmSshOptions } from '../../../shared/hypervisors/kvm/driver.ts'
import type { AgentDevices, HostFacts, Link } from '../../../shared/hypervisors/kvm/facts.ts'
import type { HostKeys } from '../../../shared/hypervisors/kvm/hostKeys.ts'
import { keysOf } from '../../../shared/hypervisors/kvm/knownHosts.ts'
import { vxlanGroup, vxlanPairOf } from '../../../shared/hypervisors/kvm/names.ts'
import type { DesiredNetwork } from '../../../shared/reconcile/model.ts'

export function link(name: string, rest: Partial<Link> = {}): Link {
  return {
    name,
    alternativeNames: [],
    kind: null,
    parent: null,
    master: null,
    vlan: null,
    vxlan: null,
    group: 0,
    mtu: 1500,
    up: true,
    ipv6: false,
    ...rest,
  }
}

export const bridge = (name: string, rest: Partial<Link> = {}): Link => link(name, { kind: 'bridge', ...rest })

export const vlan = (name: string, parent: string, id: number, rest: Partial<Link> = {}): Link =>
  link(name, { kind: 'vlan', parent, vlan: { id, protocol: '802.1Q' }, ...rest })

/** As CloudStack would have made it, on multicast. */
export const vxlan = (vni: number, rest: Partial<Link> = {}): Link => {
  const { device } = vxlanPairOf('cloudbr1', vni)
  return link(device, {
    kind: 'vxlan',
    parent: 'cloudbr1',
    vxlan: { vni, group: vxlanGroup(vni), port: 8472 },
    mtu: 1450,
    ...rest,
  })
}

/** A machine with the label bridge cloudbr1 over eth1, and whatever else a test adds. */
export function facts(links: readonly Link[] = [], agent: AgentDevices | null = null): HostFacts {
  return {
    hostname: 'kvm1',
    bootId: '28072913-87e6-4979-8f01-bedc2ebf0bad',
    links: [link('lo'), bridge('cloudbr1', { ipv6: true }), link('eth1', { master: 'cloudbr1', ipv6: true }), ...links],
    kernel: { uptime: 123_456, igmpMaxMemberships: 20, optmemMax: 20_480, ipv6: true },
    routes: [],
    vxlanScript: 'absent',
    agent,
    openVswitch: null,
  }
}

export function network(uri: string, label: string | null = 'cloudbr1', physicalNetwork = 'pn1'): DesiredNetwork {
  return { physicalNetwork, label, uri, networks: [{ id: `id of ${uri}`, name: `name of ${uri}` }] }
}

export function targetOf(host: { readonly name: string; readonly address: string }): Target {
  return {
    cloud: 'cloud',
    zone: 'zone',
    id: `id of ${host.name}`,
    name: host.name,
    address: host.address,
    cluster: 'cluster',
    resourceState: 'Enabled',
  }
}

/** The host keys of a simulator's hosts, as a known_hosts file would give them. */
export function keysOfSimulator(simulated: SimulatedHosts): HostKeys {
  return { known: async ({ address, port }) => keysOf(simulated.knownHosts(), address, port) }
}

/** The real driver, let in to simulated hosts. */
export function simulatedDriver(simulated: SimulatedHosts, options: Partial<KvmSshOptions> = {}): Driver {
  const { user, privateKey, port } = simulated
  return createKvmSshDriver({ user, privateKey, port, hostKeys: keysOfSimulator(simulated), ...options })
}
