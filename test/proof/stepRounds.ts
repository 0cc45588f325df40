/**
 * Proof "steps": each story of removalSteps.ts at each of its steps, for a VLAN and for a VXLAN pair. In: how many times over.
 * Out: how many were told, and which ended wrong.
 */
import { vlanNetwork, vxlanNetwork } from './pairState.ts'
import type { Figures, Proof, ProofOptions } from './proof.ts'
import { type ProofHost, withHosts } from './proofHost.ts'
import { makeAnew, type Story, stories } from './removalSteps.ts'

export const steps: Proof = {
  name: 'steps',
  says: 'a removal is killed, or met by somebody, at each of its steps; a round is all of it',
  rounds: 1,
  prove: (options) => withHosts('uml', [{ name: 'kvm-1' }], ({ first }) => prove(first, options)),
}

async function prove({ host, session }: ProofHost, { rounds, seed, progress }: ProofOptions): Promise<Figures> {
  const wrong: string[] = []
  let told = 0
  const each: readonly Story[] = Object.values(stories)
  for (let round = 0; round < rounds; round++) {
    for (const pair of [vlanNetwork(100), vxlanNetwork(70_000)]) {
      for (const story of each.filter(({ kinds }) => kinds.includes(pair.kind))) {
        for (const step of story.steps) {
          await makeAnew(host, pair)
          const problems = await story.tell(host, session, pair, step)
          const says = `${pair.kind}, at ${step}: ${story.says}`
          told += 1
          wrong.push(...problems.map((problem) => `${says}: ${problem}`))
          progress(`${says}: ${problems.length === 0 ? 'right' : problems.join('; ')}`)
        }
      }
    }
  }
  return { proof: 'steps', kernel: 'uml', seed, counts: { stories: told }, wrong }
}
