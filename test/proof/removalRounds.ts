/**
 * Proof "removal": a pair that nobody desires is removed while somebody comes to it at a random moment: a tap that attaches, or
 * a VM that CloudStack's script starts. In: how many rounds. Out: how they ended: whoever was told that it worked must have the
 * network. Then a third as many against a removal that looks and deletes, which must lose some: so a loss of ours would have shown.
 */
import type { Bed } from '../../infra/local/bed/bed.ts'
import { network } from '../hypervisors/kvm/factory.ts'
import { createRandom } from '../simulation/random.ts'
import { type ProofNetwork, vlanNetwork, vxlanNetwork } from './pairState.ts'
import type { Figures, Proof, ProofOptions } from './proof.ts'
import { type ProofHost, withHosts } from './proofHost.ts'
import { clean, come, lostBy, player, type Remove } from './removalRound.ts'

export const removal: Proof = {
  name: 'removal',
  says: 'taps and VMs that come while a VLAN pair is removed',
  rounds: 300,
  prove: (options) => prove('uml', vlanNetwork(100), options),
}

export const removalNative: Proof = {
  name: 'removal-native',
  says: "the same for a VXLAN pair on this machine's own kernel, many times as quick",
  rounds: 300,
  prove: (options) => prove('netns', vxlanNetwork(70_000), options),
}

function prove(kind: Bed['kind'], pair: ProofNetwork, options: ProofOptions): Promise<Figures> {
  return withHosts(kind, [{ name: 'kvm-1' }], async ({ first }) => {
    await control(first, pair)
    const random = createRandom(options.seed)
    const counts = { rounds: 0, attached: 0, failedLoudly: 0, removed: 0, kept: 0, silentLosses: 0, lossesOfControl: 0 }
    const wrong: string[] = []
    const ours: Remove = async ({ session }, orphan) => session.remove?.(orphan, Date.now() + 60_000)
    const play = player(first, pair, random)
    while (counts.rounds < options.rounds && wrong.length === 0) {
      const round = await play(ours)
      counts.rounds += 1
      counts[round.attached ? 'attached' : 'failedLoudly'] += 1
      counts[round.removed ? 'removed' : 'kept'] += 1
      counts.silentLosses += round.lost.length > 0 ? 1 : 0
      wrong.push(...round.lost, ...round.left)
      options.progress(`${counts.rounds} of ${options.rounds}: ${round.says}`)
    }
    const playControl = player(first, pair, random)
    for (let round = 0; round < options.rounds / 3; round++) {
      const { lost, says } = await playControl(looksAndDeletes(pair))
      counts.lossesOfControl += lost.length > 0 ? 1 : 0
      options.progress(`control: ${says}`)
    }
    if (counts.lossesOfControl === 0) wrong.push('a removal that looks and deletes lost nothing: this proves nothing')
    return { proof: 'removal', kernel: kind, seed: options.seed, counts, wrong }
  })
}

/** What must not be done: whoever attaches between the look and the deletion is cut off, and told nothing. */
const looksAndDeletes =
  ({ device, bridge }: ProofNetwork): Remove =>
  async ({ host }) => {
    const look = `[ "$(ls /sys/class/net/${bridge}/brif)" = ${device} ]`
    const said = await host.exec(
      `${look} && ip link del ${device} && ip link del ${bridge} && echo removed || echo kept`,
    )
    return said.trim() === 'removed' ? { removed: true } : { kept: 'somebody is on it' }
  }

/** A bridge deleted below a tap must be seen as a loss: otherwise no round would prove anything. */
async function control({ host, session }: ProofHost, pair: ProofNetwork): Promise<void> {
  await clean(host, pair)
  await (await session.look([network(pair.uri)])).apply()
  if (!(await come(host, pair, 0, true)) || (await lostBy(host, pair)).length > 0)
    throw new Error('a VM that starts with nothing in its way has no network')
  await host.exec(`ip link del dev ${pair.bridge}`)
  if ((await lostBy(host, pair)).length === 0) throw new Error('a loss was not seen')
}
