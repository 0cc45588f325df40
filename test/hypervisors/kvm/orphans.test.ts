import { describe, expect, it } from 'vitest'
import type { Link, Route } from '../../../shared/hypervisors/kvm/facts.ts'
import { madeForOrphan, orphansOf } from '../../../shared/hypervisors/kvm/orphans.ts'
import type { DesiredNetwork, GuestLabel } from '../../../shared/reconcile/model.ts'
import { bridge, facts, link, network, vlan } from './factory.ts'

const ours = 4814
const labels: readonly GuestLabel[] = [
  { physicalNetwork: 'pn1', label: 'cloudbr1' },
  { physicalNetwork: 'pn2', label: 'cloudbr1' },
  { physicalNetwork: 'pn3', label: 'nowhere' },
]
const find = (links: readonly Link[], desired: readonly DesiredNetwork[] = []) =>
  orphansOf(desired, labels, facts(links), ours)

const pair = [
  bridge('breth1-100', { group: ours }),
  vlan('eth1.100', 'eth1', 100, { group: ours, master: 'breth1-100' }),
]
const vxlan = (name: string, vni: number, rest: Partial<Link> = {}): Link =>
  link(name, { kind: 'vxlan', vxlan: { vni, group: null, port: 8472 }, parent: 'cloudbr1', group: ours, ...rest })

describe('devices with our mark that no desired network names', () => {
  it.each<readonly [string, readonly Link[], readonly string[], string | undefined, string | undefined]>([
    ['a VLAN pair', pair, ['breth1-100', 'eth1.100'], 'vlan://100', 'eth1'],
    ['its bridge alone', pair.slice(0, 1), ['breth1-100'], 'vlan://100', 'eth1'],
    ['its VLAN device alone', pair.slice(1), ['eth1.100'], 'vlan://100', 'eth1'],
    [
      'a pair that is half removed',
      [bridge('bketh1-100', { group: ours }), vlan('bketh1.100', 'eth1', 100, { group: ours, master: 'bketh1-100' })],
      ['bketh1-100', 'bketh1.100'],
      'vlan://100',
      'eth1',
    ],
    [
      'a VXLAN pair',
      [bridge('brvx-70000', { group: ours }), vxlan('vxlan70000', 70000, { master: 'brvx-70000' })],
      ['brvx-70000', 'vxlan70000'],
      'vxlan://70000',
      'cloudbr1',
    ],
    ['a VXLAN bridge alone', [bridge('brvx-70000', { group: ours })], ['brvx-70000'], 'vxlan://70000', undefined],
    ['an uplink with dashes', [bridge('bra-b-7', { group: ours })], ['bra-b-7'], 'vlan://7', 'a-b'],
    [
      'a VLAN device of another id',
      [vlan('eth1.100', 'eth1', 101, { group: ours })],
      ['eth1.100'],
      undefined,
      undefined,
    ],
    ['a VXLAN device of another VNI', [vxlan('vxlan70000', 7)], ['vxlan70000'], undefined, undefined],
    ['a device of another kind', [link('eth1.100', { group: ours })], ['eth1.100'], undefined, undefined],
    ['a VLAN id that is none', [bridge('breth1-4095', { group: ours })], ['breth1-4095'], undefined, undefined],
  ])('%s', (_what, links, devices, uri, uplink) => {
    const [orphan, ...others] = find(links)
    expect(others).toEqual([])
    expect({ ...orphan, physicalNetworks: undefined }).toEqual({ devices, uri, uplink })
  })

  it('are told with the physical networks whose label leads to their uplink, and no other', () => {
    expect(find(pair)[0]?.physicalNetworks).toEqual(['pn1', 'pn2'])
    expect(find([vxlan('vxlan9', 9)])[0]?.physicalNetworks).toEqual(['pn1', 'pn2'])
    expect(find([bridge('breth7-100', { group: ours })])[0]?.physicalNetworks).toEqual([])
  })
})

describe('what is no orphan', () => {
  it.each<readonly [string, readonly Link[], readonly DesiredNetwork[]]>([
    ['a pair of CloudStack', [bridge('breth1-100'), vlan('eth1.100', 'eth1', 100)], []],
    ['a pair with another mark', [bridge('breth1-100', { group: 7 })], []],
    ['a pair that is desired', pair, [network('vlan://100')]],
    ['a pair whose label leads nowhere now', pair, [network('vlan://100', 'nowhere')]],
    ['a VXLAN pair that is desired', [vxlan('vxlan70000', 70000)], [network('vxlan://70000')]],
    ['a pair that is desired and half removed', [bridge('bketh1-100', { group: ours })], [network('vlan://100')]],
  ])('%s', (_what, links, desired) => expect(find(links, desired)).toEqual([]))

  it('the same VLAN on another uplink is one', () => {
    expect(find(pair, [network('vlan://100', 'lo')])).toHaveLength(1)
  })
})

describe('our route to the group of a VXLAN network, left by a deletion of the devices alone', () => {
  const route: Route = { destination: '239.1.17.112', device: 'cloudbr1', ours: true }
  const left = (found: Route, links: readonly Link[] = [], desired: readonly DesiredNetwork[] = []) =>
    orphansOf(desired, labels, { ...facts(links), routes: [found] }, ours)

  it('is an orphan of its network', () => {
    const physicalNetworks = ['pn1', 'pn2']
    expect(left(route)).toEqual([
      { devices: ['route 239.1.17.112'], uri: 'vxlan://70000', uplink: 'cloudbr1', physicalNetworks },
    ])
  })

  it.each<readonly [string, Route, readonly Link[], readonly DesiredNetwork[]]>([
    ['which somebody else made', { ...route, ours: false }, [], []],
    ['which is desired', route, [], [network('vxlan://70000')]],
    ['which is desired on a label that leads nowhere now', route, [], [network('vxlan://70000', 'nowhere')]],
    ['whose device somebody made anew', route, [vxlan('vxlan70000', 70000, { group: 0 })], []],
    ['whose VNI somebody carries under another name', route, [vxlan('tenant', 70000, { group: 0 })], []],
    ['whose bridge is there', route, [bridge('brvx-70000')], []],
    ['to a whole network', { ...route, destination: '239.1.17.0/24' }, [], []],
    ['to the group of no VNI', { ...route, destination: '239.0.0.0' }, [], []],
    ['to no group of ours', { ...route, destination: '240.1.17.112' }, [], []],
  ])('is none: a route %s', (_says, found, links, desired) => {
    expect(left(found, links, desired)).toEqual([])
  })

  it('is told with its devices where a pair is left too, and only once', () => {
    expect(left(route, [vxlan('vxlan70000', 70000)])).toMatchObject([{ devices: ['vxlan70000'] }])
  })
})

it.each([
  [{}],
  [{ uri: 'vlan://100' }],
  [{ uri: 'vlan://4095', uplink: 'eth1' }],
  [{ uri: 'vlan://0', uplink: 'eth1' }],
  [{ uri: 'vlan://1-9', uplink: 'eth1' }],
  [{ uri: 'vxlan://16777216' }],
  [{ uri: 'pvlan://7', uplink: 'eth1' }],
])('no pair is made for %j', (orphan) => expect(madeForOrphan(orphan)).toBeNull())
