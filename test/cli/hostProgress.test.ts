import { expect, it } from 'vitest'
import { progressText } from '../../infra/cli/backfillText.ts'
import { type HostProgress, hostProgress } from '../../infra/cli/hostProgress.ts'
import { registry } from '../../shared/hypervisors/registry.ts'
import { hostRecord } from '../factories.ts'

const kvm = registry['kvm-ssh']
const failure = { reason: 'HostUnreachable', detail: 'no route' } as const

it.each([
  ['no run knows of it yet', hostRecord({ wanted: 2 }), kvm, { state: 'Waiting' }],
  ['a run that began before it says nothing', hostRecord({ wanted: 2, runId: 'r' }), kvm, { state: 'Waiting' }],
  ['a run that knows of it is under way', hostRecord({ wanted: 2, tried: 2, runId: 'r' }), kvm, { state: 'Running' }],
  ['its run failed', hostRecord({ wanted: 2, tried: 2, ...failure }), kvm, { state: 'Failed', ...failure }],
  [
    'its driver did not reach it and its fall-back requested it',
    hostRecord({
      ...{ wanted: 2, tried: 2, ...failure, unreachedSince: 1, unreachedBy: 'kvm-ssh' },
      ...{ requestDone: 2, requestedBy: 'cloudstack', request: { call: 'updateHost', answered: true, at: 1 } },
    }),
    kvm,
    {
      state: 'Done',
      reason: 'RequestedUnverified',
      detail: 'requested by cloudstack after kvm-ssh could not reach it: no route (updateHost was answered)',
    },
  ],
  ['an older failure is not its own', hostRecord({ wanted: 2, ...failure }), kvm, { state: 'Waiting' }],
  ['its run finished in sync', hostRecord({ wanted: 3, tried: 2, done: 2 }), kvm, { state: 'Done' }],
  [
    'its run finished and left something',
    hostRecord({ wanted: 2, tried: 2, done: 2, verdict: 'OutOfSync', reason: 'Conflict', detail: 'taken' }),
    kvm,
    { state: 'OutOfSync', reason: 'Conflict', detail: 'taken' },
  ],
  [
    'a request that proves nothing is done when it was made',
    hostRecord({ wanted: 2, tried: 2, done: 2, verdict: 'Unknown', reason: 'RequestedUnverified' }),
    registry.cloudstack,
    { state: 'Done', reason: 'RequestedUnverified' },
  ],
  [
    'a host that is not Up is not served',
    hostRecord({ wanted: 2, state: 'Down' }),
    kvm,
    { state: 'NotServed', reason: 'HostNotUp', detail: 'Down, Enabled' },
  ],
  [
    'the API driver does not serve a host in maintenance',
    hostRecord({ wanted: 2, resourceState: 'Maintenance' }),
    registry.cloudstack,
    { state: 'NotServed', reason: 'HostNotUp', detail: 'Up, Maintenance' },
  ],
  [
    'no driver serves it',
    hostRecord({ wanted: 2 }),
    undefined,
    { state: 'NotServed', reason: 'NoDriver', detail: 'hypervisor KVM' },
  ],
  ['the host is gone', undefined, kvm, { state: 'NotServed', reason: 'HostNotUp', detail: 'the host is gone' }],
] as const)('%s', (_, record, driver, expected) => {
  expect(hostProgress(record, 2, driver)).toEqual(expected)
})

it('says how many are done, how fast, and how long it will take', () => {
  const states: readonly HostProgress['state'][] = ['Done', 'OutOfSync', 'Failed', 'Running', 'Waiting', 'Waiting']
  const host = { zone: 'z', host: 'h', name: 'n', wanted: 1 }
  const hosts = states.map((state) => ({ host, state }))
  expect(progressText(hosts, 4000)).toBe('2 of 6 hosts done, 1 failed, 1 running, 0.5 hosts/s, about 6s left')
  expect(progressText(hosts.slice(3), 0)).toBe('0 of 3 hosts done, 1 running')
})
