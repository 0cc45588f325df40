/** The short forms of the proofs of test/proof, on guests' kernels; `npm run prove` has the long ones, docs/proofs.md their figures. */
import { describe, expect, it } from 'vitest'
import { crossHosts } from '../proof/crossHosts.ts'
import { damages } from '../proof/damageRounds.ts'
import type { Figures, Proof } from '../proof/proof.ts'
import { reach } from '../proof/reach.ts'
import { scripts } from '../proof/scripts.ts'
import { silence } from '../proof/silence.ts'

const prove = (proof: Proof, rounds: number, seed = 'test'): Promise<Figures> =>
  proof.prove({ rounds, seed, progress: () => {} })

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

  it('no IPv6 frame leaves the uplink during 100 creations, where one made up would be seen', async () => {
    const { wrong, counts } = await prove(silence, 50)
    expect(wrong).toEqual([])
    expect(counts).toMatchObject({ networks: 100, ipv6OfOurs: 0 })
    expect(counts.ipv6OfControls).toBeGreaterThanOrEqual(4)
  })

  it('an address and a VM on a tag of the uplink, and a VM of ours, stay reachable at every moment', async () => {
    const { wrong, counts } = await prove(reach, 30)
    expect(wrong).toEqual([])
    expect(counts).toMatchObject({ networks: 60, lost: 0 })
    expect(counts.echoes).toBeGreaterThan(30)
    expect(counts.lostOfControl).toBeGreaterThan(0)
  })

  it('VMs on two hosts reach each other, with the label on an interface, a bridge, a bond, by VLAN and by VXLAN', async () => {
    const { wrong, counts } = await prove(crossHosts, 5)
    expect(wrong).toEqual([])
    expect(counts).toEqual({ cases: 8, echoes: 40, lost: 0 })
  })
})
