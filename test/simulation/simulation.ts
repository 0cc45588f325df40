/**
 * One simulation from its beginning to its end, or to the first thing that must not be. In: a scenario. Out: what was
 * violated, if anything was, and the story up to there.
 *
 * - minutes 0 to 40: incidents, while the schedule ticks and everybody works
 * - then nothing goes wrong any more; what was under way comes to its end (`settling`)
 * - ending `edges`: every host reboots, twice, and is served within minutes, whatever it backed off from
 * - ending `level`: the intervals pass, and everything is found and repaired, or shown as what it is
 */
import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Item } from '../../shared/store/store.ts'
import { type Deployed, readDeployed } from './deployed.ts'
import { happen, order, reboot } from './happenings.ts'
import { createHistory } from './history.ts'
import { type Incident, sentenceOf } from './incident.ts'
import { counters } from './invariants/counters.ts'
import { devices } from './invariants/devices.ts'
import { ending } from './invariants/ending.ts'
import type { Known } from './invariants/facts.ts'
import { fallbacks } from './invariants/fallbacks.ts'
import { holds } from './invariants/holds.ts'
import { housekeeping } from './invariants/housekeeping.ts'
import { listings } from './invariants/listings.ts'
import { pauses } from './invariants/pauses.ts'
import { rate } from './invariants/rate.ts'
import { rollout } from './invariants/rollout.ts'
import { runs } from './invariants/runs.ts'
import { versions } from './invariants/versions.ts'
import { newMachine } from './machine.ts'
import type { Management } from './management.ts'
import type { CloudScenario, Scenario } from './scenario.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'
import { createSystem, type System } from './system.ts'
import { createTroubles } from './troubles.ts'
import { watchAll } from './watch.ts'

export interface Result {
  /** What must not be, as a sentence; undefined if all went well. */
  readonly violation: string | undefined
  /** When, in milliseconds since the beginning. */
  readonly at: number
  readonly steps: number
  /** Told only if asked for. */
  readonly story: readonly string[]
}

const start = 1_800_000_000_000
const minute = 60_000
/** Leases, runs, visibilities and outstanding times end, and lost messages are noticed. */
const settling = 16 * minute
/** As scenario.ts draws it, and some steps beside. */
const longestFreeze = 510_000
/** From a reboot to the check: it is away for 70 s, listed within a tick, and then served. */
const served = 4.5 * minute
/** Backoffs and verifications of scenario.ts, one after the other, and a rollout. */
const intervals = 45 * minute

let deployed: Deployed | undefined

export async function simulate(scenario: Scenario, told = false): Promise<Result> {
  deployed ??= readDeployed()
  const scheduler = createScheduler(start)
  const history = createHistory(told, () => scheduler.now() - start)
  let violation: string | undefined
  const violate = (sentence: string): void => {
    violation ??= sentence
  }
  const items = new Map<string, Item>()
  const rewritten = new Map<string, number>()
  const clouds = new Map(scenario.clouds.map((cloud) => [cloud.name, managementOf(cloud)]))
  const { seed, skew, zombies, settings } = scenario
  const known: Known = { scheduler, clouds, items, rewritten, settings, skew, violate }
  const watch = watchAll(
    [counters, runs, fallbacks, devices, rollout, listings, pauses, holds, housekeeping, versions, rate].map((make) =>
      make(known),
    ),
  )
  const troubles = createTroubles(start)
  const store = createMemoryStore()
  const common = { scheduler, store, items, deployed, troubles, watch, seed, skew, zombies }
  const systems = new Map(
    [...clouds].map(([name, management]) => [
      name,
      createSystem({ ...common, settings, management, tell: history.tell }),
    ]),
  )

  for (const incident of scenario.incidents) {
    scheduler.at(start + incident.at, () => {
      const management = clouds.get(incident.cloud)
      const system = systems.get(incident.cloud)
      if (management === undefined || system === undefined) return
      history.tell(sentenceOf(incident).slice(12))
      happen(incident, { scheduler, management, system, troubles, store, items, rewritten, start })
    })
  }
  scheduler.at(start + scenario.quietAt, () => {
    troubles.end()
    for (const [name, system] of systems) resumeAll(name, system, items)
  })
  // An operator's pause that hung comes to pass as much later as anything is frozen at most: whoever sees it resumes again.
  scheduler.at(start + scenario.quietAt + longestFreeze, () => {
    for (const [name, system] of systems) resumeAll(name, system, items)
  })

  const until = (time: number): Promise<void> => scheduler.run(start + time, () => violation !== undefined)
  const demand = (only: 'all' | 'edges'): void => {
    if (violation === undefined) ending(known, settings, only).forEach(violate)
  }
  const restore = virtualTimeouts(scheduler)
  try {
    await until(scenario.quietAt + settling)
    if (scenario.ending === 'edges') {
      for (const wave of [1, 2]) {
        if (violation === undefined) rebootAll(clouds, scheduler, history.tell)
        await until(scenario.quietAt + settling + wave * served)
        demand('edges')
      }
    } else {
      await until(scenario.quietAt + settling + intervals)
      demand('all')
    }
  } finally {
    restore()
  }
  const at = scheduler.now() - start
  if (violation !== undefined) history.tell(`VIOLATED: ${violation}`)
  return { violation, at, steps: scheduler.step(), story: history.lines }
}

/** The incidents as sentences. */
export const incidentsOf = ({ incidents }: Scenario): readonly string[] =>
  incidents.map((incident: Incident) => sentenceOf(incident))

function managementOf({ name, zones, physicalNetworks, hosts, networks }: CloudScenario): Management {
  const machines = hosts.map(({ id, ...place }, index) => {
    const address = `192.0.2.${index + 1}`
    const state = { state: 'Up', resourceState: 'Enabled', managementServer: 'ms-1' }
    return [id, newMachine(name, { id, name: id, address, ...place, ...state }, start)] as const
  })
  return {
    cloud: name,
    zones,
    physicalNetworks,
    machines: new Map(machines),
    networks: new Map(networks.map((one) => [one.id, { ...one, createdAt: 0, deletedAt: undefined }])),
    events: [],
  }
}

/** Whoever paused may have failed to resume. */
function resumeAll(cloud: string, system: System, items: ReadonlyMap<string, Item>): void {
  for (const { pk, sk } of items.values()) {
    const zone = pk.startsWith(`Z#${cloud}#`) ? pk.slice(`Z#${cloud}#`.length) : undefined
    if (sk === 'PAUSE' && (zone !== undefined || pk === `C#${cloud}`)) order(system, 'resume', zone)
  }
}

/** Away for longer than a tick, so that a snapshot sees it. */
function rebootAll(
  clouds: ReadonlyMap<string, Management>,
  scheduler: Scheduler,
  tell: (sentence: string) => void,
): void {
  tell('every host reboots')
  for (const { machines } of clouds.values())
    for (const machine of machines.values()) if (machine.listed) reboot(machine, 70_000, true, scheduler)
}

/** A run's own time limit is AbortSignal.timeout, which knows no clock but the machine's: here it follows the virtual one. */
function virtualTimeouts(scheduler: Scheduler): () => void {
  const real = AbortSignal.timeout
  const reason = new DOMException('timed out', 'TimeoutError')
  AbortSignal.timeout = (milliseconds) => {
    const controller = new AbortController()
    scheduler.at(scheduler.now() + milliseconds, () => controller.abort(reason))
    return controller.signal
  }
  return () => {
    AbortSignal.timeout = real
  }
}
