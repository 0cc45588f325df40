/** What every store engine must do for the rate and the breaker against CloudStack; a part of the store's contract. */
import { expect, it } from 'vitest'
import { breaker } from '../../shared/reconcile/breaker.ts'
import { payment, ratePolicyOf } from '../../shared/reconcile/rate.ts'
import * as gateWrites from '../../shared/store/gateWrites.ts'
import { type Control, controlKey, readControl } from '../../shared/store/items.ts'
import type { Store } from '../../shared/store/store.ts'
import { acquireTick } from '../../shared/store/writes.ts'

/** Ten a second: each request costs 100 ms. */
const policy = ratePolicyOf(10, 20)

/** @param ownCloud a cloud that no other case works in */
export function gateWritesContract(store: () => Store, ownCloud: () => string): void {
  const pay = async (
    cloud: string,
    how: 'now' | 'add',
    now: number,
    requests = 1,
    trial?: gateWrites.Paying['trial'],
  ) =>
    readControl(
      await store().update(
        gateWrites.pay(cloud, { payment: payment(policy, requests, 1_000, now), how, ...(trial && { trial }) }),
      ),
    )
  const failed = async (cloud: string, times: number, now: number): Promise<Control | undefined> => {
    let control: Control | undefined
    for (let count = 0; count < times; count++) {
      control = readControl(await store().update(gateWrites.noAnswerCame(cloud, `why ${count}`, now + count)))
    }
    return control
  }
  const stored = async (cloud: string) => readControl(await store().get(controlKey(cloud)))

  it('takes a payment from now on only where nobody paid beyond now, and adds one only where somebody did', async () => {
    const cloud = ownCloud()
    expect(await pay(cloud, 'add', 1_000)).toBeUndefined()
    expect(await pay(cloud, 'now', 1_000)).toMatchObject({ paidUntil: 1_100 })
    expect(await pay(cloud, 'now', 1_000)).toBeUndefined()
    expect(await pay(cloud, 'add', 1_000, 3)).toMatchObject({ paidUntil: 1_400 })
    expect(await pay(cloud, 'add', 1_400)).toBeUndefined()
    expect(await pay(cloud, 'now', 1_400)).toMatchObject({ paidUntil: 1_500 })
  })

  it('adds up what many pay at once', async () => {
    const cloud = ownCloud()
    await pay(cloud, 'now', 1_000)
    await Promise.all(Array.from({ length: 8 }, () => pay(cloud, 'add', 1_000)))
    expect(await stored(cloud)).toMatchObject({ paidUntil: 1_900 })
  })

  it('takes no payment of who would wait too long, but for a time stamp that is impossible', async () => {
    const cloud = ownCloud()
    await pay(cloud, 'now', 1_000, 50)
    expect(await pay(cloud, 'add', 1_000)).toBeUndefined()
    const wrong = ownCloud()
    await pay(wrong, 'now', 86_400_000)
    expect(await pay(wrong, 'now', 1_000)).toMatchObject({ paidUntil: 1_100 })
  })

  it('pays for a tick in the write that takes its lease, or does neither', async () => {
    const cloud = ownCloud()
    const paying = { payment: payment(policy, 4, 1_000, 1_000), how: 'now' } as const
    const take = async (me: string, now: number) =>
      readControl(await store().update(acquireTick(cloud, me, now, now + 50, paying)))
    expect(await take('a', 1_000)).toMatchObject({ tick: 1, holder: 'a', paidUntil: 1_400 })
    expect(await take('b', 1_060)).toBeUndefined()
    expect(await stored(cloud)).toMatchObject({ tick: 1, holder: 'a', paidUntil: 1_400 })
  })

  it('counts requests without an answer since the first one, and forgets them with an answer', async () => {
    const cloud = ownCloud()
    const control = await failed(cloud, 3, 7)
    expect(control).toMatchObject({ noAnswers: 3, noAnswerSince: 7, noAnswer: 'why 2' })
    expect(await store().update(gateWrites.answered(cloud, { noAnswers: 2 }))).toBeUndefined()
    const after = readControl(await store().update(gateWrites.answered(cloud, { noAnswers: 3 })))
    expect(after).toMatchObject({ noAnswers: 0 })
    for (const attribute of ['noAnswerSince', 'noAnswer', 'leftAloneUntil']) expect(after).not.toHaveProperty(attribute)
  })

  it('takes no payment while CloudStack is left alone, and then of one that tries', async () => {
    const cloud = ownCloud()
    await failed(cloud, breaker.failures, 0)
    await store().update(gateWrites.leaveAlone(cloud, 5_000, 10, undefined))
    expect(await pay(cloud, 'now', 4_999)).toBeUndefined()
    expect(await pay(cloud, 'now', 5_000)).toBeUndefined()
    const all = await Promise.all(
      [1, 2, 3, 4].map((n) => pay(cloud, 'now', 5_000, 1, { asRead: 5_000, until: 90_000 + n })),
    )
    expect(all.filter((control) => control !== undefined)).toHaveLength(1)
    expect(await stored(cloud)).toMatchObject({ paidUntil: 5_100 })
  })

  it('moves on the time in which CloudStack is left alone only by the one that tried, or when it is over', async () => {
    const cloud = ownCloud()
    const leave = (until: number, now: number, asRead?: number) =>
      store().update(gateWrites.leaveAlone(cloud, until, now, asRead))
    expect(await leave(100, 0)).toBeDefined()
    expect(await leave(50, 60)).toBeUndefined()
    expect(await leave(120, 60, 90)).toBeUndefined()
    expect(await leave(120, 60, 100)).toMatchObject({ leftAloneUntil: 120 })
    expect(await leave(130, 120)).toMatchObject({ leftAloneUntil: 130 })
  })

  it('leaves CloudStack alone for as long as it ever asked, and lets requests go when that is over', async () => {
    const cloud = ownCloud()
    expect(await store().update(gateWrites.askedToWait(cloud, 200))).toMatchObject({ leftAloneUntil: 200 })
    expect(await store().update(gateWrites.askedToWait(cloud, 150))).toBeUndefined()
    expect(await pay(cloud, 'now', 199)).toBeUndefined()
    expect(await pay(cloud, 'now', 200)).toMatchObject({ paidUntil: 300 })
  })
}
