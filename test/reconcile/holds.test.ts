import { describe, expect, it } from 'vitest'
import type { Why } from '../../shared/queue/queues.ts'
import { causesOf, decideHolds, type Hold, opened, probed } from '../../shared/reconcile/holds.ts'
import type { Reason } from '../../shared/reconcile/reasons.ts'
import type { HostRecord } from '../../shared/reconcile/record.ts'
import type { Candidate } from '../../shared/reconcile/select.ts'
import { hostRecord, without } from '../factories.ts'

const policy = { holdHosts: 3, holdPercent: 25, probeMilliseconds: 1000 }
const cause = 'KVM/HostUnreachable'
const label = 'KVM/UplinkMissing/pn-1'

const finding = (reason: Reason, uri = 'vlan://7') => ({ physicalNetwork: 'pn-1', uri, reason, detail: '' })
const good = (id: string, why?: Why, given: Partial<HostRecord> = {}): Candidate => ({
  record: hostRecord({ id, ...given }),
  eligible: true,
  why,
})
const failing = (id: string, why: Why | undefined = 'revision', given: Partial<HostRecord> = {}) =>
  good(id, why, { failures: 1, reason: 'HostUnreachable', ...given })
const several = (count: number, make: (id: string) => Candidate, prefix: string) =>
  Array.from({ length: count }, (_, n) => make(`${prefix}${n}`))
const zone = (bad: number, fine: number, why: Why | undefined = 'revision') => [
  ...several(bad, (id) => failing(id, why), 'bad'),
  ...several(fine, (id) => good(id, why), 'fine'),
]
const held: Hold = { cause, state: 'held', since: 0, failing: 3, tried: 12, tolerated: 0, probes: 0 }
const states = (holds: readonly Hold[]) => holds.map(({ cause: of, state }) => `${of} ${state}`)
const served = (candidates: readonly Candidate[]) => candidates.flatMap(({ record, why }) => (why ? [record.id] : []))

describe('a hold begins', () => {
  it.each([
    [2, 2, 'no: fewer hosts than the count'],
    [3, 10, 'no: a smaller share than the policy’s'],
    [3, 9, 'yes'],
    [30, 0, 'yes'],
  ])('when %i fail and %i do not: %s', (bad, fine, answer) => {
    const { holds } = decideHolds(zone(bad, fine), [], policy, 5)
    expect(states(holds)).toEqual(answer === 'yes' ? [`${cause} held`] : [])
  })

  it('by hosts that were tried and can be served, of one hypervisor', () => {
    const untried = several(
      20,
      (id) => ({ ...good(id), record: { ...hostRecord({ id }), ran: undefined } }) as never,
      'n',
    )
    const down = several(20, (id) => ({ ...good(id), eligible: false }), 'd')
    const others = several(20, (id) => good(id, undefined, { hypervisor: 'VMware' }), 'v')
    const { holds } = decideHolds([...zone(3, 9), ...untried, ...down, ...others], [], policy, 5)
    expect(holds).toMatchObject([{ failing: 3, tried: 12, since: 5 }])
    expect(
      decideHolds(
        zone(3, 9).map((each) => ({ ...each, eligible: false })),
        [],
        policy,
        5,
      ).holds,
    ).toEqual([])
  })

  it('from the label that several networks lack, once', () => {
    const exceptions = [finding('UplinkMissing', 'vlan://7'), finding('UplinkMissing', 'vlan://8')]
    const all = several(3, (id) => good(id, 'retry', { exceptions }), 'h')
    expect(states(decideHolds(all, [], policy, 0).holds)).toEqual([`${label} held`])
  })

  it('never from what a plan refuses for one network and stops nothing else', () => {
    const exceptions = [finding('Conflict'), finding('Unsupported'), finding('NameTooLong')]
    expect(
      decideHolds(
        several(9, (id) => good(id, 'retry', { exceptions }), 'h'),
        [],
        policy,
        0,
      ).holds,
    ).toEqual([])
  })

  it('for sixteen causes at most', () => {
    const exceptions = Array.from({ length: 64 }, (_, n) => finding('ApplyIncomplete', `vlan://${n}`))
    const { holds } = decideHolds(
      several(4, (id) => good(id, 'retry', { exceptions }), 'h'),
      [],
      policy,
      0,
    )
    expect(holds).toHaveLength(16)
  })
})

