/**
 * The gate that all functions of one cloud share (DESIGN 21): before a request to CloudStack goes it is paid for on the
 * control item, and what became of it is told there. In: the store and a clock. Out: a Gate that waits, lets go or refuses.
 *
 * - a first request pays for itself; who goes on asking pays for twice as many each time, in one write
 * - what is known of CloudStack's health is never older than five seconds
 * - one at a time: what one function asks at once goes in the order in which it was asked
 */
import { LeftAlone, RateUsedUp } from '../cloudstack/errors.ts'
import type { Gate } from '../cloudstack/gate.ts'
import { breaker, type Health, healthSays, isOpen, leaveAloneUntil } from '../reconcile/breaker.ts'
import {
  goesAt,
  isValid,
  noTicket,
  patience,
  payment,
  paymentSays,
  type RatePolicy,
  spent,
  type Ticket,
  ticketOf,
} from '../reconcile/rate.ts'
import type { Ports } from '../runtime/ports.ts'
import * as gateWrites from '../store/gateWrites.ts'
import { type Control, controlKey, readControl } from '../store/items.ts'
import type { Item, Write } from '../store/store.ts'

/** What a tick took with its lease. */
export interface Prepaid {
  readonly control: Control
  readonly ticket: Ticket
  readonly leaseUntil: number
  /** Until when the tick's first request is the one that tries; undefined while CloudStack answers. */
  readonly trial: number | undefined
}

export interface SharedGate extends Gate {
  /** From now on, until its lease ends, requests are a tick's own. */
  begin(prepaid: Prepaid): void
  /** Requests that were let go since then. */
  passed(): number
}

export interface GateOptions extends Pick<Ports, 'store' | 'logger' | 'now'> {
  readonly cloud: string
  readonly rate: RatePolicy
  readonly sleep: (milliseconds: number) => Promise<unknown>
}

const freshMilliseconds = 5_000
/** Each lost race means that somebody else paid. */
const attempts = 10

/** Never a failure of CloudStack, and none of the rate that anybody could change. */
const newerVersion = 'a newer version of Bridgekeeper runs here: CloudStack is asked nothing by this one'

