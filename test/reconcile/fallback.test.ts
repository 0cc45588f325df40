import { describe, expect, it } from 'vitest'
import { candidates } from '../../shared/reconcile/candidates.ts'
import { fallbackDue, isFallbacksTurn, requestedSays } from '../../shared/reconcile/fallback.ts'
import { decideHolds } from '../../shared/reconcile/holds.ts'
import { type Reason, reasonNames, reasons } from '../../shared/reconcile/reasons.ts'
import type { HostRecord } from '../../shared/reconcile/record.ts'
import { select } from '../../shared/reconcile/select.ts'
import { count, statusOf } from '../../shared/reconcile/status.ts'
import { hostRecord, without } from '../factories.ts'

const day = 86_400_000
const policy = {
  mode: 'apply' as 'apply' | 'observe',
  verifyMilliseconds: 3_600_000,
  repeatMilliseconds: day,
  agentVerifyMilliseconds: 3_600_000,
}
const ssh = { verifies: true, needsEnabled: false, keepsItself: false }
const api = { verifies: false, needsEnabled: true, keepsItself: false }
const chains = { driverOf: () => ssh, fallbackOf: () => api }
const now = 1_000

/** Its own driver tried the only new edge, did not reach it, and backs off. */
const unreached = (given: Partial<HostRecord> = {}): HostRecord => ({
  ...without(hostRecord(), 'settled'),
  ...{ wanted: 2, tried: 2, failures: 1, reason: 'HostUnreachable', detail: '192.0.2.11:22 did not answer' },
  ...{ nextAttemptAt: 30_000, unreachedSince: 500, unreachedBy: 'kvm-ssh', lastSettled: 'r1:apply' },
  ...given,
})
const requested = { requestTried: 2, requestDone: 2, requestSettled: 'r1:apply', requestedAt: 900 } as const
const asked = { requestedBy: 'cloudstack', request: { call: 'updateHost', answered: true, at: 900 } } as const

