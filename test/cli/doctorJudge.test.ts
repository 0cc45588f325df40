import { describe, expect, it } from 'vitest'
import { runChecks, worst } from '../../infra/cli/doctor/check.ts'
import { judgeCost } from '../../infra/cli/doctor/judge.ts'
import { judgeClock, judgeTls } from '../../infra/cli/doctor/judgeWire.ts'
import { skewOf } from '../../infra/cli/doctor/wire.ts'
import type { CloudFacts } from '../../shared/reconcile/model.ts'

describe('checks', () => {
  const fine = { check: 'fine', level: 'ok', found: 'f', wanted: 'w', fix: '' } as const

  it('that break or do not end are findings, and the next one is run', async () => {
    const found = await runChecks(
      [
        { name: 'hangs', atMost: 0.02, run: () => new Promise(() => {}) },
        { name: 'breaks', atMost: 1, run: () => Promise.reject(new TypeError('not a function')) },
        { name: 'fine', atMost: 1, run: async () => [fine] },
      ],
      () => {},
    )
    expect(found.map(({ check, level, found: what }) => [check, level, what])).toEqual([
      ['hangs', 'error', 'it did not end within 0.02 s'],
      ['breaks', 'error', 'TypeError: not a function'],
      ['fine', 'ok', 'f'],
    ])
    expect([worst(found), worst([fine]), worst([])]).toEqual(['error', 'ok', 'ok'])
  })
})

describe('clocks', () => {
  it.each([
    [0, 'ok', 'the same'],
    [-59_000, 'ok', 'this machine is 59 s ahead of the server'],
    [61_000, 'warning', 'this machine is 61 s behind the server'],
    [-299_000, 'warning', 'this machine is 299 s ahead of the server'],
    [300_000, 'error', 'this machine is 300 s behind the server'],
    [undefined, 'warning', 'the server tells no time'],
  ])('%s ms apart: %s', (skew, level, found) => {
    expect(judgeClock(skew)).toMatchObject({ level, found })
  })

  it('are compared at the middle of the exchange, by the middle of the second', () => {
    const date = 'Thu, 26 Nov 2026 12:00:00 GMT'
    const served = Date.parse(date)
    expect(skewOf(date, served - 1000, served + 2000)).toBe(0)
    expect(skewOf(date, served + 59_500, served + 61_500)).toBe(-60_000)
    expect([skewOf(undefined, 0, 0), skewOf('soon', 0, 0)]).toEqual([undefined, undefined])
  })
})

describe('a certificate', () => {
  it.each([
    [{ kind: 'tls', protocol: 'TLSv1.3', endsInDays: 30 }, 'ok'],
    [{ kind: 'tls', protocol: 'TLSv1.3', endsInDays: 29 }, 'warning'],
    [{ kind: 'failed', code: 'CERT_HAS_EXPIRED' }, 'error'],
    [{ kind: 'unseen', why: 'a proxy' }, 'ok'],
    [{ kind: 'http' }, 'warning'],
  ] as const)('%j: %s', (seen, level) => {
    expect(judgeTls(seen).level).toBe(level)
  })
})

describe('the cost of a tick', () => {
  const facts: CloudFacts = { zones: [], physicalNetworks: [], guestLabels: [], offerings: [], networks: [] }
  const cost = (hosts: number, events: number, networks: number) =>
    judgeCost(
      { value: 10_000, milliseconds: hosts },
      { value: {}, milliseconds: events },
      { value: facts, milliseconds: networks },
    )

  it.each([
    [10_000, 1000, 9000, 'ok', ''],
    [10_000, 1000, 9001, 'warning', 'Deploy with --param rate="rate(2 minutes)" or longer.'],
    [60_000, 1000, 10_000, 'warning', 'Deploy with --param rate="rate(4 minutes)" or longer.'],
  ])('%i + %i + %i ms is %s', (hosts, events, networks, level, fix) => {
    expect(cost(hosts, events, networks)).toMatchObject({ level, fix })
  })

  it('is told with its parts', () => {
    expect(cost(60_000, 1000, 50).found).toBe(
      '10000 hosts in 60.0 s, 0 persistent networks in 0.050 s: a tick that lists all takes 61.0 s, which allows an interval of 184 s or more',
    )
  })
})
