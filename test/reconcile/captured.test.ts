import { describe, expect, it } from 'vitest'
import { raisesWanted } from '../../shared/reconcile/listeners.ts'
import type { HostFact } from '../../shared/reconcile/model.ts'
import { transitions } from '../../shared/reconcile/transitions.ts'
import { capturedHosts } from '../cloudstack/fixtures.ts'

const captured = (name: string): ReadonlyMap<string, HostFact> =>
  new Map(capturedHosts(`listHosts.${name}.json`).map((host) => [host.id, host]))

/** What happened between two captured listings: the methods of each host that has any, by the start of its id. */
function between(before: string, after: string): Record<string, readonly string[]> {
  const [was, is] = [captured(before), captured(after)]
  const ids = [...new Set([...was.keys(), ...is.keys()])]
  const changes = ids.map((id) => [id.slice(0, 8), transitions(was.get(id), is.get(id))] as const)
  return Object.fromEntries(changes.filter(([, methods]) => methods.length > 0))
}

const nine = [
  '0a3a9bc4',
  '212527aa',
  'a47bc9e1',
  'c905441e',
  '62c29d0b',
  'd78f35f7',
  'fc809617',
  'feca1227',
  '28d31cde',
]
const each = (ids: readonly string[], methods: readonly string[]) => Object.fromEntries(ids.map((id) => [id, methods]))

describe('listings captured from a running server', () => {
  it.each([
    [
      'a host was added between them',
      'routing.one-maintenance',
      'routing.with-new-host',
      { '0a3a9bc4': ['hostAdded', 'hostConnect'], d78f35f7: ['hostEnabled'] },
    ],
    [
      'a host was enabled again',
      'routing.one-disabled',
      'routing.with-new-host',
      { '0a3a9bc4': ['hostAdded', 'hostConnect'], d78f35f7: ['hostEnabled'] },
    ],
    [
      'a host in Alert left the listing',
      'routing.one-alert-maintenance',
      'routing.all-up',
      { '46633948': ['hostRemoved'] },
    ],
    ['the server restarted', 'routing.all-up', 'after-server-restart', each(nine, ['hostDisconnected'])],
    ['the hosts are back after the restart', 'after-server-restart', 'routing.all-up', each(nine, ['hostConnect'])],
    ['nothing happened', 'routing.all-up', 'routing.all-up', {}],
  ])('%s', (_what, before, after, methods) => {
    expect(between(before, after)).toEqual(methods)
  })

  it('one host’s way through Disconnected, Connecting and Up raises wanted once', () => {
    const way = ['Up-Enabled', 'Alert-Enabled', 'Disconnected-Enabled', 'Connecting-Enabled', 'Up-Enabled']
    const steps = way.map((name) => captured(`one.${name}`).values().next().value)
    const edges = steps.slice(1).filter((step, index) => raisesWanted(transitions(steps[index], step)))
    expect(edges.map((step) => step?.state)).toEqual(['Up'])
  })
})
