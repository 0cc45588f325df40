import { describe, expect, it } from 'vitest'
import { batchOf } from '../../../shared/hypervisors/kvm/batch.ts'
import type { Link } from '../../../shared/hypervisors/kvm/facts.ts'
import { plan } from '../../../shared/hypervisors/kvm/plan.ts'
import { bridge, facts, link, network, vlan } from './factory.ts'

const ours = 4814
const asideBridge = bridge('bketh1-100', { group: ours, up: false })
const asideDevice = vlan('bketh1.100', 'eth1', 100, { group: ours, up: false, master: 'bketh1-100' })
const device = vlan('eth1.100', 'eth1', 100, { group: ours, master: 'bketh1-100' })
const tap = link('vnet1', { kind: 'tun', master: 'bketh1-100' })
const down = bridge('breth1-100', { group: ours, up: false })
const steps = (links: readonly Link[], uris: readonly string[]) =>
  plan(
    uris.map((uri) => network(uri)),
    facts(links),
    ours,
  ).changes.flatMap((change) => change.steps)

const bridgeBack = 'give bketh1-100 its name breth1-100 back'
const deviceBack = 'give bketh1.100 its name eth1.100 back'
const bothUp = ['set breth1-100 up', 'set eth1.100 up']

describe('a pair of ours that a removal left half-made', () => {
  it.each<readonly [string, readonly Link[], readonly string[], readonly string[]]>([
    ['both aside, desired', [asideBridge, asideDevice], ['vlan://100'], [bridgeBack, deviceBack, ...bothUp]],
    ['the bridge aside, desired', [asideBridge, device], ['vlan://100'], [bridgeBack, 'set breth1-100 up']],
    ['both aside, not desired', [asideBridge, asideDevice], [], []],
    ['the bridge aside, not desired', [asideBridge, device], [], []],
    [
      'both aside, somebody on it',
      [asideBridge, asideDevice, tap],
      [],
      [bridgeBack, 'set breth1-100 up', deviceBack, 'set eth1.100 up'],
    ],
    [
      'only down, somebody on it',
      [down, { ...device, master: 'breth1-100' }, { ...tap, master: 'breth1-100' }],
      [],
      bothUp,
    ],
    ['only down, nobody on it', [down, { ...device, master: 'breth1-100' }], [], []],
    [
      'both aside, and a new bridge',
      [asideBridge, asideDevice, bridge('breth1-100')],
      ['vlan://100'],
      [deviceBack, 'put eth1.100 into breth1-100', 'set eth1.100 up'],
    ],
    ['names like ours without our mark', [{ ...asideBridge, group: 0 }, { ...tap }], [], []],
  ])('%s', (_what, links, uris, expected) => expect(steps(links, uris)).toEqual(expected))

  it('gets its names back while it is down, before anything else is made', () => {
    const { actions } = plan([network('vlan://100')], facts([asideBridge, asideDevice]), ours)
    expect(batchOf(actions, ours).create).toBe(
      'link set dev bketh1-100 down\nlink set dev bketh1-100 name breth1-100\n' +
        'link set dev bketh1.100 down\nlink set dev bketh1.100 name eth1.100\n',
    )
  })

  it('counts its devices as missing until then', () => {
    expect(plan([network('vlan://100')], facts([asideBridge, asideDevice]), ours).devices).toBe(0)
  })

  it('is somebody else’s under another mark, and so a conflict', () => {
    const { findings, actions } = plan([network('vlan://100')], facts([asideBridge, asideDevice]), 7)
    expect(findings).toMatchObject([{ reason: 'Conflict' }])
    expect(actions).toEqual([])
  })
})
