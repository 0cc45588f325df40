import { expect, test } from 'vitest'
import { batchOf, piecesOf } from '../../../shared/hypervisors/kvm/batch.ts'
import { type Action, plan } from '../../../shared/hypervisors/kvm/plan.ts'
import { bridge, facts, network, vlan } from './factory.ts'

test('a missing pair becomes the three phases that send no IPv6 frame', () => {
  expect(batchOf(plan([network('vlan://100')], facts()).actions, 4814)).toEqual({
    create:
      'link add name breth1-100 group 4814 type bridge\n' +
      'link add link eth1 name eth1.100 group 4814 master breth1-100 type vlan id 100\n',
    ipv6Off: 'net/ipv6/conf/eth1.100/disable_ipv6=1\nnet/ipv6/conf/breth1-100/disable_ipv6=1\n',
    up: 'link set dev breth1-100 up\nlink set dev eth1.100 up\n',
  })
})

test('a device that somebody else made is completed without a mark', () => {
  const found = facts([bridge('breth1-100'), vlan('eth1.100', 'eth1', 100, { up: false, ipv6: true })])
  expect(batchOf(plan([network('vlan://100')], found).actions, 4814)).toEqual({
    create: 'link set dev eth1.100 master breth1-100\n',
    ipv6Off: 'net/ipv6/conf/eth1.100/disable_ipv6=1\n',
    up: 'link set dev eth1.100 up\n',
  })
})

test('a missing VXLAN pair ends as CloudStack’s script does: group, ttl, underlay, and the route with our protocol', () => {
  expect(batchOf(plan([network('vxlan://70000')], facts()).actions, 4814)).toEqual({
    create:
      'link add name brvx-70000 group 4814 type bridge\n' +
      'link add name vxlan70000 group 4814 master brvx-70000 ' +
      'type vxlan id 70000 group 239.1.17.112 ttl 10 dev cloudbr1 dstport 0\n',
    ipv6Off: 'net/ipv6/conf/vxlan70000/disable_ipv6=1\nnet/ipv6/conf/brvx-70000/disable_ipv6=1\n',
    up: 'link set dev brvx-70000 up\nlink set dev vxlan70000 up\nroute add 239.1.17.112 dev cloudbr1 proto 148\n',
  })
})

test('VXLAN devices are made in pieces of their own, so that CloudStack’s lock is never held for long', () => {
  const uris = [
    ...[1, 2, 3].map((id) => `vlan://${id}`),
    ...Array.from({ length: 410 }, (_, at) => `vxlan://${at + 1}`),
  ]
  const host = facts()
  const kernel = { ...host.kernel, igmpMaxMemberships: 410 }
  const { actions } = plan(
    uris.map((uri) => network(uri)),
    { ...host, kernel },
  )
  const pieces = piecesOf(actions)
  expect(pieces.flatMap((piece) => piece.actions)).toEqual(actions)
  expect(pieces.map((piece) => [piece.kind, piece.actions.length])).toEqual([
    ['vlan', 18],
    ['vxlan', 1400],
    ['vxlan', 1400],
    ['vxlan', 70],
  ])
})

test('nothing to do is three empty texts', () => {
  expect(batchOf([], 4814)).toEqual({ create: '', ipv6Off: '', up: '' })
})

const crafted: readonly Action[] = [
  { do: 'createBridge', device: 'x type dummy\nnetns exec y sh' },
  { do: 'createBridge', device: '' },
  { do: 'createBridge', device: 'sixteen-letters-' },
  { do: 'turnIpv6Off', device: '../../../kernel/core_pattern' },
  { do: 'setUp', device: 'a b' },
  { do: 'setUp', device: '-force' },
  { do: 'enslave', device: 'eth1.100', bridge: 'br#1' },
  { do: 'createVlan', device: 'eth1.0', uplink: 'eth1', id: 0, bridge: 'breth1-0' },
  { do: 'createVlan', device: 'eth1.1', uplink: 'eth1', id: 4095, bridge: 'breth1-1' },
  { do: 'createVlan', device: 'eth1.1', uplink: 'eth1', id: 1.5, bridge: 'breth1-1' },
  { do: 'createVlan', device: 'eth1.1', uplink: 'e\tth1', id: 1, bridge: 'breth1-1' },
  { do: 'createVxlan', device: 'vxlan0', uplink: 'cloudbr1', id: 0, bridge: 'brvx-0' },
  { do: 'createVxlan', device: 'vxlan1', uplink: 'cloudbr1', id: 2 ** 24, bridge: 'brvx-1' },
  { do: 'createVxlan', device: 'vxlan1', uplink: 'cloud br1', id: 1, bridge: 'brvx-1' },
  { do: 'addRoute', device: 'vxlan1', uplink: 'cloudbr1', id: 1.5 },
  { do: 'addRoute', device: 'vxlan1', uplink: '-4', id: 1 },
]

test.each(crafted)('a crafted action never becomes a line: %j', (action) => {
  expect(() => batchOf([action], 4814)).toThrow(RangeError)
})

test.each([0, -1, 1.5, Number.NaN, 2 ** 31])('%d is no mark', (group) => {
  expect(() => batchOf([], group)).toThrow(RangeError)
})
