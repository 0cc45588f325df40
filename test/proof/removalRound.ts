/**
 * One round of proof "removal": a pair of ours that nobody desires is made anew, and removed while somebody comes to it. In: a
 * host, a pair, chance, how it is removed. Out: how it ended, what who was told that it worked lacks, what was left.
 */
import type { BedHost } from '../../infra/local/bed/bed.ts'
import type { Orphan, Removal } from '../../shared/hypervisors/driver.ts'
import { network } from '../hypervisors/kvm/factory.ts'
import type { Random } from '../simulation/random.ts'
import { type ProofNetwork, wrongWith } from './pairState.ts'
import { force, type ProofHost } from './proofHost.ts'
import { scriptLine } from './scriptLine.ts'
import { stateOf } from './settled.ts'

const tap = 'vnet7'

export interface Round {
  readonly says: string
  readonly attached: boolean
  readonly removed: boolean
  readonly took: number
  /** What who was told that it worked lacks. */
  readonly lost: readonly string[]
  /** What a removal left that removed nothing, or all, and nobody came. */
  readonly left: readonly string[]
}

export type Remove = (proofHost: ProofHost, orphan: Orphan) => Promise<Removal | undefined>

/** Plays rounds, and learns how many milliseconds a removal takes here, about. */
export function player(proofHost: ProofHost, pair: ProofNetwork, random: Random): (remove: Remove) => Promise<Round> {
  let usual = 400
  return async (remove) => {
    const round = await play(proofHost, pair, random, usual, remove)
    usual = (usual + round.took) / 2
    return round
  }
}

async function play(
  proofHost: ProofHost,
  pair: ProofNetwork,
  random: Random,
  usual: number,
  remove: Remove,
): Promise<Round> {
  const { host, session } = proofHost
  await clean(host, pair)
  await (await session.look([network(pair.uri)])).apply()
  const orphan = (await session.look([])).orphans?.find(({ uri }) => uri === pair.uri)
  if (orphan === undefined) throw new Error(`${pair.uri} was not made, or is no orphan`)
  const isVm = random.chance(0.5)
  // A tap can attach by name in the first moments only.
  const wait = random.next() * usual * (random.chance(0.5) ? 0.3 : 1.2)
  const coming = come(host, pair, wait, isVm)
  const began = performance.now()
  const result = await remove(proofHost, orphan)
  if (result === undefined) throw new Error('this driver removes nothing')
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
export async function come(host: BedHost, pair: ProofNetwork, wait: number, isVm: boolean): Promise<boolean> {
  const first = isVm ? `${scriptLine(pair, 'add')} >/dev/null 2>&1 && ` : ''
  const attach = `${first}ip link set dev ${tap} master ${pair.bridge} 2>/dev/null`
  const said = await host.exec(`sleep ${(wait / 1000).toFixed(3)}; ${attach} && echo attached || echo failed`)
  return said.trim() === 'attached'
}

export async function lostBy(host: BedHost, pair: ProofNetwork): Promise<readonly string[]> {
  const state = await stateOf(host)
  const master = state.links.get(tap)?.master
  return [...(master === pair.bridge ? [] : [`${tap} is in ${master ?? 'no bridge'}`]), ...wrongWith(pair, state)]
}

export async function clean(host: BedHost, { device, bridge }: ProofNetwork): Promise<void> {
  const gone = [tap, device, bridge, `bk${device}`, bridge.replace(/^br/, 'bk')].map((name) => `link del dev ${name}`)
  await force(host, [...gone, `tuntap add dev ${tap} mode tap`, `link set dev ${tap} up`])
}