describe('a driver chain', () => {
  it('falls back where nobody answered, and for no other reason', () => {
    const falling = reasonNames.filter((reason: Reason) => reasons[reason].unreached)
    expect(falling.sort()).toEqual([
      'AgentMissing',
      'HostUnreachable',
      'JumpHostUnreachable',
      'VcenterUnreachable',
      'XapiUnreachable',
    ])
  })

  it.each([
    ['for an edge that neither driver served', unreached(), 'edge'],
    ['for no edge that was requested', unreached(requested), undefined],
    ['for an edge since it was requested', unreached({ ...requested, wanted: 3, tried: 3 }), 'edge'],
    [
      'for a revision that neither driver brought',
      unreached({ wanted: 1, tried: 1, lastSettled: 'r0:apply' }),
      'revision',
    ],
    ['for nothing where it was verified in this revision', unreached({ wanted: 1, tried: 1 }), undefined],
    ['again after a day', unreached({ ...requested, verifiedAt: 0, requestedAt: 1_000 - 2 * day }), 'verify'],
    ['not for a host that was reached', without(unreached(), 'unreachedSince'), undefined],
    [
      'not while a request that failed backs off',
      unreached({ requestTried: 2, requestNextAttemptAt: 1_001 }),
      undefined,
    ],
    ['but for a newer edge then', unreached({ wanted: 3, requestTried: 2, requestNextAttemptAt: 1_001 }), 'edge'],
    ['not while a job is outstanding', unreached({ queued: 2, outstandingUntil: 9_999 }), undefined],
  ])('is due there %s', (_when, record, why) => {
    const at = { ...record, verifiedAt: record.requestedAt ?? record.verifiedAt ?? 0 }
    expect(fallbackDue(at, 'r1', true, policy, now)).toBe(why)
  })

  it('asks nothing in mode observe, where the second driver may not, or while no revision was made', () => {
    expect(fallbackDue(unreached(), 'r1', true, { ...policy, mode: 'observe' }, now)).toBeUndefined()
    expect(fallbackDue(unreached(), 'r1', false, policy, now)).toBeUndefined()
    expect(fallbackDue(unreached(), undefined, true, policy, now)).toBeUndefined()
    const [disabled] = candidates(
      [unreached({ resourceState: 'Maintenance' })],
      new Map([['KVM', 'r1']]),
      chains,
      policy,
      now,
    )
    expect(disabled?.fallback).toBeUndefined()
  })

  const choose = (record: HostRecord) => {
    const all = candidates([record], new Map([['KVM', 'r1']]), chains, policy, now)
    return select(all, { rolloutPercent: 25, verifyPerTick: 5 }, 7, now).map(({ why, fallback }) => [why, fallback])
  }

  it('tries the own driver first, then in turns', () => {
    expect(choose(unreached({ wanted: 3 }))).toEqual([['edge', false]])
    expect(choose(unreached())).toEqual([['edge', true]])
    expect(choose(unreached({ nextAttemptAt: 1 }))).toEqual([['edge', true]])
    expect(choose(unreached({ nextAttemptAt: 1, queuedTo: 'cloudstack' }))).toEqual([['edge', false]])
    expect(choose(unreached({ nextAttemptAt: 1, ...requested }))).toEqual([['edge', false]])
    expect(isFallbacksTurn(unreached(), 'verify')).toBe(false)
  })

  it('is held back by no hold that means that nobody is reached, but by another one', () => {
    const record = unreached({ wanted: 1, tried: 1, lastSettled: 'r0:apply' })
    const all = candidates([record], new Map([['KVM', 'r1']]), chains, policy, now)
    const keptBackBy = (cause: string) =>
      decideHolds(
        [
          ...all,
          { record: hostRecord({ id: 'other', failures: 1, reason: 'RunCrashed' }), eligible: true, why: undefined },
        ],
        [{ cause, state: 'held', since: 0, failing: 3, tried: 4, tolerated: 0, probes: 0 }],
        { holdHosts: 3, holdPercent: 25, probeMilliseconds: 600_000 },
        now,
      ).candidates[0]?.fallback
    expect(keptBackBy('KVM/HostUnreachable')).toBe('revision')
    expect(keptBackBy('KVM/RunCrashed')).toBeUndefined()
  })
})

describe('the status of a host that its own driver does not reach', () => {
  const status = (record: HostRecord, at = now) => statusOf(record, 'r1', ssh, policy, at)

  it('says that it was requested, by which driver, after which failure, and what is not known', () => {
    expect(status(unreached({ ...requested, ...asked }))).toMatchObject({
      status: 'Unknown',
      reason: 'RequestedUnverified',
      detail:
        'requested by cloudstack after kvm-ssh could not reach it: 192.0.2.11:22 did not answer (updateHost was answered)',
    })
    const request = { ...asked.request, answered: false }
    expect(requestedSays(unreached({ ...requested, ...asked, request }))).toMatch(
      /got no answer in time and counts as requested/,
    )
  })

  it('counts as fine only where that was asked for', () => {
    const rows = [status(unreached({ ...requested, ...asked }))]
    expect([count(rows).unknown, count(rows, true).unknown]).toEqual([1, 0])
  })

  it.each([
    ['before it was requested', unreached(), /^192.0.2.11:22 did not answer$/],
    ['once more is wanted', unreached({ ...requested, ...asked, wanted: 3 }), /older than what is wanted now/],
    [
      'when the request is three days old',
      unreached({ ...requested, ...asked, requestedAt: now - 3 * day - 1 }),
      /older/,
    ],
    [
      'when the request failed',
      unreached({ requestReason: 'CloudStackRefused', requestDetail: '530' }),
      /CloudStackRefused: 530/,
    ],
  ])('says that it is unreachable %s', (_when, record, detail) => {
    expect(status(record)).toMatchObject({ reason: 'HostUnreachable', detail: expect.stringMatching(detail) })
  })

  it('is verified again once its own driver finished a run', () => {
    expect(status(hostRecord())).toEqual({ status: 'InSync' })
  })
})