describe('while a cause is held', () => {
  it('edges and verifications go, revisions wait', () => {
    const all = [...zone(3, 3), good('edge', 'edge'), good('verify', 'verify'), failing('rebooted', 'edge')]
    expect(served(decideHolds(all, [], policy, 0).candidates)).toEqual(['edge', 'verify', 'rebooted'])
  })

  it('hosts of another hypervisor go on', () => {
    const other = good('v', 'revision', { hypervisor: 'VMware' })
    expect(served(decideHolds([...zone(3, 3), other], [], policy, 0).candidates)).toEqual(['v'])
  })

  it('a retry waits unless something else on the host may heal, too', () => {
    const only = several(3, (id) => good(id, 'retry', { exceptions: [finding('UplinkMissing')] }), 'only')
    const also = good('also', 'retry', { exceptions: [finding('UplinkMissing'), finding('Conflict')] })
    expect(served(decideHolds([...only, also], [], policy, 0).candidates)).toEqual(['also'])
  })

  it('a retry for what is not held goes', () => {
    const retry = good('r', 'retry', { exceptions: [finding('Conflict')] })
    expect(served(decideHolds([...zone(3, 3), retry], [held], policy, 0).candidates)).toEqual(['r'])
  })

  it('it outlives a revision that nobody has tried', () => {
    const { holds } = decideHolds(zone(3, 30), [held], policy, 10)
    expect(holds).toEqual([held])
  })

  it('one host an interval is let through: now one that fails, now another, the longest untried first', () => {
    const all = [
      failing('b1', 'revision', { ran: 5 }),
      failing('b2', 'revision', { ran: 4 }),
      failing('b3'),
      good('g', 'revision'),
    ]
    const early = decideHolds(all, [held], policy, 999)
    expect([...early.probes]).toEqual([])
    const first = decideHolds(all, [held], policy, 1000)
    expect([...first.probes]).toEqual([['b3', [cause]]])
    expect(served(first.candidates)).toEqual(['b3'])
    const after = probed(held, 'b3', 9, 1000)
    expect([...decideHolds(all, [after], policy, 1999).probes]).toEqual([])
    expect([...decideHolds(all, [after], policy, 2000).probes]).toEqual([['g', [cause]]])
  })
})

describe('a hold ends', () => {
  it('when nobody fails from it any more', () => {
    const { holds, candidates } = decideHolds(zone(0, 4), [held], policy, 10)
    expect(holds).toEqual([])
    expect(served(candidates)).toHaveLength(4)
  })

  it('when its probe came back without it, and not before it ran', () => {
    const after = probed(held, 'fine0', 9, 10)
    const before = zone(3, 3)
    expect(states(decideHolds(before, [after], policy, 11).holds)).toEqual([`${cause} held`])
    const ran = before.map((each) =>
      each.record.id === 'fine0' ? good('fine0', undefined, { ran: 9, verifiedAt: 10 }) : each,
    )
    const { holds, candidates } = decideHolds(ran, [after], policy, 12)
    expect(holds).toMatchObject([{ cause, state: 'open', since: 12, tolerated: 3, by: 'probe fine0' }])
    expect(served(candidates)).toHaveLength(5)
  })

  it.each([
    ['an older run', hostRecord({ id: 'fine0', ran: 9, verifiedAt: 9 })],
    ['no run', without(hostRecord({ id: 'fine0', ran: 9 }), 'verifiedAt')],
  ])('not when a pause put its probe back, and what is known is of %s', (_, putBack) => {
    const after = probed(held, 'fine0', 9, 10)
    const all = zone(3, 3).map((each) => (each.record.id === 'fine0' ? { ...each, record: putBack } : each))
    expect(decideHolds(all, [after], policy, 12).holds).toEqual([after])
  })

  it('not when its probe failed', () => {
    const after = probed(held, 'bad0', 9, 10)
    const ran = zone(3, 3).map((each) => (each.record.id === 'bad0' ? failing('bad0', undefined, { ran: 9 }) : each))
    expect(states(decideHolds(ran, [after], policy, 12).holds)).toEqual([`${cause} held`])
  })
})

describe('a hold that was opened', () => {
  const open = opened(held, 3, 20, 'someone')

  it('stays open over the hosts that failed then', () => {
    const { holds, candidates } = decideHolds(zone(3, 3), [open], policy, 21)
    expect(holds).toEqual([open])
    expect(served(candidates)).toHaveLength(6)
  })

  it('begins again when as many more fail', () => {
    expect(states(decideHolds(zone(5, 3), [open], policy, 21).holds)).toEqual([`${cause} open`])
    expect(states(decideHolds(zone(6, 3), [open], policy, 21).holds)).toEqual([`${cause} held`])
  })

  it('forgets those that came right, and is over when all did', () => {
    expect(decideHolds(zone(1, 5), [open], policy, 21).holds).toMatchObject([{ state: 'open', tolerated: 1 }])
    expect(decideHolds(zone(0, 6), [open], policy, 21).holds).toEqual([])
  })
})

