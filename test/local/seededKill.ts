/**
 * One seeded round on the embedded parts: a function, chosen by the seed, dies at a write or a send chosen by the seed,
 * or one queue loses its first messages. In: a seed. Out: what happened, in a sentence, and what was wrong, if anything.
 */
import type { QueueName } from '../../shared/queue/queues.ts'
import type { At } from '../simulation/faults.ts'
import { type KillableCloud, startKillableCloud } from './killableCloud.ts'

export interface Round {
  readonly seed: number
  readonly story: string
  /** Undefined: everything converged, and nothing ran twice at once. */
  readonly wrong?: string
}

const functions = ['snapshot', 'diff', 'provisionKvm'] as const
/** How many writes and sends each makes until three new hosts have their devices; a run sends nothing in so small a cloud. */
const reach = {
  snapshot: { write: 7, send: 1 },
  diff: { write: 3, send: 1 },
  provisionKvm: { write: 6, send: 0 },
} as const
const secondsToConverge = 150

export async function playSeed(seed: number): Promise<Round> {
  const pick = numbers(seed)
  const name = functions[pick(functions.length)] ?? 'snapshot'
  const drawn = (['write', 'send', 'lose'] as const)[pick(3)] ?? 'write'
  const kind = drawn === 'send' && reach[name].send === 0 ? 'write' : drawn
  const nth = kind === 'lose' ? 1 : 1 + pick(reach[name][kind])
  const story = kind === 'lose' ? `the first messages for ${name} are lost` : `${name} dies at its ${kind} no. ${nth}`
  const cloud = await startFor(name, kind, nth)
  try {
    await cloud.untilInSync(secondsToConverge)
    const marked = cloud.hosts.hosts.map((host) => host.links().filter((link) => link.group === 4814).length)
    if (cloud.overlaps.length > 0) return { seed, story, wrong: `two runs at once on ${cloud.overlaps.join(', ')}` }
    if (marked.some((count) => count !== 6)) return { seed, story, wrong: `devices on the hosts: ${marked.join(', ')}` }
    return { seed, story: cloud.killed() || kind === 'lose' ? story : `${story}, which it never reached` }
  } catch (error) {
    return { seed, story, wrong: String(error) }
  } finally {
    await cloud.stop()
  }
}

function startFor(
  name: (typeof functions)[number],
  kind: 'write' | 'send' | 'lose',
  nth: number,
): Promise<KillableCloud> {
  if (kind === 'lose') return startKillableCloud(undefined, undefined, name satisfies QueueName)
  let calls = 0
  const now = (): boolean => ++calls === nth
  const at: At = kind === 'write' ? { write: now } : { send: now }
  return startKillableCloud(name, at)
}

/** Whole numbers from 0 up to a limit, the same for the same seed (mulberry32). */
function numbers(seed: number): (limit: number) => number {
  let state = seed >>> 0
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}
