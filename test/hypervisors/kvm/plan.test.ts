import { describe, expect, test } from 'vitest'
import type { Link } from '../../../shared/hypervisors/kvm/facts.ts'
import { type Action, plan } from '../../../shared/hypervisors/kvm/plan.ts'
import type { DesiredNetwork } from '../../../shared/reconcile/model.ts'
import { bridge, facts, link, network, vlan } from './factory.ts'

const short = (action: Action): string => {
  if (action.do === 'createVlan') return `createVlan ${action.device} on ${action.uplink} in ${action.bridge}`
  return action.do === 'enslave' ? `enslave ${action.device} in ${action.bridge}` : `${action.do} ${action.device}`
}

const rightBridge = bridge('breth1-100')
const rightVlan = vlan('eth1.100', 'eth1', 100, { master: 'breth1-100' })

interface Repair {
  readonly says: string
  readonly links: readonly Link[]
  readonly does: readonly string[]
  readonly devices: number
}

const newVlan = ['createVlan eth1.100 on eth1 in breth1-100', 'turnIpv6Off eth1.100', 'setUp eth1.100']
const repairs: readonly Repair[] = [
  {
    says: 'neither device: both are created, IPv6 is off before they are up',
    links: [],
    does: [
      'createBridge breth1-100',
      newVlan[0] ?? '',
      'turnIpv6Off eth1.100',
      'turnIpv6Off breth1-100',
      'setUp breth1-100',
      'setUp eth1.100',
    ],
    devices: 0,
  },
  { says: 'both devices: nothing', links: [rightBridge, rightVlan], does: [], devices: 2 },
  { says: 'bridge without VLAN: the VLAN', links: [rightBridge], does: newVlan, devices: 1 },
  {
    says: 'bridge with a guest but without VLAN: the VLAN',
    links: [rightBridge, link('vnet0', { kind: 'tun', master: 'breth1-100' })],
    does: newVlan,
    devices: 1,
  },
  {
    says: 'VLAN without bridge: the bridge, and the VLAN in it',
    links: [vlan('eth1.100', 'eth1', 100)],
    does: ['createBridge breth1-100', 'enslave eth1.100 in breth1-100', 'turnIpv6Off breth1-100', 'setUp breth1-100'],
    devices: 0,
  },
  {
    says: 'VLAN beside its bridge: enslave',
    links: [rightBridge, vlan('eth1.100', 'eth1', 100)],
    does: ['enslave eth1.100 in breth1-100'],
    devices: 1,
  },
  { says: 'VLAN down: up', links: [rightBridge, { ...rightVlan, up: false }], does: ['setUp eth1.100'], devices: 1 },
  {
    says: 'bridge down: up',
    links: [{ ...rightBridge, up: false }, rightVlan],
    does: ['setUp breth1-100'],
    devices: 1,
  },
  {
    says: 'IPv6 on: off',
    links: [
      { ...rightBridge, ipv6: true },
      { ...rightVlan, ipv6: true },
    ],
    does: ['turnIpv6Off eth1.100', 'turnIpv6Off breth1-100'],
    devices: 0,
  },
  {
    says: 'another tag on the uplink is nobody’s business',
    links: [rightBridge, rightVlan, vlan('eth1.200', 'eth1', 200)],
    does: [],
    devices: 2,
  },
  {
    says: 'an 802.1ad device of the same id carries other frames',
    links: [rightBridge, rightVlan, vlan('outer', 'eth1', 100, { vlan: { id: 100, protocol: '802.1ad' } })],
    does: [],
    devices: 2,
  },
  {
    says: 'the same tag on another uplink is another network',
    links: [rightBridge, rightVlan, link('eth2'), vlan('eth2.100', 'eth2', 100)],
    does: [],
    devices: 2,
  },
]

test.each(repairs)('$says', ({ links, does, devices }) => {
  const result = plan([network('vlan://100')], facts(links))
  expect(result.findings).toEqual([])
  expect(result.actions.map(short)).toEqual(does)
  expect(result.devices).toBe(devices)
  expect(result.changes.map((change) => change.steps.length)).toEqual(does.length === 0 ? [] : [does.length])
})

interface Refusal {
  readonly says: string
  readonly links: readonly Link[]
  readonly names: string
}

