/** Answers that arrive changed: a part of what `npm run fuzz` does, whose rules are in fuzzRun.ts. */
import { describe, expect, it } from 'vitest'
import { fuzzOne, goodTick } from './fuzzRun.ts'

describe('a tick in which an answer arrives changed', () => {
  it('ends in a typed error or in what the answer says, and never in a smaller desired set beyond the guard', async () => {
    const good = await goodTick()
    expect([good.questions.length, good.state.networks.size, good.state.hosts.size]).toEqual([23, 23, 9])
    const broken = []
    for (let seed = 0; seed < 200; seed++) {
      const what = await fuzzOne(good, `fuzz ${seed}`)
      if (what !== undefined) broken.push(`fuzz ${seed}: ${what}`)
    }
    expect(broken).toEqual([])
  })
})
