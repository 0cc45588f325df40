/** Short forms of proofs of test/proof, on guests' kernels: who touches what. `npm run prove` has the long ones, docs/proofs.md their figures. */
import { describe, expect, it } from 'vitest'
import { damages } from '../proof/damageRounds.ts'
import type { Figures, Proof } from '../proof/proof.ts'
import { scripts } from '../proof/scripts.ts'

const prove = (proof: Proof, rounds: number): Promise<Figures> =>
  proof.prove({ rounds, seed: 'test', progress: () => {} })

describe('on a real kernel', () => {
  it('damaged devices of ours are right after one run, or a Conflict, and others’ are as they were', async () => {
    const { wrong, counts } = await prove(damages, 8)
    expect(wrong).toEqual([])
    expect(counts).toMatchObject({ damages: 8, runs: expect.any(Number) })
    expect(counts.conflicts).toBeGreaterThan(0)
    expect(counts.ofOthers).toBeGreaterThan(0)
  })

  it("CloudStack's script and we leave alone what the other made, also at the same time", async () => {
    const { wrong, counts } = await prove(scripts, 5)
    expect(wrong).toEqual([])
    expect(counts.vms).toBeGreaterThan(0)
    expect(counts.looks).toBeGreaterThan(0)
  })
})