export function createSharedGate({ store, logger, now, cloud, rate, sleep }: GateOptions): SharedGate {
  let known: { readonly control: Control | undefined; readonly at: number } | undefined
  let ticket = noTicket
  let bought = 0
  let leaseUntil: number | undefined
  let trial: number | undefined
  let passed = 0
  let line: Promise<unknown> = Promise.resolve()

  const learn = (item: Item | undefined): Control | undefined => {
    const control = readControl(item)
    if (item !== undefined && control === undefined) throw new LeftAlone(newerVersion)
    known = { control, at: now() }
    return control
  }

  const fresh = async (): Promise<Control | undefined> =>
    known !== undefined && now() - known.at < freshMilliseconds
      ? known.control
      : learn(await store.get(controlKey(cloud)))

  /** @param limit when whoever asks has to end */
  const longest = (limit: number): number =>
    Math.min(leaseUntil === undefined ? patience.others : patience.tick, Math.max(0, limit - now()))

  /** Waits while CloudStack asked for it. @throws LeftAlone @returns whether this request is to be the one that tries */
  const healthy = async (limit: number): Promise<boolean> => {
    for (;;) {
      const control = await fresh()
      const health: Health = control ?? { noAnswers: 0 }
      const says = healthSays(health, now())
      if (says === 'go') return false
      if (says === 'try') return true
      const until = health.leftAloneUntil ?? now()
      if (trial !== undefined && until === trial) return false
      if (says === 'no' || until - now() > longest(limit)) throw leftAlone(health)
      await sleep(until - now())
    }
  }

  /** @throws LeftAlone, RateUsedUp */
  const buy = async (limit: number): Promise<void> => {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const tries = (await healthy(limit)) ? known?.control?.leftAloneUntil : undefined
      const at = now()
      const requests = tries === undefined ? Math.max(1, Math.min(rate.ahead, bought * 2)) : 1
      const paid = payment(rate, requests, longest(limit), at)
      const how = paymentSays(known?.control?.paidUntil, paid)
      if (how === 'no') throw usedUp(rate)
      const own = tries === undefined ? undefined : { asRead: tries, until: at + breaker.trial }
      const item = await store.update(gateWrites.pay(cloud, { payment: paid, how, ...(own && { trial: own }) }))
      if (item === undefined) {
        learn(await store.get(controlKey(cloud)))
        continue
      }
      ticket = ticketOf(requests, paid, learn(item)?.paidUntil ?? at)
      bought = requests
      trial = own?.until
      return
    }
    throw usedUp(rate)
  }

  /** @throws LeftAlone, RateUsedUp */
  const one = async (limit: number): Promise<void> => {
    for (;;) {
      if (leaseUntil !== undefined && now() >= leaseUntil) leaseUntil = undefined
      if (!isValid(rate, ticket, now(), leaseUntil)) {
        if (ticket.left > 0) bought = 0
        await buy(limit)
        continue
      }
      if (await healthy(limit)) {
        ticket = noTicket
        continue
      }
      const wait = goesAt(rate, ticket) - now()
      if (wait > 0 && now() + wait > limit) throw usedUp(rate)
      if (wait > 0) await sleep(wait)
      else if (isValid(rate, ticket, now(), leaseUntil)) break
    }
    ticket = spent(rate, ticket)
    trial = undefined
    passed++
  }

  /** Nobody's request fails because it could not be told what became of it. */
  const tell = async (write: Write): Promise<Item | undefined> => {
    try {
      const item = await store.update(write)
      if (item !== undefined) learn(item)
      return item
    } catch (error) {
      logger.warn('what became of a request to CloudStack could not be stored', { cloud, error: String(error) })
      return undefined
    }
  }

  return {
    pass: (until = Number.POSITIVE_INFINITY) => {
      const turn = line.then(() => one(until))
      line = turn.catch(() => undefined)
      return turn
    },
    answered: async () => {
      const health = known?.control
      if (health !== undefined && health.noAnswers > 0) await tell(gateWrites.answered(cloud, health))
    },
    failed: async (why) => {
      const asRead = known?.control?.leftAloneUntil
      const health = readControl(await tell(gateWrites.noAnswerCame(cloud, why, now())))
      const until = health === undefined ? undefined : leaveAloneUntil(health, now())
      if (until === undefined) return
      const opened = await tell(gateWrites.leaveAlone(cloud, until, now(), asRead))
      if (opened !== undefined) logger.error('CloudStack is left alone', { cloud, why, until: timeOf(until) })
    },
    askedToWait: async (milliseconds) => void (await tell(gateWrites.askedToWait(cloud, now() + milliseconds))),
    begin: (prepaid) => {
      known = { control: prepaid.control, at: now() }
      ticket = prepaid.ticket
      bought = prepaid.ticket.left
      leaseUntil = prepaid.leaseUntil
      trial = prepaid.trial
      passed = 0
    },
    passed: () => passed,
  }
}

const timeOf = (milliseconds: number): string => `${new Date(milliseconds).toISOString().slice(0, 19)}Z`

/** Since when, why, and until when. */
export function leftAlone(health: Health): LeftAlone {
  const until = `it is asked again at ${timeOf(health.leftAloneUntil ?? 0)}`
  if (!isOpen(health)) return new LeftAlone(`CloudStack asked to be left alone (Retry-After): ${until}`)
  const since = health.noAnswerSince === undefined ? '' : ` since ${timeOf(health.noAnswerSince)}`
  const why = health.noAnswer === undefined ? '' : ` (${health.noAnswer})`
  return new LeftAlone(`CloudStack gave ${health.noAnswers} times no answer${since}: ${until}${why}`)
}

const usedUp = ({ interval }: RatePolicy): RateUsedUp =>
  new RateUsedUp(
    `all functions together ask CloudStack as often as they may, ${Math.round(1000 / interval)} times a second: ` +
      'it is asked again later; if this stays, raise BRIDGEKEEPER_CLOUDSTACK_RATE',
  )
