/**
 * A failing seed, told: its scenario as small as it gets, what happens in it, and what came of it. In: a seed. Out: lines
 * for people. The same seed gives the same lines.
 */
import type { Scenario } from './scenario.ts'
import { shrink } from './shrink.ts'
import { incidentsOf, simulate } from './simulation.ts'
import { scenarioNamed } from './written.ts'

/** How much of the end of a story is told. */
const lastLines = 60

export async function traceOf(seed: string): Promise<readonly string[]> {
  const whole = scenarioNamed(seed)
  const first = await simulate(whole)
  if (first.violation === undefined) return [`Seed ${seed}: nothing is violated in ${first.steps} steps.`]
  const small = await shrink(whole, async (smaller) => (await simulate(smaller)).violation !== undefined)
  const { story, violation } = await simulate(small, true)
  return [
    `Seed ${seed}: ${first.violation}`,
    '',
    `The same with as little as possible: ${small.incidents.length} of ${whole.incidents.length} incidents.`,
    ...small.clouds.map(placesOf),
    ...(small.zombies ? ['A call that ran out of time goes on.'] : []),
    ...incidentsOf(small),
    '',
    ...story.filter(tells).slice(-lastLines),
    ...(violation === first.violation ? [] : ['', `(Not the same words as the whole seed: ${first.violation})`]),
  ]
}

const placesOf = ({ name, hosts, networks }: Scenario['clouds'][number]): string => {
  const places = hosts.map(({ id, zone, cluster }) => `${id} (${zone}, ${cluster})`)
  return `Cloud ${name}: hosts ${places.join(', ')}; networks ${networks.map(({ id }) => id).join(', ') || 'none'}.`
}

/** A snapshot after which nothing was to be done says nothing. */
const tells = (line: string): boolean =>
  !/snapshot #\d+ (begins|ends: .*"edges":0,"zonesDue":0)/.test(line) && !/ends: \{"skipped"/.test(line)
