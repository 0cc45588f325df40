/**
 * Proof "removal": a pair that nobody desires is removed while somebody comes to it at a random moment: a tap that attaches, or
 * a VM that CloudStack's script starts. In: how many rounds. Out: how they ended. Whoever was told that it worked must have the
 * network, whatever the removal did: a silent loss is what must never be.
 */
import type { Bed, BedHost } from '../../infra/local/bed/bed.ts'
import { network } from '../hypervisors/kvm/factory.ts'
import { createRandom, type Random } from '../simulation/random.ts'
import { type ProofNetwork, vlanNetwork, vxlanNetwork, wrongWith } from './pairState.ts'
import type { Figures, Proof, ProofOptions } from './proof.ts'
import { force, type ProofHost, withHosts } from './proofHost.ts'
import { scriptLine } from './scriptLine.ts'
import { stateOf } from './settled.ts'

export const removal: Proof = {
  name: 'removal',
  says: 'taps and VMs that come while a VLAN pair is removed',
  rounds: 60,
  prove: (options) => prove('uml', vlanNetwork(100), options),
}

export const removalNative: Proof = {
  name: 'removal-native',
  says: "the same for a VXLAN pair on this machine's own kernel, many times as quick",
  rounds: 300,
  prove: (options) => prove('netns', vxlanNetwork(70_000), options),
}

const tap = 'vnet7'

function prove(kind: Bed['kind'], pair: ProofNetwork, options: ProofOptions): Promise<Figures> {
  return withHosts(kind, [{ name: 'kvm-1' }], async ({ first }) => {
    await control(first, pair)
    const random = createRandom(options.seed)
    const counts = { rounds: 0, attached: 0, failedLoudly: 0, removed: 0, kept: 0, silentLosses: 0 }
    const wrong: string[] = []
    /** Milliseconds that a removal takes here, about. */
    let usual = 400
    while (counts.rounds < options.rounds && wrong.length === 0) {
      const round = await play(first, pair, random, usual)
      usual = (usual + round.took) / 2
      counts.rounds += 1
      counts[round.attached ? 'attached' : 'failedLoudly'] += 1
      counts[round.removed ? 'removed' : 'kept'] += 1
      counts.silentLosses += round.lost.length > 0 ? 1 : 0
      wrong.push(...round.lost, ...round.left)
      options.progress(`${counts.rounds} of ${options.rounds}: ${round.says}`)
    }
    return { proof: 'removal', kernel: kind, seed: options.seed, counts, wrong }
  })
}

interface Round {
  readonly says: string
  readonly attached: boolean
  readonly removed: boolean
  readonly took: number
  /** What who was told that it worked lacks. */
  readonly lost: readonly string[]
  /** What a removal left that removed nothing, or all, and nobody came. */
  readonly left: readonly string[]
}

async function play({ host, session }: ProofHost, pair: ProofNetwork, random: Random, usual: number): Promise<Round> {
  await clean(host, pair)
  await (await session.look([network(pair.uri)])).apply()
  const orphan = (await session.look([])).orphans?.find(({ uri }) => uri === pair.uri)
  if (orphan === undefined || session.remove === undefined) throw new Error(`${pair.uri} was not made, or is no orphan`)
  const isVm = random.chance(0.5)
  // A tap can attach by name in the first moments only.
  const wait = random.next() * usual * (random.chance(0.5) ? 0.3 : 1.2)
  const coming = come(host, pair, wait, isVm)
  const began = performance.now()
  const result = await session.remove(orphan, Date.now() + 60_000)
  const took = performance.now() - began
  const attached = await coming
  const lost = attached ? await lostBy(host, pair) : []
  const removed = 'removed' in result
  const state = await stateOf(host)
  const half = !attached && !isVm && removed && [pair.device, pair.bridge].some((name) => state.links.has(name))
  const says =
    `${isVm ? 'a VM' : 'a tap'} after ${wait.toFixed()} ms ${attached ? 'attached' : 'failed'}, ` +
    `the pair was ${removed ? 'removed' : `kept (${result.kept})`} in ${took.toFixed()} ms`
  return {
    says,
    attached,
    removed,
    took,
    lost: lost.map((one) => `${says}: ${one}`),
    left: half ? [`${says}, and is there`] : [],
  }
}

/** @returns whether it was told that it has the network */
async function come(host: BedHost, pair: ProofNetwork, wait: number, isVm: boolean): Promise<boolean> {
  const first = isVm ? `${scriptLine(pair, 'add')} >/dev/null 2>&1 && ` : ''
  const attach = `${first}ip link set dev ${tap} master ${pair.bridge} 2>/dev/null`
  const said = await host.exec(`sleep ${(wait / 1000).toFixed(3)}; ${attach} && echo attached || echo failed`)
  return said.trim() === 'attached'
}

async function lostBy(host: BedHost, pair: ProofNetwork): Promise<readonly string[]> {
  const state = await stateOf(host)
  const master = state.links.get(tap)?.master
  return [...(master === pair.bridge ? [] : [`${tap} is in ${master ?? 'no bridge'}`]), ...wrongWith(pair, state)]
}

async function clean(host: BedHost, { device, bridge }: ProofNetwork): Promise<void> {
  const gone = [tap, device, bridge, `bk${device}`, bridge.replace(/^br/, 'bk')].map((name) => `link del dev ${name}`)
  await force(host, [...gone, `tuntap add dev ${tap} mode tap`, `link set dev ${tap} up`])
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