it('a host fails from nothing once a run went well, whatever it once failed from', () => {
  expect(causesOf(hostRecord({ failures: 0, reason: 'HostUnreachable' }))).toEqual([])
  expect(causesOf(hostRecord({ failures: 2, reason: 'HostUnreachable' }))).toEqual([cause])
})

it('counts what a pool refuses like what a host does: the login by itself, an uplink by its label, a step by its network', () => {
  const xen = (given: Partial<HostRecord>) => causesOf(hostRecord({ hypervisor: 'XenServer', ...given }))
  expect(xen({ failures: 1, reason: 'XapiRefused' })).toEqual(['XenServer/XapiRefused'])
  expect(xen({ exceptions: [finding('UplinkUnusable')] })).toEqual(['XenServer/UplinkUnusable/pn-1'])
  expect(xen({ exceptions: [finding('XapiFailed')] })).toEqual(['XenServer/XapiFailed/pn-1/vlan://7'])
  expect(xen({ failures: 1, reason: 'VcenterRefused' })).toEqual(['XenServer/VcenterRefused'])
  expect(xen({ exceptions: [finding('VcenterFailed')] })).toEqual(['XenServer/VcenterFailed/pn-1/vlan://7'])
  expect(xen({ exceptions: [finding('NoCarrier'), finding('SplitNetwork')] })).toEqual([])
})

/** A small generator, so that every run of the property is the same. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** Steps of a zone in which what is served runs at once, failing as `broken` says. @returns the holds at the end */
function live(hosts: readonly string[], broken: (host: string) => boolean, from: State, ticks: number): State {
  let { records, holds, now } = from
  for (let tick = 0; tick < ticks; tick++, now += 500) {
    const all = hosts.map((id): Candidate => {
      const record = records.get(id) ?? hostRecord({ id, settled: 'r0:apply' })
      return {
        record,
        eligible: true,
        why: record.settled === 'r1:apply' && record.failures === 0 ? undefined : 'revision',
      }
    })
    const decided = decideHolds(all, holds, policy, now)
    const inTurn = decided.candidates
      .filter(({ why }) => why !== undefined)
      .sort((one, other) => (one.record.ran ?? 0) - (other.record.ran ?? 0))
      .slice(0, 3)
    holds = decided.holds.map((hold) => {
      const host = inTurn.find(({ record }) => decided.probes.get(record.id)?.includes(hold.cause))?.record.id
      return host === undefined ? hold : probed(hold, host, now, now)
    })
    const ran = inTurn.map(({ record }) => {
      const fails = broken(record.id)
      const end = fails
        ? ({ failures: 1, reason: 'HostUnreachable' } as const)
        : ({ failures: 0, settled: 'r1:apply', verifiedAt: now } as const)
      return [record.id, { ...record, ...end, ran: now }] as const
    })
    records = new Map([...records, ...ran])
  }
  return { records, holds, now }
}

interface State {
  readonly records: ReadonlyMap<string, HostRecord>
  readonly holds: readonly Hold[]
  readonly now: number
}

it('never lasts when its cause is gone, and keeps most hosts from it while it is there (200 zones)', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = numbers(seed)
    const hosts = Array.from({ length: 8 + Math.floor(random() * 40) }, (_, n) => `h${n}`)
    const start: State = { records: new Map(), holds: [], now: 1 }
    const during = live(hosts, () => true, start, 6)
    expect(during.holds, `seed ${seed}`).toMatchObject([{ state: 'held' }])
    const failed = [...during.records.values()].filter((record) => record.failures > 0).length
    expect(failed, `seed ${seed}`).toBeLessThanOrEqual(Math.ceil(hosts.length / 4) + 3 + 1)
    const ownFault = hosts[Math.floor(random() * hosts.length)]
    const after = live(hosts, (host) => host === ownFault, during, 40 + hosts.length)
    expect(
      after.holds.filter(({ state }) => state === 'held'),
      `seed ${seed}`,
    ).toEqual([])
    const right = [...after.records.values()].filter((record) => record.settled === 'r1:apply' && record.failures === 0)
    expect(right.length, `seed ${seed}`).toBeGreaterThanOrEqual(hosts.length - 1)
  }
})
