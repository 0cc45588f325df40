/** Short forms of proofs of test/proof, on guests' kernels: what leaves a host, and who is reached. The long ones: `npm run prove`. */
import { describe, expect, it } from 'vitest'
import { crossHosts } from '../proof/crossHosts.ts'
import type { Figures, Proof } from '../proof/proof.ts'
import { reach } from '../proof/reach.ts'
import { silence } from '../proof/silence.ts'

const prove = (proof: Proof, rounds: number): Promise<Figures> =>
  proof.prove({ rounds, seed: 'test', progress: () => {} })

describe('on a real kernel', () => {
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
