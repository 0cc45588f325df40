import { describe, expect, it } from 'vitest'
import { raisesWanted } from '../../shared/reconcile/listeners.ts'
import { transitions } from '../../shared/reconcile/transitions.ts'
import { hostFact } from '../factories.ts'

const statuses = [
  'Creating',
  'Connecting',
  'Up',
  'Down',
  'Disconnected',
  'Alert',
  'Removed',
  'Error',
  'Rebalancing',
  'Unknown',
]
const resourceStates = [
  'Creating',
  'Enabled',
  'Disabled',
  'PrepareForMaintenance',
  'ErrorInPrepareForMaintenance',
  'Maintenance',
  'ErrorInMaintenance',
  'Degraded',
  'Error',
]

const host = (state: string, resourceState = 'Enabled', more = {}) => hostFact({ state, resourceState, ...more })

describe('the difference between two snapshots of a host', () => {
  it.each([
    ['appears Up', undefined, host('Up'), ['hostAdded', 'hostConnect']],
    ['appears while it connects', undefined, host('Connecting'), ['hostAdded']],
    ['is no longer listed', host('Up'), undefined, ['hostRemoved']],
    ['becomes Removed', host('Up'), host('Removed'), ['hostRemoved']],
    ['comes back after it was Removed', host('Removed'), host('Up'), ['hostAdded', 'hostConnect']],
    ['recovers from Alert', host('Alert'), host('Up'), ['hostConnect']],
    ['comes Up after a reboot', host('Connecting'), host('Up'), ['hostConnect']],
    [
      'moves to another management server',
      host('Up'),
      host('Up', 'Enabled', { managementServer: 'ms-2' }),
      ['hostConnect'],
    ],
    ['disconnects', host('Up'), host('Disconnected'), ['hostDisconnected']],
    ['goes from Disconnected to Alert', host('Disconnected'), host('Alert'), []],
    ['leaves maintenance', host('Up', 'Maintenance'), host('Up'), ['hostEnabled']],
    ['is enabled again', host('Up', 'Disabled'), host('Up'), ['hostEnabled']],
    ['is no longer degraded', host('Up', 'Degraded'), host('Up'), ['hostEnabled']],
    ['comes Up and is enabled at once', host('Alert', 'Maintenance'), host('Up'), ['hostConnect', 'hostEnabled']],
    ['is enabled while it is Down', host('Down', 'Disabled'), host('Down'), []],
    ['prepares for maintenance', host('Up'), host('Up', 'PrepareForMaintenance'), ['hostAboutToBeRemoved']],
    ['is disabled', host('Up'), host('Up', 'Disabled'), []],
    [
      'moves to another cluster',
      host('Up'),
      host('Up', 'Enabled', { cluster: 'c2' }),
      ['hostRemoved', 'hostAdded', 'hostConnect'],
    ],
    ['stays as it is', host('Up'), host('Up'), []],
  ])('a host that %s', (_what, before, after, methods) => {
    expect(transitions(before, after)).toEqual(methods)
  })

  it('a management server that is not known is no move: it is absent while a host is not connected', () => {
    const { managementServer, ...unknown } = host('Up')
    expect(transitions(unknown, host('Up'))).toEqual([])
    expect(managementServer).toBe('ms-1')
  })

  it('is defined for every pair of states, and every arrival at Up from elsewhere raises wanted', () => {
    const all = [undefined, ...statuses.flatMap((state) => resourceStates.map((resource) => host(state, resource)))]
    for (const before of all) {
      for (const after of all) {
        const methods = transitions(before, after)
        expect(new Set(methods).size).toBe(methods.length)
        if (after?.state === 'Up' && before?.state !== 'Up') expect(raisesWanted(methods)).toBe(true)
        if (after?.state === 'Up' && after.resourceState === 'Enabled' && before?.resourceState !== 'Enabled') {
          expect(raisesWanted(methods)).toBe(true)
        }
        if (
          after === undefined ||
          (after.state !== 'Up' && before?.state !== undefined && before.state !== 'Removed')
        ) {
          expect(raisesWanted(methods)).toBe(false)
        }
      }
    }
  })
})
