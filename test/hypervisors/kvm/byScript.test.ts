import { describe, expect, it } from 'vitest'
import { batchOf, piecesOf } from '../../../shared/hypervisors/kvm/batch.ts'
import type { HostFacts, Link, VxlanScript } from '../../../shared/hypervisors/kvm/facts.ts'
import { type Plan, plan } from '../../../shared/hypervisors/kvm/plan.ts'
import { readiness } from '../../../shared/hypervisors/kvm/readiness.ts'
import { bridge, facts, link, network, vxlan } from './factory.ts'

const desired = [network('vxlan://70000')]
const host = (links: readonly Link[], vxlanScript: VxlanScript = 'other'): HostFacts => ({
  ...facts(links),
  vxlanScript,
})
const planned = (links: readonly Link[], vxlanScript?: VxlanScript): Plan =>
  plan(desired, host(links, vxlanScript), 4814, 'script')
const unicast = (rest: Partial<Link> = {}): Link =>
  vxlan(70000, {
    parent: null,
    vxlan: { vni: 70000, group: null, port: 4789 },
    master: 'brvx-70000',
    mtu: 9000,
    ...rest,
  })
const right = [bridge('brvx-70000'), unicast()]
const script = { do: 'runScript', device: 'vxlan70000', uplink: 'cloudbr1', id: 70000, bridge: 'brvx-70000' }

describe('where the host’s own script makes VXLAN networks', () => {
  it.each<readonly [string, readonly Link[], readonly object[], number]>([
    ['without anything: the script is run', [], [script], 0],
    ['with both: nothing, whatever group, port and MTU they have', right, [], 2],
    [
      'with a device of another name in the bridge: nothing',
      [bridge('brvx-70000'), unicast({ name: 'vni70000' })],
      [],
      2,
    ],
    ['without its device: the script is run', [bridge('brvx-70000')], [script], 0],
    ['beside its bridge: the script is run', [bridge('brvx-70000'), unicast({ master: null })], [script], 0],
    ['with its device down: the script is run', [bridge('brvx-70000'), unicast({ up: false })], [script], 0],
    ['with its bridge down: the script is run', [bridge('brvx-70000', { up: false }), unicast()], [script], 0],
    [
      'with IPv6 on: off',
      [bridge('brvx-70000', { ipv6: true }), unicast()],
      [{ do: 'turnIpv6Off', device: 'brvx-70000' }],
      1,
    ],
  ])('a network %s', (_says, links, actions, devices) => {
    expect(planned(links)).toMatchObject({ actions, devices, findings: [] })
  })

  it.each<readonly [string, readonly Link[], string]>([
    ['its bridge’s name on another kind', [link('brvx-70000', { kind: 'dummy' })], 'not a bridge'],
    ['its bridge’s name on a port', [bridge('brvx-70000', { master: 'cloudbr1' })], 'a port of cloudbr1'],
    ['its name on another kind', [link('vxlan70000', { kind: 'dummy' })], 'no VXLAN device of that VNI'],
    [
      'its name on another VNI',
      [unicast({ vxlan: { vni: 7, group: null, port: 4789 } })],
      'no VXLAN device of that VNI',
    ],
    ['its name as an alternative name', [link('eth7', { alternativeNames: ['vxlan70000'] })], 'another name of eth7'],
    ['its name in another bridge', [bridge('br7'), unicast({ master: 'br7' })], 'carried by vxlan70000, in br7'],
    ['its VNI under another name', [unicast({ name: 'tenant', master: null })], 'carried by tenant, in no bridge'],
    [
      'a pair that was made here on multicast before',
      [bridge('brvx-70000', { group: 4814 }), vxlan(70000, { master: 'brvx-70000', group: 4814 })],
      'delete it and brvx-70000',
    ],
  ])('is a Conflict: %s', (_says, links, words) => {
    const { actions, findings } = planned(links)
    expect(actions).toEqual([])
    expect(findings).toMatchObject([{ reason: 'Conflict' }])
    expect(findings[0]?.detail).toContain(words)
  })

  it('a pair of ours stays where the script is CloudStack’s: it would make the same', () => {
    const ours = [bridge('brvx-70000', { group: 4814 }), vxlan(70000, { master: 'brvx-70000', group: 4814 })]
    expect(planned(ours, 'multicast')).toMatchObject({ actions: [], findings: [], devices: 2 })
  })

  it('a host without a script is told so, and nothing is run', () => {
    const { actions, findings } = planned([], 'absent')
    expect(actions).toEqual([])
    expect(findings).toMatchObject([{ reason: 'Unsupported' }])
    expect(findings[0]?.detail).toContain('no modifyvxlan.sh that can be read')
  })

  it('no limit of multicast groups counts, neither for networks nor for labels to come', () => {
    const many = Array.from({ length: 30 }, (_, at) => network(`vxlan://${at + 1}`))
    expect(plan(many, host([]), 4814, 'script')).toMatchObject({ findings: [] })
    const label = { physicalNetwork: 'pn1', label: 'cloudbr1', isolation: 'VXLAN' }
    expect(readiness([label], host([]), 'script').map(({ reason }) => reason)).toEqual(['Noted'])
    expect(readiness([label], host([]), 'native').map(({ reason }) => reason)).toEqual(['Unsupported', 'Noted'])
    expect(readiness([label], host([], 'absent'), 'script').map(({ reason }) => reason)).toEqual([
      'Unsupported',
      'Noted',
    ])
  })
})

describe('what the script reads', () => {
  it('are lines of VNI, underlay and bridge in pieces of their own; IPv6 is off after it', () => {
    const { actions } = plan([network('vlan://100'), ...desired], host([]), 4814, 'script')
    const pieces = piecesOf(actions)
    expect(pieces.map(({ kind }) => kind)).toEqual(['vlan', 'script'])
    expect(batchOf(pieces[1]?.actions ?? [], 4814)).toEqual({
      create: '70000 cloudbr1 brvx-70000\n',
      ipv6Off: 'net/ipv6/conf/vxlan70000/disable_ipv6=1\nnet/ipv6/conf/brvx-70000/disable_ipv6=1\n',
      up: '',
    })
  })

  it.each([{ id: 0 }, { id: 2 ** 24 }, { uplink: 'eth1; reboot' }, { uplink: '-o' }, { bridge: '$(reboot)' }])(
    'is never %o',
    (wrong) => {
      const action = {
        do: 'runScript',
        device: 'vxlan1',
        uplink: 'cloudbr1',
        id: 1,
        bridge: 'brvx-1',
        ...wrong,
      } as const
      expect(() => batchOf([action], 4814)).toThrow(RangeError)
    },
  )
})
