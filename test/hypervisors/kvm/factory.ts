/** Makes the plain data that the KVM tests speak about: links, facts and desired networks, with what a test does not say filled in. */
import type { AgentDevices, HostFacts, Link } from '../../../shared/hypervisors/kvm/facts.ts'
import type { DesiredNetwork } from '../../../shared/reconcile/model.ts'

export function link(name: string, rest: Partial<Link> = {}): Link {
  return {
    name,
    alternativeNames: [],
    kind: null,
    parent: null,
    master: null,
    vlan: null,
    up: true,
    ipv6: false,
    ...rest,
  }
}

export const bridge = (name: string, rest: Partial<Link> = {}): Link => link(name, { kind: 'bridge', ...rest })

export const vlan = (name: string, parent: string, id: number, rest: Partial<Link> = {}): Link =>
  link(name, { kind: 'vlan', parent, vlan: { id, protocol: '802.1Q' }, ...rest })

/** A machine with the label bridge cloudbr1 over eth1, and whatever else a test adds. */
export function facts(links: readonly Link[] = [], agent: AgentDevices | null = null): HostFacts {
  return {
    hostname: 'kvm1',
    bootId: '28072913-87e6-4979-8f01-bedc2ebf0bad',
    links: [link('lo'), bridge('cloudbr1', { ipv6: true }), link('eth1', { master: 'cloudbr1', ipv6: true }), ...links],
    agent,
  }
}

export function network(uri: string, label: string | null = 'cloudbr1', physicalNetwork = 'pn1'): DesiredNetwork {
  return { physicalNetwork, label, uri, networks: [{ id: `id of ${uri}`, name: `name of ${uri}` }] }
}
