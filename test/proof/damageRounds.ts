/**
 * Proof "damages": devices of ours and of others are damaged, several at once, and one run follows. In: how many damages, a
 * seed. Out: after each run, whether ours are right or named as the Conflict that they are, those that stood still the same ones,
 * and all else as it was, field by field; then the foreign part is taken away, and one more run must make everything right.
 */
import { network } from '../hypervisors/kvm/factory.ts'
import { createRandom } from '../simulation/random.ts'
import { type Damage, drawDamages } from './damages.ts'
import { foreignLines } from './foreign.ts'
import { differences, type KernelState } from './kernelState.ts'
import { vlanNetwork, vxlanNetwork, wrongWith } from './pairState.ts'
import type { Figures, Proof, ProofOptions } from './proof.ts'
import { force, type ProofHost, withHosts } from './proofHost.ts'
import { settled, stateOf } from './settled.ts'

const damaged = [
  ...[101, 102, 103, 104].map((id) => vlanNetwork(id)),
  ...[70_001, 70_002, 70_003].map((id) => vxlanNetwork(id)),
]
/** Never damaged itself; others' devices are moved into its bridge. */
const spare = vlanNetwork(199)
const networks = [...damaged, spare]
const desired = networks.map(({ uri }) => network(uri))
const standing = foreignLines(spare.bridge, 'breth1-102')
const most = 4

export const damages: Proof = {
  name: 'damages',
  says: 'devices of ours and of others damaged, four at once; a round is one damage',
  rounds: 200,
  prove: (options) => withHosts('uml', [{ name: 'kvm-1' }], ({ first }) => damageRounds(first, options)),
}

async function damageRounds(proofHost: ProofHost, { rounds, seed, progress }: ProofOptions): Promise<Figures> {
  const random = createRandom(seed)
  const wrong: string[] = []
  const counts = { damages: 0, ofOurs: 0, ofOthers: 0, conflicts: 0, runs: 0, fieldsCompared: 0 }
  await proofHost.run(desired)
  await force(proofHost.host, standing)
  while (counts.damages < rounds && wrong.length === 0) {
    const drawn = drawDamages(random, damaged, spare, counts.damages + 1, Math.min(most, rounds - counts.damages))
    const told = drawn.map(({ says }) => says).join('; ')
    const conflicts = drawn.filter(({ isConflict }) => isConflict).map(({ target }) => target)
    await harm(proofHost, drawn)
    const before = await settled(proofHost.host)
    wrong.push(...(await oneRun(proofHost, conflicts, before)).map((problem) => `after ${told}: ${problem}`))
    counts.damages += drawn.length
    counts.ofOthers += drawn.filter(({ target }) => !isUri(target)).length
    counts.ofOurs = counts.damages - counts.ofOthers
    counts.conflicts += conflicts.length
    counts.runs += 1
    counts.fieldsCompared += fields(before)
    progress(`${counts.damages} of ${rounds}: ${told}`)
    if (conflicts.length === 0 && drawn.every(({ target }) => isUri(target))) continue
    await force(proofHost.host, [...drawn.flatMap(({ undo = [] }) => undo), ...standing])
    const healed = await oneRun(proofHost, [], await settled(proofHost.host))
    wrong.push(...healed.map((problem) => `after ${told}, undone: ${problem}`))
    counts.runs += 1
  }
  return { proof: 'damages', kernel: 'uml', seed, counts, wrong }
}

const isUri = (target: string): boolean => target.includes('://')

/** One run, and what is not as it must be afterwards. @param conflicts the URIs that must be named, and no others */
async function oneRun(
  proofHost: ProofHost,
  conflicts: readonly string[],
  before: KernelState,
): Promise<readonly string[]> {
  const { findings } = await proofHost.run(desired)
  const named = findings.filter(({ reason }) => reason === 'Conflict').map(({ uri }) => uri)
  const right = networks.filter(({ uri }) => !conflicts.includes(uri))
  const ours = new Set(right.flatMap(({ device, bridge }) => [device, bridge]))
  const problems = (after: KernelState): readonly string[] => [
    ...right.flatMap((one) => wrongWith(one, after)),
    ...[...ours].flatMap((name) => replaced(name, before, after)),
    ...differences(before, after, (name) => ours.has(name)),
  ]
  const first = problems(await stateOf(proofHost.host))
  return [
    ...conflicts.filter((uri) => !named.includes(uri)).map((uri) => `${uri} is not named as a Conflict`),
    ...findings
      .filter(({ uri, reason }) => reason === 'Conflict' && !conflicts.includes(uri))
      .map(({ uri, detail }) => `${uri} is named as a Conflict: ${detail}`),
    ...(first.length === 0 ? [] : problems(await settled(proofHost.host))),
  ]
}

/** A device of ours that stood is completed: made anew it would have lost its ports, its addresses or its mark on the way. */
function replaced(name: string, before: KernelState, after: KernelState): readonly string[] {
  const [was, is] = [before.links.get(name), after.links.get(name)]
  if (was === undefined || is === undefined) return []
  return ['ifindex', 'group', 'addresses'].flatMap((field) => {
    const [one, other] = [JSON.stringify(was[field]), JSON.stringify(is[field])]
    return one === other ? [] : [`${name} of ours: ${field} was ${one} and is ${other}`]
  })
}

/** @throws Error when a line fails: a damage that was not done would prove nothing. */
async function harm({ host }: ProofHost, damages: readonly Damage[]): Promise<void> {
  const switches = damages.flatMap(({ switches = [] }) => switches)
  const writes = switches.map(([device, off]) => ` && echo ${off} >/proc/sys/net/ipv6/conf/${device}/disable_ipv6`)
  const lines = damages.flatMap((damage) => damage.lines)
  await host.exec(`ip -batch - <<'END'${writes.join('')}\n${lines.join('\n')}\nEND`)
}

const fields = ({ links }: KernelState): number =>
  [...links.values()].reduce((sum, link) => sum + Object.keys(link).length, 0)
