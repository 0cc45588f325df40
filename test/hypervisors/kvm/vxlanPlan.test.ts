import { describe, expect, it } from 'vitest'
import type { HostFacts, Link, Route } from '../../../shared/hypervisors/kvm/facts.ts'
import { type Action, plan } from '../../../shared/hypervisors/kvm/plan.ts'
import type { DesiredNetwork } from '../../../shared/reconcile/model.ts'
import { bridge, facts, link, network, vlan, vxlan } from './factory.ts'

const short = (action: Action): string => `${action.do} ${action.device}`
const route: Route = { destination: '239.1.17.112', device: 'cloudbr1', ours: true }
const rightBridge = bridge('brvx-70000')
const right = vxlan(70000, { master: 'brvx-70000' })
const host = (links: readonly Link[], rest: Partial<HostFacts> = {}): HostFacts => ({
  ...facts(links),
  routes: [route],
  ...rest,
})
const newDevice = ['createVxlan vxlan70000', 'turnIpv6Off vxlan70000', 'setUp vxlan70000']

describe('a VXLAN network', () => {
  it.each<readonly [string, readonly Link[], readonly Route[], readonly string[], number]>([
    [
      'without anything: both devices, and the route last',
      [],
      [],
      [
        'createBridge brvx-70000',
        'createVxlan vxlan70000',
        'turnIpv6Off vxlan70000',
        'turnIpv6Off brvx-70000',
        'setUp brvx-70000',
        'setUp vxlan70000',
        'addRoute vxlan70000',
      ],
      0,
    ],
    ['with everything: nothing', [rightBridge, right], [route], [], 2],
    ['without its device: the device', [rightBridge], [route], newDevice, 1],
    [
      'without its bridge: the bridge, and the device in it',
      [vxlan(70000)],
      [route],
      ['createBridge brvx-70000', 'enslave vxlan70000', 'turnIpv6Off brvx-70000', 'setUp brvx-70000'],
      0,
    ],
    ['beside its bridge: enslave', [rightBridge, vxlan(70000)], [route], ['enslave vxlan70000'], 1],
    ['with its device down: up', [rightBridge, { ...right, up: false }], [route], ['setUp vxlan70000'], 1],
    ['with IPv6 on: off', [rightBridge, { ...right, ipv6: true }], [route], ['turnIpv6Off vxlan70000'], 1],
    ['without its route: the route', [rightBridge, right], [], ['addRoute vxlan70000'], 1],
    [
      'whose group has a route on another device: it is left',
      [rightBridge, right],
      [{ ...route, device: 'eth0' }],
      [],
      2,
    ],
    [
      'whose VNI is on another UDP port too: nobody’s business',
      [rightBridge, right, vxlan(70000, { name: 'storage', vxlan: { vni: 70000, group: null, port: 4789 } })],
      [route],
      [],
      2,
    ],
  ])('%s', (_says, links, routes, does, devices) => {
    const result = plan([network('vxlan://70000')], host(links, { routes }))
    expect(result.findings).toEqual([])
    expect(result.actions.map(short)).toEqual(does)
    expect(result.devices).toBe(devices)
  })

  it.each<readonly [string, readonly Link[], string]>([
    ['its name on another kind', [link('vxlan70000', { kind: 'dummy' })], 'not a VXLAN device'],
    ['its name on a VLAN device', [vlan('vxlan70000', 'eth1', 5)], 'not a VXLAN device'],
    [
      'its name on another VNI',
      [vxlan(70000, { vxlan: { vni: 7, group: '239.1.17.112', port: 8472 } })],
      'carries 7, not VNI 70000',
    ],
    ['its name on a device without a VNI', [vxlan(70000, { vxlan: null })], 'no VNI of its own'],
    ['its name on another underlay', [link('eth2'), vxlan(70000, { parent: 'eth2' })], 'on eth2, not on cloudbr1'],
    [
      'its name on another group',
      [vxlan(70000, { vxlan: { vni: 70000, group: '239.0.0.1', port: 8472 } })],
      'joins 239.0.0.1, not 239.1.17.112',
    ],
    [
      'its name on a device without a group',
      [vxlan(70000, { vxlan: { vni: 70000, group: null, port: 8472 } })],
      'joins no multicast group',
    ],
    ['its name in another bridge', [bridge('br7'), vxlan(70000, { master: 'br7' })], 'a port of br7'],
    ['its name as an alternative name', [link('eth7', { alternativeNames: ['vxlan70000'] })], 'another name of eth7'],
    ['its bridge’s name on another kind', [link('brvx-70000', { kind: 'dummy' })], 'not a bridge'],
    ['its bridge joins another segment', [rightBridge, link('eth4', { master: 'brvx-70000' })], 'uplink eth4'],
    ['its VNI under another name', [vxlan(70000, { name: 'tenant' })], 'VNI 70000 is already carried by tenant'],
  ])('is a Conflict: %s', (_says, links, words) => {
    const { findings, actions, changes, devices } = plan([network('vxlan://70000')], host(links))
    expect({ actions, changes, devices }).toEqual({ actions: [], changes: [], devices: 0 })
    expect(findings).toMatchObject([{ uri: 'vxlan://70000', reason: 'Conflict' }])
    expect(findings[0]?.detail).toContain(words)
  })

  it('is unsupported where the host’s script is not CloudStack’s, and says so', () => {
    const { findings, actions } = plan([network('vxlan://70000')], host([], { vxlanScript: 'other' }))
    expect(actions).toEqual([])
    expect(findings).toMatchObject([{ reason: 'Unsupported' }])
    expect(findings[0]?.detail).toContain('modifyvxlan.sh is not CloudStack')
  })

  it('is made where the host’s script is CloudStack’s', () => {
    expect(plan([network('vxlan://70000')], host([], { vxlanScript: 'multicast' })).changes).toHaveLength(1)
  })

  it.each<readonly [string, string | null, string]>([
    ['the bridge that the label names, not its port', 'cloudbr1', 'cloudbr1'],
    ['a bridge without any uplink', 'empty', 'empty'],
    ['the interface that the label names', 'eth1', 'eth1'],
    ['the management bridge for an empty label', null, 'mgmt'],
    ['the uplink where the label is a key of the agent', 'public', 'eth1'],
  ])('stands on %s', (_says, label, underlay) => {
    const found = {
      ...host([bridge('empty'), bridge('mgmt')]),
      agent: { private: 'mgmt', public: 'cloudbr1', guest: 'cloudbr1' },
    }
    const created = plan([network('vxlan://70000', label)], found).actions.filter(
      ({ do: what }) => what === 'createVxlan',
    )
    expect(created).toMatchObject([{ device: 'vxlan70000', uplink: underlay }])
  })

  it('has no underlay where the label leads nowhere', () => {
    expect(plan([network('vxlan://70000', 'nowhere')], host([])).findings).toMatchObject([{ reason: 'UplinkMissing' }])
  })

  it('is a Conflict on a second underlay, since a VNI has one device', () => {
    const both = [network('vxlan://70000', 'cloudbr1', 'pn1'), network('vxlan://70000', 'eth1', 'pn2')]
    const result = plan(both, host([]))
    expect(result.changes.map(({ physicalNetwork }) => physicalNetwork)).toEqual(['pn1'])
    expect(result.findings).toMatchObject([{ physicalNetwork: 'pn2', reason: 'Conflict' }])
  })

  it('of ours that a removal left half-made gets its names back', () => {
    const ours = { group: 4814, up: false }
    const aside = [bridge('bkvx-70000', ours), vxlan(70000, { ...ours, name: 'bkvxlan70000', master: 'bkvx-70000' })]
    const desired = [network('vxlan://70000')]
    const back = ['rename brvx-70000', 'rename vxlan70000']
    expect(plan(desired, host(aside)).actions.map(short)).toEqual([...back, 'setUp brvx-70000', 'setUp vxlan70000'])
    const another = plan(desired, host(aside, { vxlanScript: 'other' })).actions.map(short)
    expect(another).toEqual(['rename brvx-70000', 'setUp brvx-70000', 'rename vxlan70000', 'setUp vxlan70000'])
  })
})

