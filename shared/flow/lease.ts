/**
 * A tick's beginning: its lease, its number, and its first requests to CloudStack paid for, in one write. In: the control
 * item as it is. Out: the control as that write left it, or why there is no tick; then nothing was written.
 */
import { breaker, type Health, healthSays } from '../reconcile/breaker.ts'
import { noTicket, patience, payment, paymentSays, ticketOf } from '../reconcile/rate.ts'
import type { Ports } from '../runtime/ports.ts'
import type { Paying } from '../store/gateWrites.ts'
import { type Control, controlKey, readControl } from '../store/items.ts'
import { acquireTick } from '../store/writes.ts'
import type { Policy } from './policy.ts'
import { leftAlone, type SharedGate } from './sharedGate.ts'

export type NoTick =
  | { readonly skipped: 'another snapshot holds the lease' | 'a newer version runs here' }
  | { readonly failed: string }

/** What a first tick pays for; later ones pay for as many as the one before sent. */
const atFirst = 4
/** The control changes between reading and writing it while others ask CloudStack. */
const attempts = 5

export async function takeTick(
  ports: Ports,
  gate: SharedGate,
  policy: Policy,
  me: string,
  leaseMilliseconds: number,
): Promise<{ readonly control: Control } | NoTick> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const item = await ports.store.get(controlKey(policy.cloud))
    const before = readControl(item)
    if (item !== undefined && before === undefined) return { skipped: 'a newer version runs here' }
    const now = ports.now()
    if (before?.holder !== undefined && before.until !== undefined && before.until > now) break
    const health: Health = before ?? { noAnswers: 0 }
    const says = healthSays(health, now)
    if (says === 'no' || (says === 'wait' && (health.leftAloneUntil ?? now) - now > patience.tick)) {
      return { failed: leftAlone(health).message }
    }
    const { requests, paying } = firstRequests(policy, before, says === 'try', now)
    const acquired = await ports.store.update(acquireTick(policy.cloud, me, now, now + leaseMilliseconds, paying))
    const control = readControl(acquired)
    if (control === undefined) continue
    const ticket = paying === undefined ? noTicket : ticketOf(requests, paying.payment, control.paidUntil ?? now)
    gate.begin({ control, ticket, leaseUntil: now + leaseMilliseconds, trial: paying?.trial?.until })
    return { control }
  }
  return { skipped: 'another snapshot holds the lease' }
}

/** No payment while the rate is used up, or CloudStack asked for some seconds: then the first request waits, or says so. */
function firstRequests(
  { rate }: Policy,
  before: Control | undefined,
  tries: boolean,
  now: number,
): { readonly requests: number; readonly paying: Paying | undefined } {
  const requests = tries ? 1 : Math.max(1, Math.min(rate.ahead, before?.requests ?? atFirst))
  const paid = payment(rate, requests, patience.tick, now)
  const how = paymentSays(before?.paidUntil, paid)
  const waits = healthSays(before ?? { noAnswers: 0 }, now) === 'wait'
  if (how === 'no' || waits) return { requests, paying: undefined }
  const asRead = tries ? before?.leftAloneUntil : undefined
  const trial = asRead === undefined ? {} : { trial: { asRead, until: now + breaker.trial } }
  return { requests, paying: { payment: paid, how, ...trial } }
}