const conflicts: readonly Refusal[] = [
  {
    says: 'the name of the VLAN on another kind',
    links: [link('eth1.100', { kind: 'dummy' })],
    names: 'eth1.100 is a device of kind dummy',
  },
  {
    says: 'the name of the VLAN on a physical device',
    links: [link('eth1.100')],
    names: 'eth1.100 is a physical device',
  },
  {
    says: 'the name of the VLAN on another parent',
    links: [link('eth2'), vlan('eth1.100', 'eth2', 100)],
    names: 'not on eth1',
  },
  { says: 'the name of the VLAN on another id', links: [vlan('eth1.100', 'eth1', 101)], names: 'carries VLAN 101' },
  {
    says: 'the name of the VLAN on another protocol',
    links: [vlan('eth1.100', 'eth1', 100, { vlan: { id: 100, protocol: '802.1ad' } })],
    names: '802.1ad',
  },
  {
    says: 'the name of the VLAN in another bridge',
    links: [bridge('br7'), vlan('eth1.100', 'eth1', 100, { master: 'br7' })],
    names: 'a port of br7',
  },
  {
    says: 'the name of the VLAN as an alternative name',
    links: [link('eth7', { alternativeNames: ['eth1.100'] })],
    names: 'another name of eth7',
  },
  {
    says: 'the name of the bridge on another kind',
    links: [link('breth1-100', { kind: 'dummy' })],
    names: 'not a bridge',
  },
  {
    says: 'the name of the bridge as an alternative name',
    links: [link('eth7', { alternativeNames: ['breth1-100'] })],
    names: 'another name of eth7',
  },
  {
    says: 'a bridge of our name that is itself a port',
    links: [link('vrf1', { kind: 'vrf' }), bridge('breth1-100', { master: 'vrf1' })],
    names: 'a port of vrf1',
  },
  {
    says: 'a bridge of our name that joins another segment',
    links: [rightBridge, link('eth4', { master: 'breth1-100' })],
    names: 'uplink eth4',
  },
  { says: 'the tag under another name', links: [vlan('storage', 'eth1', 100)], names: 'carried by storage on eth1' },
  {
    says: 'the tag above the bridge of the uplink',
    links: [vlan('cloudbr1.100', 'cloudbr1', 100)],
    names: 'carried by cloudbr1.100 on cloudbr1',
  },
  {
    says: 'the tag above a macvlan of the uplink',
    links: [link('mv0', { kind: 'macvlan', parent: 'eth1' }), vlan('mv0.100', 'mv0', 100)],
    names: 'carried by mv0.100 on mv0',
  },
  {
    says: 'the tag above a macvlan of the bridge of the uplink',
    links: [link('mv0', { kind: 'macvlan', parent: 'cloudbr1' }), vlan('mv0.100', 'mv0', 100)],
    names: 'carried by mv0.100 on mv0',
  },
]

test.each(conflicts)('Conflict: $says', ({ links, names }) => {
  const { findings, actions, changes, devices } = plan([network('vlan://100')], facts(links))
  expect({ actions, changes, devices }).toEqual({ actions: [], changes: [], devices: 0 })
  expect(findings).toMatchObject([{ physicalNetwork: 'pn1', uri: 'vlan://100', reason: 'Conflict' }])
  expect(findings[0]?.detail).toContain(names)
})

test('Conflict: the tag above the bond that the uplink is a port of', () => {
  const links = [link('bond0', { kind: 'bond' }), link('eth5', { master: 'bond0' }), vlan('bond0.100', 'bond0', 100)]
  expect(plan([network('vlan://100', 'eth5')], facts(links)).findings).toMatchObject([{ reason: 'Conflict' }])
})

test.each(['vlan://untagged', 'vlan://4095', 'pvlan://100-i200', 'vs://7'])(
  '%s needs no device, also where the label leads nowhere',
  (uri) => {
    expect(plan([network(uri, 'nowhere')], facts())).toEqual({ actions: [], changes: [], findings: [], devices: 0 })
  },
)

