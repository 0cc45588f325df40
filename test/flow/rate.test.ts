/** The rate as a management server sees it: eight functions at once, over HTTP, counted where they arrive. */
import { describe, expect, it } from 'vitest'
import { fullest, runRate } from './rateRun.ts'

const run = { rate: 2, burst: 12, seconds: 130, speed: 20 }
const windows = [1, 10, 60]

describe('eight functions that ask as often as they are let', () => {
  it('send at most rate × w + burst requests in any window of 1, 10 and 60 s, and are not held back more than that', async () => {
    const { arrivals, underWay } = await runRate(run)
    for (const seconds of windows) {
      const allowed = run.rate * (seconds + underWay / 1000) + run.burst
      expect(fullest(arrivals, seconds)).toBeLessThanOrEqual(Math.floor(allowed))
    }
    expect(arrivals.length).toBeGreaterThan(run.rate * run.seconds * 0.7)
  })

  it('would send more in each of them without the gate: the count can fail', async () => {
    const { arrivals } = await runRate({ ...run, seconds: 61, unchecked: true })
    for (const seconds of windows) {
      expect(fullest(arrivals, seconds)).toBeGreaterThan(run.rate * seconds + run.burst)
    }
  })
})
