import { describe, expect, it } from 'vitest'
import { due } from '../../shared/reconcile/due.ts'
import { hostRecord, without } from '../factories.ts'

const policy = { mode: 'apply', verifyMilliseconds: 3_600_000 } as const
const now = 1_000

describe('a host is due', () => {
  it.each([
    ['not at all when it is settled and verified', hostRecord(), undefined],
    ['for an edge that no run finished', hostRecord({ wanted: 2 }), 'edge'],
    [
      'for an edge that a failed run tried, once its backoff ended',
      hostRecord({ wanted: 2, tried: 2, nextAttemptAt: 999 }),
      'edge',
    ],
    ['not while it backs off', hostRecord({ wanted: 2, tried: 2, nextAttemptAt: 1_001 }), undefined],
    ['for a new edge although it backs off', hostRecord({ wanted: 3, tried: 2, nextAttemptAt: 1_001 }), 'edge'],
    ['for another revision', hostRecord({ settled: 'r0:apply' }), 'revision'],
    ['for another mode', hostRecord({ settled: 'r1:observe' }), 'revision'],
    ['after a run that never reported', without(hostRecord(), 'settled'), 'revision'],
    ['for retriable exceptions whose backoff ended', hostRecord({ nextAttemptAt: 1_000 }), 'retry'],
    ['not while a job is outstanding', hostRecord({ wanted: 2, queued: 2, outstandingUntil: 1_001 }), undefined],
    ['again once an outstanding job is overdue', hostRecord({ wanted: 2, queued: 2, outstandingUntil: 1_000 }), 'edge'],
    [
      'at once when its outstanding job has run',
      hostRecord({ wanted: 2, queued: 2, ran: 2, outstandingUntil: 9_999 }),
      'edge',
    ],
  ])('%s', (_when, record, why) => {
    expect(due(record, 'r1', true, policy, now)).toBe(why)
  })

  it('never while no driver can serve it, or no revision was ever made', () => {
    expect(due(hostRecord({ wanted: 2 }), 'r1', false, policy, now)).toBeUndefined()
    expect(due(hostRecord({ wanted: 2 }), undefined, true, policy, now)).toBeUndefined()
  })

  it('for verification within one interval after the last, at a moment of its own', () => {
    const turns = Array.from({ length: 200 }, (_, index) => {
      const record = hostRecord({ id: `host-${index}`, verifiedAt: 50_000_000 })
      const at = (minute: number) => due(record, 'r1', true, policy, 50_000_000 + minute * 60_000)
      expect(at(60)).toBe('verify')
      return Array.from({ length: 61 }, (_, minute) => at(minute)).indexOf('verify')
    })
    const busiest = Math.max(...turns.map((turn) => turns.filter((other) => other === turn).length))
    expect(busiest).toBeLessThan(20)
  })

  it('for verification at moments far apart, although ids differ in their last character only', () => {
    const turns = 'abcdefghijklmnopqrstuvwxyz'.split('').map((last) => {
      const record = hostRecord({ id: `7d0f2a6e-0000-4000-8000-00000000000${last}`, verifiedAt: 50_000_000 })
      const at = (minute: number) => due(record, 'r1', true, policy, 50_000_000 + minute * 60_000)
      return Array.from({ length: 61 }, (_, minute) => at(minute)).indexOf('verify')
    })
    for (const half of [turns.filter((turn) => turn <= 30), turns.filter((turn) => turn > 30)])
      expect(half.length).toBeGreaterThanOrEqual(6)
  })

  it('the more, the higher wanted is: raising it never makes a due host not due', () => {
    const cases = [0, 1, 2, 3].flatMap((wanted) =>
      [0, 1, 2].flatMap((tried) =>
        [0, 1, 2].flatMap((done) =>
          [{}, { nextAttemptAt: 999 }, { nextAttemptAt: 2_000 }].flatMap((next) =>
            [{}, { queued: 2, outstandingUntil: 999 }, { queued: 2, outstandingUntil: 2_000 }].flatMap((job) =>
              [{}, { settled: 'r0:apply' }, { verifiedAt: -4_000_000 }].map((other) => {
                return { wanted, tried, done, ...next, ...job, ...other }
              }),
            ),
          ),
        ),
      ),
    )
    for (const given of cases) {
      const record = hostRecord(given)
      const before = due(record, 'r1', true, policy, now)
      const after = due({ ...record, wanted: record.wanted + 1 }, 'r1', true, policy, now)
      if (before !== undefined) expect(after).toBeDefined()
    }
  })
})
