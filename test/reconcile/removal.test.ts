import { describe, expect, it } from 'vitest'
import type { NetworkFact } from '../../shared/reconcile/model.ts'
import { decide, type Evidence, tombstoneFor } from '../../shared/reconcile/removal.ts'
import { vlan } from '../factories.ts'

const grace = 1_000
const orphan = { uri: 'vlan://200', physicalNetworks: ['pn-1'] }
const stone = { physicalNetwork: 'pn-1', uri: 'vlan://200', goneSince: 0, networks: [{ id: 'n-200', name: 'old' }] }
const network = (id: string, broadcastUri?: string): NetworkFact => ({
  id,
  name: id,
  zone: 'zone-1',
  offering: 'o',
  guestType: 'L2',
  state: 'Implemented',
  physicalNetwork: 'pn-1',
  ...(broadcastUri === undefined ? {} : { broadcastUri }),
})

describe('an orphan that nobody need ask CloudStack about', () => {
  it.each([
    ['whose URI cannot be told', { physicalNetworks: ['pn-1'] }, [], [stone], /not known which network/],
    [
      'whose uplink no label names',
      { uri: 'vlan://200', physicalNetworks: [] },
      [],
      [stone],
      /not known which network/,
    ],
    ['that a network desires again', orphan, [vlan(200)], [stone], /a network uses it/],
    ['without a tombstone', orphan, [], [], /not known that its network is gone/],
    ['of another physical network', { ...orphan, physicalNetworks: ['pn-2'] }, [], [stone], /not known that/],
    [
      'two physical networks had one such network',
      { ...orphan, physicalNetworks: ['pn-1', 'pn-2'] },
      [],
      [stone, { ...stone, physicalNetwork: 'pn-2' }],
      /several/,
    ],
    ['gone for too short a time', orphan, [], [{ ...stone, goneSince: 8_500 }], /too short a time: 1 s to go/],
  ])('%s is kept', (_which, marked, desired, stones, keep) => {
    expect(tombstoneFor(marked, desired, stones, grace, 9_000)).toEqual({ keep: expect.stringMatching(keep) })
  })

  it('has a tombstone that is old enough', () => {
    expect(tombstoneFor(orphan, [vlan(100), vlan(200, 'pn-2')], [stone], grace, 1_000)).toBe(stone)
  })
})

describe('what CloudStack answers about a tombstone', () => {
  const good: Evidence = {
    readAt: 5_000,
    live: network('n-100', 'vlan://100'),
    asked: new Map([['n-200', undefined]]),
    listed: [network('n-100', 'vlan://100'), { ...network('n-allocated'), state: 'Allocated' }],
  }

  it('permits a removal for 30 s from when it was read', () => {
    expect(decide(stone, good, 5_001)).toEqual({ remove: true, deadline: 35_000 })
    expect(decide(stone, good, 35_000)).toEqual({ keep: expect.stringMatching(/too old/) })
  })

  it.each<[string, Partial<Evidence>, RegExp]>([
    ['no live network comes back', { live: undefined }, /cannot be trusted/],
    ['the live network lost its URI', { live: network('n-100') }, /cannot be trusted/],
    ['an id was not asked for', { asked: new Map() }, /was not asked for network n-200/],
    ['an id still answers', { asked: new Map([['n-200', network('n-200', 'vlan://200')]]) }, /still exists/],
    ['an id answers, Allocated and without URI', { asked: new Map([['n-200', network('n-200')]]) }, /still exists/],
    ['a listed network lost its URI', { listed: [network('n-9')] }, /n-9 .* cannot be trusted/],
    ['another network uses the URI', { listed: [network('n-9', 'vlan://200')] }, /n-9 .* uses vlan:\/\/200/],
  ])('permits nothing when %s', (_when, change, keep) => {
    expect(decide(stone, { ...good, ...change }, 5_001)).toEqual({ keep: expect.stringMatching(keep) })
  })
})
