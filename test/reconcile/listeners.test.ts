import { describe, expect, it } from 'vitest'
import { findingsOf, listeners, methodsOf, raisesWanted } from '../../shared/reconcile/listeners.ts'
import type { Exception } from '../../shared/reconcile/record.ts'
import type { Method } from '../../shared/reconcile/transitions.ts'

const missing: Exception = { physicalNetwork: 'pn-1', uri: 'vlan://100', reason: 'UplinkMissing', detail: 'no eth9' }
const unready: Exception = { physicalNetwork: 'pn-1', uri: 'label://eth9', reason: 'UplinkMissing', detail: 'no eth9' }
const observation = { findings: [missing], readiness: [unready] }

describe('which transitions raise wanted', () => {
  it.each<readonly [Method, boolean]>([
    ['hostAdded', true],
    ['hostConnect', true],
    ['hostEnabled', true],
    ['hostDisconnected', false],
    ['hostAboutToBeRemoved', false],
    ['hostRemoved', false],
  ])('%s: %s', (method, raises) => {
    expect(raisesWanted([method])).toBe(raises)
    expect(Object.values(listeners).some((listener) => listener.raises.includes(method))).toBe(raises)
  })

  it('nothing raises nothing', () => expect(raisesWanted([])).toBe(false))
})

describe('what the listeners find', () => {
  it.each<readonly [string, readonly Method[], readonly Exception[]]>([
    ['a host that is new', ['hostAdded', 'hostConnect'], [unready]],
    ['a host that connected', ['hostConnect'], [unready]],
    ['a host that connected and was enabled', ['hostConnect', 'hostEnabled'], [unready]],
    ['a host that was only enabled', ['hostEnabled'], []],
    ['a verification without a transition', [], []],
  ])('on %s: its networks always, its readiness when it connected', (_what, methods, readiness) => {
    expect(findingsOf(methods, observation)).toEqual({ persistentNetworks: [missing], hostReadiness: readiness })
  })

  it('finds no readiness where the driver does not judge it', () => {
    expect(findingsOf(['hostConnect'], { findings: [] }).hostReadiness).toEqual([])
  })
})

it.each([
  ['hostAdded+hostConnect', ['hostAdded', 'hostConnect']],
  ['backfill', []],
  [undefined, []],
])('the edge %s names %j', (edge, methods) => {
  expect(methodsOf(edge)).toEqual(methods)
})
