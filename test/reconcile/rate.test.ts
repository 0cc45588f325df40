import { describe, expect, it } from 'vitest'
import {
  goesAt,
  isValid,
  noTicket,
  type Payment,
  patience,
  payment,
  paymentSays,
  type RatePolicy,
  ratePolicyOf,
  spent,
  type Ticket,
  ticketOf,
} from '../../shared/reconcile/rate.ts'
import { createRandom, type Random } from '../simulation/random.ts'

const payOf = (now: number): Payment => payment(ratePolicyOf(10, 100), 1, patience.others, now)

describe('a payment', () => {
  it.each([
    ['nobody ever paid', undefined, 'now'],
    ['all that was paid for is past', 1_000_000, 'now'],
    ['somebody paid beyond now', 1_000_001, 'add'],
    ['somebody waits as long as anyone does', 1_000_000 + 4_900 + 20_000, 'add'],
    ['it would have to wait longer', 1_000_001 + 4_900 + 20_000, 'no'],
    ['it is a minute ahead', 1_060_000, 'no'],
    ['a wrong clock paid a day ahead', 1_000_000 + 86_400_000, 'now'],
  ] as const)('when %s: %s is %s', (_told, paidUntil, says) => {
    expect(paymentSays(paidUntil, payOf(1_000_000))).toBe(says)
  })

  it('lets a tick wait longer than the others, who never crowd it out', () => {
    const others = payment(ratePolicyOf(10, 100), 25, patience.others, 0)
    const latest = others.until + others.cost
    expect(paymentSays(latest, payment(ratePolicyOf(10, 100), 25, patience.tick, 0))).toBe('add')
  })

  it('costs whole milliseconds, never too few', () => {
    expect(payment(ratePolicyOf(3, 10), 2, 0, 0).cost).toBe(667)
  })
})

describe('a burst', () => {
  it.each([4, 5, 7, 100, 1001])('of %i is spent to the last request and not beyond', (burst) => {
    const { interval, ahead, late, early } = ratePolicyOf(5, burst)
    expect(ahead + late / interval + early / interval + 1).toBe(burst)
  })

  it.each([
    [10, 100],
    [2, 12],
    [50, 4],
  ])('is all that can go at one moment, at %i a second and %i at once, whoever waited for it', (perSecond, burst) => {
    const policy = ratePolicyOf(perSecond, burst)
    const [now, old] = [1_000_000, { left: policy.ahead, slot: 0 }]
    const slots = Array.from({ length: 4 * burst }, (_, n) => ({
      left: 1,
      slot: now + (n - 2 * burst) * policy.interval,
    }))
    const goes = slots.filter((one) => isValid(policy, one, now, undefined) && goesAt(policy, one) <= now)
    expect(isValid(policy, old, now, now + 1)).toBe(true)
    expect(goes.length + old.left).toBe(burst)
    expect([isValid(policy, old, now, now), isValid(policy, old, now, undefined)]).toEqual([false, false])
  })

  it('goes at once while nobody else asks, as far as it is not kept for ticks and for late ones', () => {
    const policy = ratePolicyOf(10, 100)
    let ticket = ticketOf(60, payment(policy, 60, 0, 0), 6_000)
    const at: number[] = []
    for (; ticket.left > 0; ticket = spent(policy, ticket)) at.push(Math.max(0, goesAt(policy, ticket)))
    expect(at.filter((time) => time === 0)).toHaveLength(50)
    expect(at.slice(-2)).toEqual([900, 1_000])
  })
})

/** One function after the other asks, sleeps, is late, often all to the same moment; ticks pay ahead and spend when they like. */
function requestsOf(policy: RatePolicy, random: Random): readonly number[] {
  const sent: number[] = []
  const functions = Array.from({ length: 8 }, (_, index) => ({
    tick: index === 0,
    next: 0,
    ticket: noTicket as Ticket,
    leaseUntil: undefined as number | undefined,
  }))
  let paidUntil: number | undefined
  let now = 0
  for (let step = 0; step < 2_000; step++) {
    const one = functions.reduce((first, other) => (other.next < first.next ? other : first))
    now = Math.max(now, one.next)
    if (one.tick && (one.leaseUntil ?? 0) <= now) {
      one.leaseUntil = now + 300_000
      one.ticket = noTicket
    }
    if (!isValid(policy, one.ticket, now, one.leaseUntil)) {
      const requests = random.whole(1, policy.ahead)
      const paid = payment(policy, requests, one.tick ? patience.tick : patience.others, now)
      const says = paymentSays(paidUntil, paid)
      if (says !== 'no') {
        paidUntil = (says === 'now' ? now : (paidUntil ?? 0)) + paid.cost
        one.ticket = ticketOf(requests, paid, paidUntil)
      } else one.next = now + 1_000
      continue
    }
    const at = goesAt(policy, one.ticket)
    if (at > now) {
      one.next = at + (random.chance(0.2) ? random.whole(0, 5_000) : 0)
      continue
    }
    sent.push(now)
    one.ticket = spent(policy, one.ticket)
    const together = (Math.floor(now / 20_000) + 1) * 20_000
    one.next = random.chance(0.1) ? together : now + random.whole(0, 300)
  }
  return sent
}

describe('in any window of any sequence', () => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed))(
    'there are at most rate × w + burst requests, seed %i',
    (seed) => {
      const random = createRandom(`rate ${seed}`)
      const [perSecond, burst] = [random.whole(1, 50), random.whole(4, 60)]
      const sent = requestsOf(ratePolicyOf(perSecond, burst), random)
      expect(sent.length).toBeGreaterThan(100)
      for (const [first, from] of sent.entries()) {
        for (let last = first; last < sent.length; last++) {
          const seconds = ((sent[last] ?? from) - from) / 1000
          if (last - first + 1 > perSecond * seconds + burst + 1e-6) {
            expect.fail(`${last - first + 1} requests in ${seconds} s, at ${perSecond} a second and ${burst} at once`)
          }
        }
      }
    },
  )
})
