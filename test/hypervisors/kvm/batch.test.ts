import { expect, test } from 'vitest'
import { batchOf } from '../../../shared/hypervisors/kvm/batch.ts'
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
]

test.each(crafted)('a crafted action never becomes a line: %j', (action) => {
  expect(() => batchOf([action], 4814)).toThrow(RangeError)
})

test.each([0, -1, 1.5, Number.NaN, 2 ** 31])('%d is no mark', (group) => {
  expect(() => batchOf([], group)).toThrow(RangeError)
})
