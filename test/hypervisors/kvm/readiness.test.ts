import { describe, expect, it } from 'vitest'
import type { HostFacts } from '../../../shared/hypervisors/kvm/facts.ts'
import { readiness } from '../../../shared/hypervisors/kvm/readiness.ts'
import type { GuestLabel } from '../../../shared/reconcile/model.ts'
import { bridge, facts, link } from './factory.ts'

const label = (rest: Partial<GuestLabel> = {}): GuestLabel => ({
  physicalNetwork: 'pn1',
  label: 'cloudbr1',
  isolation: 'VLAN',
  vlans: '100-200',
  ...rest,
})
const reasons = (labels: readonly GuestLabel[], host: HostFacts = facts()) =>
  readiness(labels, host).map(({ reason }) => reason)

describe('a VLAN label', () => {
  const host = facts([
    bridge('cloudbr2'),
    link('eth2', { master: 'cloudbr2' }),
    link('eth3', { master: 'cloudbr2' }),
    link('enp65s0f0'),
    link('ovs', { kind: 'openvswitch' }),
  ])
  it.each<readonly [string, Partial<GuestLabel>, readonly string[]]>([
    ['that leads to one uplink', {}, ['Noted']],
    ['that leads nowhere', { label: 'nowhere' }, ['UplinkMissing']],
    ['of a bridge with two uplinks', { label: 'cloudbr2' }, ['UplinkAmbiguous']],
    ['on Open vSwitch', { label: 'ovs' }, []],
    ['whose ids all fit', { label: 'enp65s0f0', vlans: '100-999' }, ['Noted']],
    ['of which one id does not fit', { label: 'enp65s0f0', vlans: '100-999, 1000' }, ['NameTooLong', 'Noted']],
    ['without a range', { label: 'enp65s0f0', vlans: '' }, ['Noted']],
    ['with a range that is none', { label: 'enp65s0f0', vlans: 'all' }, ['Noted']],
  ])('%s', (_what, given, expected) => expect(reasons([label(given)], host)).toEqual(expected))

  it('names the physical network, the label, the uplink and its MTU', () => {
    expect(readiness([label()], facts())).toEqual([
      {
        physicalNetwork: 'pn1',
        uri: 'label://cloudbr1',
        reason: 'Noted',
        detail: 'The uplink is eth1, with MTU 1500; the kernel has IPv6.',
      },
    ])
  })
})

describe('a VXLAN label', () => {
  const limits = (igmpMaxMemberships: number | null, optmemMax: number | null): HostFacts => ({
    ...facts(),
    kernel: { uptime: 1, igmpMaxMemberships, optmemMax, ipv6: false },
  })
  const vxlan = (vlans: string): GuestLabel => label({ isolation: 'VXLAN', vlans })

  it.each<readonly [string, string, HostFacts, readonly string[]]>([
    ['with room for its whole range', '70000-70019', limits(20, 20_480), ['Noted']],
    ['with too few memberships', '70000-70020', limits(20, 20_480), ['KernelLimit', 'Noted']],
    ['with too little memory', '70000-70999', limits(1000, 20_480), ['KernelLimit', 'Noted']],
    ['with too little of both', '1-16777215', limits(20, 20_480), ['KernelLimit', 'KernelLimit', 'Noted']],
    ['with room for 1,000 of a longer range', '1-16777215', limits(1000, 48_001), ['Noted']],
    ['with limits that are not shown', '1-16777215', limits(null, null), ['Noted']],
  ])('%s', (_what, vlans, host, expected) => expect(reasons([vxlan(vlans)], host)).toEqual(expected))

  it('says which sysctl to set, and to what', () => {
    const [first, second] = readiness([vxlan('70000-70499')], limits(20, 20_480))
    expect(first?.detail).toBe(
      'net.ipv4.igmp_max_memberships is 20, room for 20 VXLAN networks on multicast; for 500, set it to 500 or more.',
    )
    expect(second?.detail).toBe(
      'net.core.optmem_max is 20480, room for 426 VXLAN networks on multicast; for 500, set it to 24001 or more.',
    )
  })

  it('is unsupported where the host’s script is another, whatever the kernel’s limits', () => {
    expect(reasons([vxlan('1-9999')], { ...limits(20, 20_480), vxlanScript: 'other' })).toEqual([
      'Unsupported',
      'Noted',
    ])
  })

  it('stands on the bridge itself, and needs no port there', () => {
    const host = { ...facts([bridge('empty')]), kernel: limits(5000, 500_000).kernel }
    expect(readiness([{ ...vxlan('1-9'), label: 'empty' }], host)[0]?.detail).toContain('The uplink is empty')
  })
})
