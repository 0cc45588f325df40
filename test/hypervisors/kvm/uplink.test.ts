import { expect, test } from 'vitest'
import type { AgentDevices, Link } from '../../../shared/hypervisors/kvm/facts.ts'
import { looksPhysical, uplinkOf } from '../../../shared/hypervisors/kvm/uplink.ts'
import { bridge, facts, link, vlan } from './factory.ts'

interface Case {
  readonly says: string
  readonly label: string | null
  readonly links?: readonly Link[]
  readonly agent?: AgentDevices
  readonly gives: string
}

const cases: readonly Case[] = [
  { says: 'a bridge gives its port', label: 'cloudbr1', gives: 'eth1' },
  {
    says: 'guests on the bridge are not uplinks',
    label: 'cloudbr1',
    links: [link('vnet3', { master: 'cloudbr1', kind: 'tun' })],
    gives: 'eth1',
  },
  {
    says: 'a VLAN port gives its parent',
    label: 'br9',
    links: [bridge('br9'), link('bond0'), vlan('bond0.20', 'bond0', 20, { master: 'br9' })],
    gives: 'bond0',
  },
  {
    says: 'a VLAN port gives its parent one level only',
    label: 'br9',
    links: [bridge('br9'), vlan('eth1.20', 'eth1', 20), vlan('eth1.20.30', 'eth1.20', 30, { master: 'br9' })],
    gives: 'eth1.20',
  },
  {
    says: 'a VLAN port whose parent is out of sight gives nothing',
    label: 'br9',
    links: [bridge('br9'), link('eth7.20', { kind: 'vlan', vlan: { id: 20, protocol: '802.1Q' }, master: 'br9' })],
    gives: 'UplinkMissing',
  },
  {
    says: 'two uplinks are a choice that only the operator can make',
    label: 'cloudbr1',
    links: [link('eth2', { master: 'cloudbr1' })],
    gives: 'UplinkAmbiguous',
  },
  {
    says: 'two ports that lead to one uplink are no choice',
    label: 'cloudbr1',
    links: [vlan('eth1.7', 'eth1', 7, { master: 'cloudbr1' })],
    gives: 'eth1',
  },
  { says: 'a bridge without ports has no uplink', label: 'br9', links: [bridge('br9')], gives: 'UplinkMissing' },
  {
    says: 'a bridge with foreign ports only has no uplink',
    label: 'br9',
    links: [bridge('br9'), link('veth0', { master: 'br9' })],
    gives: 'UplinkMissing',
  },
  { says: 'an interface is its own uplink', label: 'eth5', links: [link('eth5')], gives: 'eth5' },
  {
    says: 'an interface that is a VLAN device is its own uplink',
    label: 'eth5.9',
    links: [link('eth5'), vlan('eth5.9', 'eth5', 9)],
    gives: 'eth5.9',
  },
  { says: 'a name that nothing has gives nothing', label: 'cloudbr9', gives: 'UplinkMissing' },
  {
    says: 'an alternative name is none for the agent',
    label: 'enp9s0',
    links: [link('eth5', { alternativeNames: ['enp9s0'] })],
    gives: 'UplinkMissing',
  },
  {
    says: 'an Open vSwitch bridge is not for this driver',
    label: 'cloudbr7',
    links: [link('cloudbr7', { kind: 'openvswitch' })],
    gives: 'Unsupported',
  },
  {
    says: 'no label means private.network.device',
    label: null,
    agent: { private: 'cloudbr1', guest: 'cloudbr5' },
    gives: 'eth1',
  },
  { says: 'no label and no key means the default of the agent', label: null, agent: {}, gives: 'eth1' },
  { says: 'no label and no readable file gives nothing', label: null, gives: 'UplinkMissing' },
  {
    says: 'the key "private" means guest.network.device',
    label: 'private',
    agent: { private: 'cloudbr0', guest: 'cloudbr1' },
    gives: 'eth1',
  },
  {
    says: 'the key "private" takes an interface',
    label: 'private',
    links: [link('eth5')],
    agent: { guest: 'eth5' },
    gives: 'eth5',
  },
  {
    says: 'the key "public" means the bridge public.network.device',
    label: 'public',
    agent: { public: 'cloudbr1' },
    gives: 'eth1',
  },
  {
    says: 'the key "public" takes no interface',
    label: 'public',
    links: [link('eth5')],
    agent: { public: 'eth5' },
    gives: 'UplinkMissing',
  },
  {
    says: 'a bridge called "public" and the key "public" are a choice',
    label: 'public',
    links: [bridge('public'), link('eth6', { master: 'public' })],
    agent: { public: 'cloudbr1' },
    gives: 'UplinkAmbiguous',
  },
]

test.each(cases)('$says', ({ label, links, agent, gives }) => {
  const found = uplinkOf(label, facts(links, agent ?? null))
  expect('uplink' in found ? found.uplink : found.reason).toBe(gives)
})

test('names that the agent takes for uplinks, and names that it does not', () => {
  const taken = [
    'eth0',
    'bond1',
    'vlan5',
    'vxlan9',
    'em1',
    'ens3',
    'eno1',
    'enp3s0',
    'team0',
    'enx001122334455',
    'dummy0',
    'lo',
    'p1p2',
  ]
  const left = ['enP2p1s0', 'wlan0', 'ib0', 'br0', 'veth0', 'vnet0', 'ovs0', 'Eth0', 'p1', 'tap0']
  expect(taken.filter((name) => !looksPhysical(name))).toEqual([])
  expect(left.filter(looksPhysical)).toEqual([])
})
