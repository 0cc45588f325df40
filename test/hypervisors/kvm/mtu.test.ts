import { describe, expect, it } from 'vitest'
import type { Link } from '../../../shared/hypervisors/kvm/facts.ts'
import { plan } from '../../../shared/hypervisors/kvm/plan.ts'
import { bridge, facts, link, network, vlan, vxlan } from './factory.ts'

const route = { destination: '239.0.0.7', device: 'cloudbr1', ours: true }
const told = (links: readonly Link[], uri = 'vlan://100') => {
  const result = plan([network(uri)], { ...facts(links), routes: [route] })
  expect(result).toMatchObject({ actions: [], changes: [], devices: 2 })
  return result.findings.map(({ reason, detail }) => [reason, detail])
}
const pair = (rest: Partial<Link> = {}, own: Partial<Link> = {}): readonly Link[] => [
  bridge('breth1-100', rest),
  vlan('eth1.100', 'eth1', 100, { master: 'breth1-100', ...own }),
]

describe('an MTU that differs is told, and nothing is changed', () => {
  it.each<readonly [string, readonly Link[], string, string]>([
    [
      'a VLAN device that did not follow its uplink up',
      [...pair(), link('eth1', { master: 'cloudbr1', mtu: 9000 })],
      'vlan://100',
      'eth1.100 has MTU 1500; on eth1, which has 9000, it would now get 9000.',
    ],
    [
      'a VLAN device that somebody set',
      pair({ mtu: 1400 }, { mtu: 1400 }),
      'vlan://100',
      'eth1.100 has MTU 1400; on eth1, which has 1500, it would now get 1500.',
    ],
    [
      'a bridge that somebody set below its ports',
      pair({ mtu: 1400 }),
      'vlan://100',
      'breth1-100 has MTU 1400, less than each of its ports: it would get 1500 by itself.',
    ],
    [
      'a VXLAN device with the MTU of its underlay',
      [bridge('brvx-7'), vxlan(7, { master: 'brvx-7', mtu: 1500 })],
      'vxlan://7',
      'vxlan7 has MTU 1500; on cloudbr1, which has 1500, it would now get 1450.',
    ],
  ])('%s', (_says, links, uri, detail) => {
    expect(told(links, uri)).toEqual([['MtuDiffers', detail]])
  })

  it.each<readonly [string, readonly Link[], string]>([
    ['that is as it would be', pair(), 'vlan://100'],
    [
      'of a bridge that follows a VM’s smaller one',
      [...pair({ mtu: 1400 }), link('vnet0', { kind: 'tun', master: 'breth1-100', mtu: 1400 })],
      'vlan://100',
    ],
    ['that iproute2 does not say', pair({ mtu: null }, { mtu: null }), 'vlan://100'],
    [
      'of a VXLAN device: its underlay’s less 50',
      [bridge('brvx-7', { mtu: 1450 }), vxlan(7, { master: 'brvx-7' })],
      'vxlan://7',
    ],
  ])('not one %s', (_says, links, uri) => {
    expect(told(links, uri)).toEqual([])
  })

  it('for each network that shares the pair', () => {
    const both = [network('vlan://100', 'cloudbr1', 'pn1'), network('vlan://100', 'eth1', 'pn2')]
    expect(plan(both, facts(pair({}, { mtu: 1400 }))).findings.map(({ physicalNetwork }) => physicalNetwork)).toEqual([
      'pn1',
      'pn2',
    ])
  })
})
