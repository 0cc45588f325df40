/**
 * Proof "crossings": CloudStack's script, by a stand-in, creates or deletes a network's pair while Bridgekeeper makes it, the one
 * at a random moment of the other, from nothing or from half a pair. In: how many rounds of each. Out: in how many the two left a
 * pair that was not right, or half of one; after the next look, and what it finds to do, each must be right.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Bed, BedHost } from '../../infra/local/bed/bed.ts'
import { HostError, type Session } from '../../shared/hypervisors/driver.ts'
import { timed } from '../bench/measurement.ts'
import { network } from '../hypervisors/kvm/factory.ts'
import { createRandom } from '../simulation/random.ts'
import { differences } from './kernelState.ts'
import { linkLine, type ProofNetwork, vlanNetwork, vxlanNetwork, wrongWith } from './pairState.ts'
import type { Figures, Proof, ProofOptions } from './proof.ts'
import { force, type ProofHost, withHosts } from './proofHost.ts'
import { scriptLine } from './scriptLine.ts'
import { settled, stateOf } from './settled.ts'

export const crossings: Proof = {
  name: 'crossings',
  says: "CloudStack's script creates, and deletes, in the midst of ours; a round is one of each",
  rounds: 100,
  prove: (options) => prove('uml', vlanNetwork(100), options),
}

export const crossingsNative: Proof = {
  ...crossings,
  name: 'crossings-native',
  says: "the same for VXLAN on this machine's own kernel",
  prove: (options) => prove('netns', vxlanNetwork(70_000), options),
}

function prove(kind: Bed['kind'], pair: ProofNetwork, { rounds, seed, progress }: ProofOptions): Promise<Figures> {
  return withHosts(kind, [{ name: 'kvm-1' }], async ({ first }) => {
    const random = createRandom(seed)
    const counts = { add: 0, delete: 0, notRightAfterAdd: 0, notRightAfterDelete: 0, halfAPair: 0, busy: 0 }
    const wrong: string[] = []
    await begin(first.host, pair, [])
    const before = await settled(first.host)
    /** Milliseconds that each of the two takes here, about. */
    const usual = { ours: 100, script: 100 }
    for (let round = 0; round < rounds && wrong.length === 0; round++) {
      for (const operation of ['add', 'delete'] as const) {
        const later = random.next() * (usual.script + usual.ours) - usual.script
        await begin(first.host, pair, random.pick(beginnings(pair)) ?? [])
        const { took, busy, half, left, after } = await cross(first, pair, operation, later)
        usual.ours = (usual.ours + took.ours) / 2
        usual.script = (usual.script + took.script) / 2
        counts[operation] += 1
        counts.busy += busy ? 1 : 0
        counts.halfAPair += half ? 1 : 0
        counts[operation === 'add' ? 'notRightAfterAdd' : 'notRightAfterDelete'] += left.length > 0 ? 1 : 0
        wrong.push(
          ...after.map((problem) => `after ${operation} (which left: ${left.join(', ') || 'all right'}): ${problem}`),
        )
      }
      progress(`${round + 1} of ${rounds}: ${JSON.stringify(counts)}`)
    }
    // Deletions that all came too early, or all too late, crossed nothing.
    if (
      rounds >= 20 &&
      wrong.length === 0 &&
      (counts.notRightAfterDelete === 0 || counts.notRightAfterDelete === rounds)
    )
      wrong.push(`${counts.notRightAfterDelete} of ${rounds} deletions left it not right: they never met`)
    const ours = (name: string): boolean => name === pair.device || name === pair.bridge
    wrong.push(...differences(before, await settled(first.host), ours))
    return { proof: 'crossings', kernel: kind, seed, counts, wrong }
  })
}

/** @param later by how many milliseconds the script begins after us; before us if negative */
async function cross(proofHost: ProofHost, pair: ProofNetwork, operation: 'add' | 'delete', later: number) {
  const { host, session } = proofHost
  const desired = [network(pair.uri)]
  const view = await session.look(desired)
  let busy = false
  const ours = async (): Promise<void> => {
    busy = await applied(view)
  }
  const script = (): Promise<unknown> => host.exec(`${scriptLine(pair, operation)} >/dev/null 2>&1; true`)
  const [tookOurs, tookScript] = await Promise.all([timedAfter(-later, ours), timedAfter(later, script)])
  const state = await stateOf(host)
  const left = wrongWith(pair, state)
  const half = state.links.has(pair.device) !== state.links.has(pair.bridge)
  const next = await session.look(desired)
  if (next.changes.length > 0) await next.apply()
  const { changes, findings } = await session.look(desired)
  const after = [
    ...wrongWith(pair, await stateOf(host)),
    ...changes.map(({ steps }) => `still to do: ${steps.join(', ')}`),
    ...findings.map(({ detail }) => `found: ${detail}`),
  ]
  return { busy, took: { ours: tookOurs, script: tookScript }, half, left, after }
}

/** @returns how many milliseconds the work took, without the wait before it */
async function timedAfter(wait: number, work: () => Promise<unknown>): Promise<number> {
  await delay(Math.max(0, wait))
  return timed(work)
}

/** What a round begins with, without a mark: a script that was killed, or somebody's hand, left it. */
const beginnings = (pair: ProofNetwork): readonly (readonly string[])[] => {
  const bridge = `link add name ${pair.bridge} type bridge`
  return [[], [linkLine(pair, pair.device)], [bridge], [bridge, linkLine(pair, pair.device)]]
}

const begin = (host: BedHost, { device, bridge }: ProofNetwork, lines: readonly string[]): Promise<void> =>
  force(host, [`link del dev ${device}`, `link del dev ${bridge}`, ...lines])

/** @returns whether CloudStack's lock was held for longer than we wait for it */
async function applied(view: Awaited<ReturnType<Session['look']>>): Promise<boolean> {
  try {
    await view.apply()
    return false
  } catch (error) {
    if (error instanceof HostError && error.reason === 'HostBusy') return true
    throw error
  }
}
