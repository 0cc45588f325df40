import { expect, it } from 'vitest'
import { lastSeen, listAtLeastEvery } from '../../shared/reconcile/seen.ts'
import { hostRecord } from '../factories.ts'

const seen = { digest: 'd', devices: 4, settled: 'r1:apply', listedAt: 1_000 }

it('a host that was right under this revision and mode is asked only whether it is still as it was seen', () => {
  expect(lastSeen(hostRecord({ seen }), 'r1:apply', 1_000 + listAtLeastEvery - 1)).toEqual(seen)
})

it.each([
  ['was never listed, or not found right', hostRecord(), 'r1:apply', 2_000],
  ['has an edge that no run has served', hostRecord({ seen, tried: 2, done: 1 }), 'r1:apply', 2_000],
  ['was seen under another revision', hostRecord({ seen }), 'r2:apply', 2_000],
  ['was seen under another mode', hostRecord({ seen }), 'r1:observe', 2_000],
  ['was listed a day ago', hostRecord({ seen }), 'r1:apply', 1_000 + listAtLeastEvery],
  ['was listed in the future, by a clock that was wrong', hostRecord({ seen }), 'r1:apply', 999],
])('a host that %s is listed', (_says, record, settling, now) => {
  expect(lastSeen(record, settling, now)).toBeUndefined()
})
