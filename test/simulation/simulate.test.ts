import { describe, expect, it } from 'vitest'
import type { Incident } from './incident.ts'
import { mutations } from './mutations/mutations.ts'
import { planted } from './mutations/plant.ts'
import { createRandom } from './random.ts'
import { type Scenario, scenarioOf } from './scenario.ts'
import { createScheduler } from './scheduler.ts'
import { simulateSeeds, simulateWritten, traceSeed } from './seeds.ts'
import { shrink } from './shrink.ts'
import { writtenNames } from './written.ts'

const progress = () => {}
const thread = { threads: 2, untilFirst: true, progress }

describe('the seeded simulation', () => {
  it('violates nothing in 60 seeds', { timeout: 120_000 }, async () => {
    expect(await simulateSeeds({ ...thread, from: 1, count: 60 })).toEqual({ seeds: 60, violations: [] })
  })

  it.each(writtenNames)('violates nothing in the written scenario %s', async (name) => {
    expect(await simulateWritten(name, undefined)).toBeUndefined()
  })

  it('tells the same of the same seed', async () => {
    const [once, again] = [await traceSeed(3, 'zone-filter-dropped'), await traceSeed(3, 'zone-filter-dropped')]
    expect(once[0]).toMatch(/^Seed 3: snapshot #1 puts network /)
    expect(again).toEqual(once)
  })
})

describe('a planted bug', () => {
  it.each(mutations)('$name still applies to the source', (mutation) => {
    expect(planted(mutation).size).toBeGreaterThan(0)
  })

  it.each([
    'settled-kept-by-acquire',
    'lost-counter',
    'no-outstanding-until',
    'zone-filter-dropped',
    'deduplication-without-tick',
  ])('%s is caught within ten seeds', { timeout: 60_000 }, async (mutation) => {
    const { violations } = await simulateSeeds({ ...thread, from: 1, count: 10, mutation })
    expect(violations).not.toEqual([])
  })

  it.each(writtenNames)('%s is caught by the scenario that was written for it', async (name) => {
    expect(await simulateWritten(name, name)).toEqual(expect.any(String))
  })
})

describe('shrinking', () => {
  const has = ({ incidents }: Scenario, kept: readonly Incident[]): boolean =>
    kept.every((incident) => incidents.includes(incident))

  it('leaves what a failure needs, and nothing else', async () => {
    const whole = scenarioOf('12')
    const needed = whole.incidents.filter((_, index) => index === 1 || index === 4)
    expect(needed).toHaveLength(2)
    const small = await shrink(whole, async (smaller) => has(smaller, needed))
    expect(small.incidents).toEqual(needed)
    expect(small.clouds.flatMap((cloud) => [...cloud.hosts, ...cloud.networks])).toEqual([])
  })

  it('gives up after a bounded number of trials', async () => {
    let trials = 0
    const many = { ...scenarioOf('12'), incidents: Array(1_000).fill(scenarioOf('12').incidents[0]) }
    await shrink(many, async () => {
      trials++
      return false
    })
    expect(trials).toBeLessThanOrEqual(300)
  })
})

describe('the virtual clock', () => {
  it('runs tasks in the order of their times, equal ones in the order in which they came', async () => {
    const scheduler = createScheduler(0)
    const random = createRandom('order')
    const ran: number[] = []
    const times = Array.from({ length: 200 }, () => random.whole(0, 20))
    for (const [index, time] of times.entries()) scheduler.at(time, () => ran.push(time * 1_000 + index))
    await scheduler.run(20, () => false)
    expect(ran).toEqual(times.map((time, index) => time * 1_000 + index).sort((a, b) => a - b))
    expect(scheduler.now()).toBe(20)
  })

  it('lets everything that a task set free run before the next task', async () => {
    const scheduler = createScheduler(0)
    const told: string[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    promise.then(async () => {
      await Promise.resolve()
      told.push('followed')
    })
    scheduler.at(1, resolve)
    scheduler.at(1, () => told.push('next'))
    await scheduler.run(1, () => false)
    expect(told).toEqual(['followed', 'next'])
  })
})