describe('the kernel’s limits on multicast groups', () => {
  const limited = (igmpMaxMemberships: number | null, optmemMax: number | null, links: readonly Link[] = []) =>
    host(links, { kernel: { uptime: 1, igmpMaxMemberships, optmemMax, ipv6: true } })
  const networks = (count: number): readonly DesiredNetwork[] =>
    Array.from({ length: count }, (_, at) => network(`vxlan://${at + 1}`))
  const made = (vni: number): readonly Link[] => [
    bridge(`brvx-${vni}`),
    vxlan(vni, { master: `brvx-${vni}`, group: 4814 }),
  ]
  const igmp = (asked: number): string => `net.ipv4.igmp_max_memberships is 20, room for 20: set it to ${asked} or more`

  it.each<readonly [string, number, HostFacts, number, readonly string[]]>([
    ['as many as fit', 20, limited(20, 20_480), 20, []],
    ['more than fit', 25, limited(20, 20_480), 20, [igmp(25)]],
    ['beside a foreign device that has joined', 20, limited(20, 20_480, [vxlan(99)]), 19, [igmp(21)]],
    ['beside a foreign device that is down', 20, limited(20, 20_480, [vxlan(99, { up: false })]), 20, []],
    [
      'beside a foreign device on another port',
      20,
      limited(20, 20_480, [vxlan(99, { vxlan: { vni: 99, group: '239.0.0.99', port: 4789 } })]),
      20,
      [],
    ],
    [
      'more than the option memory has room for',
      6,
      limited(100, 241),
      5,
      ['net.core.optmem_max is 241, room for 5: set it to 289 or more'],
    ],
    [
      'more than both allow',
      30,
      limited(20, 960),
      19,
      [igmp(30), 'net.core.optmem_max is 960, room for 19: set it to 1441 or more'],
    ],
    ['limits that are not shown', 30, limited(null, null), 30, []],
  ])('%s', (_says, count, found, fit, words) => {
    const { changes, findings } = plan(networks(count), found)
    expect(changes.map(({ uri }) => uri)).toEqual(networks(fit).map(({ uri }) => uri))
    expect(findings.map(({ uri, reason }) => [uri, reason])).toEqual(
      networks(count)
        .slice(fit)
        .map(({ uri }) => [uri, 'KernelLimit']),
    )
    for (const { detail } of findings) for (const one of words) expect(detail).toContain(one)
  })

  it('leave what has joined alone, whatever is new', () => {
    const links = [30, 29, 28].flatMap(made)
    const { changes, findings } = plan(networks(30), limited(20, 20_480, links))
    expect(changes.filter(({ steps }) => steps.length > 1).map(({ uri }) => uri)).toEqual(
      networks(17).map(({ uri }) => uri),
    )
    expect(findings.map(({ uri }) => uri)).toEqual(
      networks(27)
        .slice(17)
        .map(({ uri }) => uri),
    )
  })

  it('do not count a network of two physical networks twice', () => {
    const twice = networks(20).flatMap((one) => [one, { ...one, physicalNetwork: 'pn2' }])
    expect(plan(twice, limited(20, 20_480)).findings).toEqual([])
  })

  it('do not concern VLAN networks', () => {
    expect(plan([network('vlan://100')], limited(0, 0)).findings).toEqual([])
  })
})
