import { describe, expect, it } from 'vitest'
import { count, green, statusOf } from '../../shared/reconcile/status.ts'
import { hostRecord, without } from '../factories.ts'

const policy = {
  mode: 'apply',
  verifyMilliseconds: 1_000,
  repeatMilliseconds: 10_000,
  agentVerifyMilliseconds: 6_000,
} as const
const ssh = { verifies: true, needsEnabled: false, keepsItself: false }
const api = { verifies: false, needsEnabled: true, keepsItself: false }
const busy = { queued: 2, outstandingUntil: 9_999 }

describe('the status of a host', () => {
  it.each([
    ['that its last run left right', hostRecord(), ssh, 'InSync', undefined],
    ['that is not Up', hostRecord({ state: 'Alert' }), ssh, 'Unknown', 'HostNotUp'],
    ['that nobody can serve', hostRecord(), undefined, 'Unknown', 'NoDriver'],
    ['with a new edge', hostRecord({ wanted: 2 }), ssh, 'Unknown', 'NotYetVerified'],
    ['with a new edge and a job', hostRecord({ wanted: 2, ...busy }), ssh, 'Unknown', 'Updating'],
    [
      'whose run failed',
      hostRecord({ wanted: 2, failures: 1, reason: 'LoginRefused' }),
      ssh,
      'Unknown',
      'LoginRefused',
    ],
    [
      'whose run broke off',
      without(hostRecord({ failures: 1, reason: 'RunCrashed' }), 'settled'),
      ssh,
      'Unknown',
      'RunCrashed',
    ],
    ['that lacks new networks', hostRecord({ settled: 'r0:apply' }), ssh, 'OutOfSync', 'NewNetworks'],
    ['that gets new networks now', hostRecord({ settled: 'r0:apply', ...busy }), ssh, 'OutOfSync', 'Updating'],
    ['with an exception', hostRecord({ verdict: 'OutOfSync', reason: 'Conflict' }), ssh, 'OutOfSync', 'Conflict'],
    ['that was verified too long ago', hostRecord({ verifiedAt: -3_001 }), ssh, 'Unknown', 'Stale'],
    [
      'that is verified just now stays as it was',
      hostRecord({ ...busy, queuedWhy: 'verify' }),
      ssh,
      'InSync',
      undefined,
    ],
    [
      'that was only asked for',
      hostRecord({ verdict: 'Unknown', reason: 'RequestedUnverified' }),
      api,
      'Unknown',
      'RequestedUnverified',
    ],
  ])('%s', (_which, record, driver, status, reason) => {
    expect(statusOf(record, 'r1', driver, policy, 0)).toMatchObject({ status, ...(reason ? { reason } : {}) })
  })

  it('names the next step with every reason', () => {
    expect(statusOf(hostRecord({ state: 'Down' }), 'r1', ssh, policy, 0).next).toMatch(/Bring the host Up/)
  })
})

describe('a roll-up', () => {
  it('is green only if every host that is Up is in sync; those not Up count apart', () => {
    const inSync = { status: 'InSync' } as const
    const down = { status: 'Unknown', reason: 'HostNotUp' } as const
    const unknown = { status: 'Unknown', reason: 'Stale' } as const
    expect(count([inSync, down])).toEqual({ hosts: 2, inSync: 1, outOfSync: 0, unknown: 0, notUp: 1 })
    expect(green(count([inSync, down]))).toBe(true)
    expect(green(count([inSync, unknown]))).toBe(false)
  })

  it('counts what was requested as fine only where that was asked for', () => {
    const requested = { status: 'Unknown', reason: 'RequestedUnverified' } as const
    expect(green(count([requested]))).toBe(false)
    expect(green(count([requested], true))).toBe(true)
  })
})
