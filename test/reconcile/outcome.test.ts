import { describe, expect, it } from 'vitest'
import { backoff } from '../../shared/reconcile/backoff.ts'
import { outcome } from '../../shared/reconcile/outcome.ts'
import type { Reason } from '../../shared/reconcile/reasons.ts'
import type { Exception } from '../../shared/reconcile/record.ts'
import { hostRecord } from '../factories.ts'

const policy = { mode: 'apply', baseMilliseconds: 1_000, maxMilliseconds: 60_000 }
const finding = (reason: Reason): Exception => ({ physicalNetwork: 'pn-1', uri: 'vlan://7', reason, detail: 'why' })
const result = {
  verdict: 'InSync',
  devices: 4,
  created: 2,
  findings: [],
  pending: [],
  readiness: [],
  orphans: [],
} as const

describe('a finished run', () => {
  it('that found all present is settled, and tells how long the edge waited', () => {
    const record = hostRecord({ tried: 2, done: 1, edgeAt: 10_000, failures: 3, retries: 2 })
    const report = outcome(record, { ...result, bootId: 'b' }, 'r2', policy, 12_340, 0.5)
    expect(report).toEqual({
      settled: 'r2:apply',
      verdict: 'InSync',
      bootId: 'b',
      devices: 4,
      created: 2,
      exceptions: [],
      moreExceptions: 0,
      orphans: [],
      readiness: [],
      failures: 0,
      retries: 0,
      readySeconds: 2.3,
    })
  })

  it('that listed a host and found all right keeps what it saw; one that only compared keeps when it was listed', () => {
    const listed = outcome(hostRecord(), { ...result, seen: 'd1' }, 'r2', policy, 5_000, 0.5)
    expect(listed.seen).toEqual({ digest: 'd1', devices: 4, settled: 'r2:apply', listedAt: 5_000 })
    const record = hostRecord({ seen: { digest: 'd1', devices: 4, settled: 'r2:apply', listedAt: 5_000 } })
    const compared = outcome(record, { ...result, seen: 'd1', unchanged: true }, 'r2', policy, 9_000, 0.5)
    expect(compared.seen).toEqual(record.seen)
  })

  it('that found anything to do keeps nothing of what it saw', () => {
    const record = hostRecord({ seen: { digest: 'd1', devices: 4, settled: 'r1:apply', listedAt: 0 } })
    const left = { ...result, verdict: 'OutOfSync', findings: [finding('Conflict')], seen: 'd2' } as const
    expect(outcome(record, left, 'r1', policy, 0, 0.5)).not.toHaveProperty('seen')
    expect(outcome(record, result, 'r1', policy, 0, 0.5)).not.toHaveProperty('seen')
  })

  it('that left a finding which may heal tries again, later each time', () => {
    const findings = [finding('Conflict'), finding('Unsupported')]
    const first = outcome(hostRecord(), { ...result, verdict: 'OutOfSync', findings }, 'r1', policy, 0, 0.5)
    const third = outcome(
      hostRecord({ retries: 2 }),
      { ...result, verdict: 'OutOfSync', findings },
      'r1',
      policy,
      0,
      0.5,
    )
    expect([first.nextAttemptAt, third.nextAttemptAt]).toEqual([1_000, 4_000])
    expect(first.reason).toBe('Conflict')
    expect(first.detail).toBe('vlan://7: why (and 1 more)')
  })

  it('that left only what never heals does not try again by itself', () => {
    const report = outcome(
      hostRecord(),
      { ...result, verdict: 'OutOfSync', findings: [finding('Unsupported')] },
      'r1',
      policy,
      0,
      0.5,
    )
    expect(report.nextAttemptAt).toBeUndefined()
  })

  it('keeps 64 exceptions and counts the rest', () => {
    const findings = Array.from({ length: 70 }, () => finding('Conflict'))
    const report = outcome(hostRecord(), { ...result, verdict: 'OutOfSync', findings }, 'r1', policy, 0, 0.5)
    expect([report.exceptions.length, report.moreExceptions]).toEqual([64, 6])
  })

  const change = { physicalNetwork: 'pn-1', devices: ['breth1-7', 'eth1.7'], steps: ['create both'] }
  it('in mode observe says that it only looked, and settles as such', () => {
    const observed = {
      ...result,
      verdict: 'OutOfSync',
      pending: [100, 200, 300].map((id) => ({ ...change, uri: `vlan://${id}` })),
    } as const
    const report = outcome(hostRecord(), observed, 'r1', { ...policy, mode: 'observe' }, 0, 0.5)
    expect(report).toMatchObject({
      settled: 'r1:observe',
      reason: 'ObserveOnly',
      detail: '3 networks would be prepared',
    })
    expect(report.exceptions[0]).toEqual({
      physicalNetwork: 'pn-1',
      uri: 'vlan://100',
      reason: 'ObserveOnly',
      detail: 'breth1-7, eth1.7: create both',
    })
    expect(report.nextAttemptAt).toBeUndefined()
  })

  it('of an API that was not asked, in mode observe, does not say that it was', () => {
    const observed = { ...result, verdict: 'Unknown', pending: [{ ...change, uri: 'vlan://100' }] } as const
    const report = outcome(hostRecord(), observed, 'r1', { ...policy, mode: 'observe' }, 0, 0.5)
    expect(report).toMatchObject({ verdict: 'Unknown', reason: 'ObserveOnly' })
  })

  it('after a connect tells what stands in the way of networks to come, which then stands until the next connect', () => {
    const readiness = [finding('NameTooLong')]
    const connected = hostRecord({ tried: 2, done: 1, edge: 'hostConnect', edgeAt: 0 })
    expect(outcome(connected, { ...result, readiness }, 'r1', policy, 0, 0.5)).toMatchObject({
      verdict: 'InSync',
      readiness,
    })
    const verified = hostRecord({ readiness })
    expect(outcome(verified, { ...result, readiness: [] }, 'r1', policy, 0, 0.5).readiness).toEqual(readiness)
    expect(outcome({ ...connected, readiness }, { ...result, readiness: [] }, 'r1', policy, 0, 0.5).readiness).toEqual(
      [],
    )
  })

  it('that could not look is Unknown, and claims nothing', () => {
    const report = outcome(
      hostRecord({ tried: 2, done: 1, edgeAt: 0 }),
      { ...result, verdict: 'Unknown' },
      'r1',
      policy,
      0,
      0.5,
    )
    expect(report).toMatchObject({ verdict: 'Unknown', reason: 'RequestedUnverified' })
    expect(report.readySeconds).toBeUndefined()
  })
})

describe('backoff', () => {
  it('doubles from the base to the maximum, and is never moved by more than a quarter', () => {
    for (let failures = 1; failures <= 40; failures++) {
      const middle = Math.min(1_000 * 2 ** (failures - 1), 60_000)
      for (const random of [0, 0.3, 0.999]) {
        const wait = backoff(failures, policy, random)
        expect(wait).toBeGreaterThanOrEqual(middle * 0.75)
        expect(wait).toBeLessThanOrEqual(middle * 1.25)
      }
    }
  })
})
