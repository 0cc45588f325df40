import { expect, it } from 'vitest'
import { networkStatusOf } from '../../shared/reconcile/networkStatus.ts'
import { hostRecord, vlan } from '../factories.ts'

const conflict = { physicalNetwork: 'pn-1', uri: 'vlan://100', reason: 'Conflict', detail: 'taken' } as const
const outOfSync = { status: 'OutOfSync', reason: 'Conflict', detail: 'taken' } as const

it.each([
  ['a host in sync has it', { status: 'InSync' }, hostRecord(), 100, { presence: 'Present' }],
  [
    'an exception is shown with its reason',
    outOfSync,
    hostRecord({ exceptions: [conflict] }),
    100,
    { presence: 'Exception', reason: 'Conflict', detail: 'taken' },
  ],
  [
    'what an apply did not make an exception of is there',
    outOfSync,
    hostRecord({ exceptions: [conflict] }),
    101,
    { presence: 'Present' },
  ],
  [
    'the same URI on another physical network is another network',
    outOfSync,
    hostRecord({ exceptions: [{ ...conflict, physicalNetwork: 'pn-2' }] }),
    100,
    { presence: 'Present' },
  ],
  [
    'nothing follows when not every exception was kept',
    outOfSync,
    hostRecord({ exceptions: [conflict], moreExceptions: 1 }),
    101,
    { presence: 'Unknown', reason: 'Conflict', detail: 'taken' },
  ],
  [
    'nothing follows from a run that only observed',
    outOfSync,
    hostRecord({ exceptions: [conflict], settled: 'r1:observe' }),
    101,
    { presence: 'Unknown', reason: 'Conflict', detail: 'taken' },
  ],
  [
    'nothing follows from an older revision',
    { status: 'OutOfSync', reason: 'NewNetworks' },
    hostRecord(),
    101,
    { presence: 'Unknown', reason: 'NewNetworks' },
  ],
  [
    'of a host that is not Up nothing is known, whatever it had',
    { status: 'Unknown', reason: 'HostNotUp' },
    hostRecord({ exceptions: [conflict] }),
    100,
    { presence: 'Unknown', reason: 'HostNotUp' },
  ],
] as const)('%s', (_, host, record, id, expected) => {
  expect(networkStatusOf(host, record, vlan(id))).toEqual(expected)
})
