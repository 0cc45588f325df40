/**
 * From a scenario that fails to a small one that still does. In: the scenario, and whether one fails. Out: one from which
 * nothing more can be left out: no incident, no network, no host, no second cloud; or what was reached by then.
 */
import type { CloudScenario, Scenario } from './scenario.ts'

/** How often it may be tried; each trial is a whole simulation, mostly a short one, since it ends where it fails. */
const trials = 300

export async function shrink(scenario: Scenario, fails: (smaller: Scenario) => Promise<boolean>): Promise<Scenario> {
  let left = trials
  let best = scenario
  const accept = async (smaller: Scenario): Promise<boolean> => {
    if (left-- <= 0 || !(await fails(smaller))) return false
    best = smaller
    return true
  }
  if (best.clouds.length > 1) {
    for (const { name } of best.clouds) if (await accept(withoutCloud(best, name))) break
  }
  await accept({ ...best, zombies: false })
  await accept({ ...best, skew: 0 })
  await dropAll(
    () => best.incidents,
    (incidents) => accept({ ...best, incidents }),
  )
  for (const { name } of best.clouds) {
    const change = (given: Partial<CloudScenario>): Scenario => ({
      ...best,
      clouds: best.clouds.map((cloud) => (cloud.name === name ? { ...cloud, ...given } : cloud)),
    })
    const own = (): CloudScenario | undefined => best.clouds.find((cloud) => cloud.name === name)
    await dropAll(
      () => own()?.networks ?? [],
      (networks) => accept(change({ networks })),
    )
    await dropAll(
      () => own()?.hosts ?? [],
      (hosts) => accept(change({ hosts })),
    )
  }
  return best
}

/** Halves first, then quarters, down to one by one. */
async function dropAll<T>(all: () => readonly T[], keep: (some: readonly T[]) => Promise<boolean>): Promise<void> {
  for (let size = Math.ceil(all().length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < all().length; ) {
      const some = all().filter((_, index) => index < from || index >= from + size)
      if (!(await keep(some))) from += size
    }
  }
}

const withoutCloud = (scenario: Scenario, name: string): Scenario => ({
  ...scenario,
  clouds: scenario.clouds.filter((cloud) => cloud.name !== name),
  incidents: scenario.incidents.filter((incident) => incident.cloud !== name),
})