test.each([
  'vlan://0',
  'vlan://4096',
  'vlan://100-200',
  'vlan://100,101',
  'vlan://0100',
  'vlan://1e3',
  'vlan://',
  'vxlan://0',
  'vxlan://16777216',
  'vxlan://5000-5001',
  'lswitch://x',
  'vcs://1',
  '100',
])('%s is unsupported', (uri) => {
  expect(plan([network(uri)], facts())).toMatchObject({
    actions: [],
    findings: [{ uri, reason: 'Unsupported' }],
    devices: 0,
  })
})

describe('names', () => {
  test.each([
    ['enp3s0f0', 1000, true],
    ['enp3s0f0n', 1000, false],
    ['enp3s0f0n', 100, true],
    ['enp3s0f0np', 10, true],
    ['enp3s0f0np0', 10, false],
  ])('an uplink %s with VLAN %i fits: %s', (uplink, id, fits) => {
    const { findings, actions } = plan([network(`vlan://${id}`, uplink)], facts([link(uplink)]))
    expect(actions.length > 0).toBe(fits)
    expect(findings.map((finding) => finding.reason)).toEqual(fits ? [] : ['NameTooLong'])
  })

  test.each(['eth1;x', 'e"th', 'eth%d', '-eth', 'eth#1', 'a\\b'])(
    'an uplink called %s never reaches a batch',
    (uplink) => {
      const { findings, actions } = plan([network('vlan://100', uplink)], facts([link(uplink)]))
      expect(actions).toEqual([])
      expect(findings.map((finding) => finding.reason)).toEqual(['Unsupported'])
    },
  )
})

describe('the pair is named after the uplink that its label leads to', () => {
  test.each<readonly [string, string, readonly Link[], readonly string[]]>([
    ['a bridge over an interface', 'cloudbr1', [], ['breth1-100', 'eth1.100']],
    ['an interface', 'eth5', [link('eth5')], ['breth5-100', 'eth5.100']],
    ['a bond', 'bond0', [link('bond0', { kind: 'bond' })], ['brbond0-100', 'bond0.100']],
    [
      'a bridge over a bond',
      'br9',
      [bridge('br9'), link('bond0', { kind: 'bond', master: 'br9' }), link('eth5', { master: 'bond0' })],
      ['brbond0-100', 'bond0.100'],
    ],
    ['a VLAN device', 'eth5.20', [link('eth5'), vlan('eth5.20', 'eth5', 20)], ['breth5.20-100', 'eth5.20.100']],
    [
      'a bridge over a VLAN device: the device below that',
      'br9',
      [bridge('br9'), link('eth5'), vlan('eth5.20', 'eth5', 20, { master: 'br9' })],
      ['breth5-100', 'eth5.100'],
    ],
  ])('%s', (_says, label, links, devices) => {
    const { changes, findings } = plan([network('vlan://100', label)], facts(links))
    expect(findings).toEqual([])
    expect(changes.map((change) => change.devices)).toEqual([devices])
  })
})

describe('networks that share', () => {
  test('two networks of CloudStack on one URI are one desired network, with one pair', () => {
    const [one] = [network('vlan://100')]
    const both = { ...one, networks: [...one.networks, { id: 'another', name: 'another' }] }
    expect(plan([both], facts())).toEqual(plan([one], facts()))
  })

  test('two physical networks with one uplink and one tag are served by one pair of devices', () => {
    const both: readonly DesiredNetwork[] = [
      network('vlan://100', 'cloudbr1', 'pn1'),
      network('vlan://100', 'eth1', 'pn2'),
    ]
    const missing = plan(both, facts())
    expect(missing.actions).toEqual(plan(both.slice(0, 1), facts()).actions)
    expect(missing.changes.map((change) => change.physicalNetwork)).toEqual(['pn1', 'pn2'])
    expect(plan(both, facts([rightBridge, rightVlan])).devices).toBe(2)
  })

  test('two physical networks of which one would take the tag from the other: the second is a Conflict', () => {
    const links = [bridge('br9'), vlan('vlan9', 'cloudbr1', 9, { master: 'br9' })]
    const result = plan([network('vlan://100', 'br9', 'pn1'), network('vlan://100', 'cloudbr1', 'pn2')], facts(links))
    expect(result.changes.map((change) => change.devices)).toEqual([['brcloudbr1-100', 'cloudbr1.100']])
    expect(result.findings).toMatchObject([{ physicalNetwork: 'pn2', reason: 'Conflict' }])
  })
})
