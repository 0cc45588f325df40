/** A small cloud's day, and the bill's arithmetic by hand. */
import { describe, expect, it } from 'vitest'
import { billOf } from './bill.ts'
import { createCountingStore, sizeOf } from './counting.ts'
import { type Counts, countDay } from './day.ts'

const cloud = { hosts: 10, networks: 5, interval: 600, verify: 3600, churn: 0.2 }

describe('a day of ten hosts', () => {
  it('is a tick each ten minutes, a job for each host that came back, and one for each verification', async () => {
    const without = await countDay({ ...cloud, verify: 0 })
    const withIt = await countDay(cloud)
    expect(without.invocations).toMatchObject({ snapshot: 144, provisionKvm: 2 })
    expect(withIt.invocations.snapshot).toBe(144)
    // Each hour, spread by up to a tenth, and found by the next tick.
    expect(withIt.invocations.provisionKvm).toBeGreaterThan(10 * 19)
    expect(withIt.invocations.provisionKvm).toBeLessThan(10 * 27)
    expect(withIt.writes).toBeGreaterThan(without.writes + 3 * 190)
    // A quiet tick: the control item, the records, two writes of the control item.
    expect(without.reads / 144).toBeGreaterThan(3)
    expect(without.reads / 144).toBeLessThan(12)
    expect(without.writes / 144).toBeLessThan(5)
  }, 60_000)
})

describe('a bill', () => {
  const counts = (given: Partial<Counts>): Counts => ({
    invocations: { snapshot: 0, diff: 0, provisionKvm: 0 },
    ...{ reads: 0, writes: 0, sqsRequests: 0, stored: 0 },
    ...given,
  })
  const lineOf = (what: RegExp, without: Counts, withIt = without) =>
    billOf(cloud, without, withIt).lines.find((line) => what.test(line.what))?.dollars

  it('is what a month of such days comes to', () => {
    expect(lineOf(/reads/, counts({ reads: 1e6 }))).toBe(3.75) // 30 million at 0.125
    expect(lineOf(/writes/, counts({ writes: 1e6 }))).toBe(18.75) // 30 million at 0.625
    expect(lineOf(/messages/, counts({ sqsRequests: 1e6 }))).toBe(15) // 30 million at 0.5
    expect(lineOf(/empty polls of 3 queues/, counts({}))).toBe(0.97) // 3 x 5 x 129,600 polls of 20 s at 0.5 a million
    const snapshot = { snapshot: 1440, diff: 0, provisionKvm: 0 }
    expect(lineOf(/GB-seconds/, counts({ invocations: snapshot }))).toBe(0.1) // 43,200 x 0.36 s x 0.5 GB
  })

  it('has verification on a line of its own', () => {
    const { core, withVerification } = billOf(cloud, counts({ writes: 1e6 }), counts({ writes: 2e6 }))
    expect([core, withVerification]).toEqual([19.72, 38.47])
  })
})

describe('what is counted', () => {
  it('is units by the sizes of items', async () => {
    const store = createCountingStore()
    const key = { pk: 'a', sk: 'b' }
    expect(sizeOf({ ...key, text: 'ü'.repeat(10), flag: true, number: 1234, list: ['x'] })).toBe(6 + 24 + 5 + 10 + 9)
    await store.update({ key, set: { text: 'x'.repeat(1500) } })
    expect(store.units).toEqual({ reads: 0, writes: 2 })
    await store.get(key)
    await store.get({ pk: 'a', sk: 'none' })
    expect(store.units.reads).toBe(2)
    for (let at = 0; at < 4; at += 1)
      await store.update({ key: { pk: 'a', sk: `c${at}` }, set: { text: 'x'.repeat(2000) } })
    await store.list('a', 'c')
    expect(store.units.reads).toBe(4)
    await store.update({ key, set: { text: '' }, when: { absent: 'text' } })
    expect(store.units.writes).toBe(2 + 8 + 2)
  })
})
