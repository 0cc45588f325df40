/**
 * Eleven stories of a host, told by each of the six drivers on whatever stands for its hypervisor: the same words and the same judgement,
 * so that no driver is held to less. In: a host and what can happen to it. A story that a driver cannot tell is named with its reason.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Driver, HostError, type Target } from '../../shared/hypervisors/driver.ts'
import { type Run, run } from '../../shared/hypervisors/run.ts'
import type { DesiredNetwork } from '../../shared/reconcile/model.ts'
import type { Reason } from '../../shared/reconcile/reasons.ts'
import type { ContractHost } from './driver.ts'

export const stories = [
  'a late host',
  'a reboot',
  'drift',
  'half-made',
  'foreign devices',
  'idempotence',
  'a dry run',
  'one bad network among many',
  'a time-out in the middle',
  'wrong credentials',
  'removal',
] as const
export type Story = (typeof stories)[number]

/** By the project of vitest that has what their stories need: `fast` simulators alone, `agent` openssl, `vcenter` vcsim. */
export const drivers = {
  fast: ['kvm-ssh', 'xenserver', 'cloudstack'],
  agent: ['kvm-agent'],
  vcenter: ['vmware standard', 'vmware distributed'],
} as const
type Project = keyof typeof drivers
export type StoryDriver = (typeof drivers)[Project][number]

const sees = 'it sees no host, only CloudStack'
/** What a driver cannot tell, and why. */
export const cannotTell: Readonly<Record<StoryDriver, Partial<Record<Story, string>>>> = {
  'kvm-ssh': {},
  'kvm-agent': {},
  xenserver: {},
  'vmware standard': { 'a reboot': 'an ESXi host keeps its port groups, and vcsim cannot reboot one' },
  'vmware distributed': { 'a reboot': 'the switch is vCenter’s, and a host’s reboot is nothing to it' },
  cloudstack: {
    'a reboot': sees,
    drift: sees,
    'half-made': sees,
    'foreign devices': sees,
    idempotence: 'each run asks again; when there is one, the record decides',
    'one bad network among many': 'CloudStack sends all of its own networks, and tells of none how it went',
    removal: sees,
  },
}

/** A host of one zone, and what can happen to it. Its desired networks are three, or two where nobody sees them. */
export interface StoryHost extends ContractHost {
  /** Another host, which joins only now; all that is on it; and how many devices it lacks of what the first one needed. */
  late(): Promise<Pick<ContractHost, 'driver' | 'target' | 'state'> & { readonly lacks: number }>
  /** What a reboot loses is lost. */
  reboot?(): Promise<void>
  /** Somebody takes away what stands for the first network. */
  drift?(): Promise<void>
  /** Of what stands for the first network a part is gone, or not as it should be. */
  halve?(): Promise<void>
  /** Somebody else's things, near to ours, and all that `theirs` needs, as CloudStack makes it; how they read from then on. */
  foreign?(): Promise<() => Promise<string>>
  readonly theirs?: DesiredNetwork
  /** One that this host cannot have. */
  readonly bad?: DesiredNetwork
  /** Somebody is on what stands for the first network. */
  occupy?(): Promise<void>
  /** The driver, with credentials that are not good here; for what reason it is refused, and what of them nobody may read. */
  readonly wrong: { readonly driver: Driver; readonly reason: Reason; readonly secret?: string }
}

/** Every driver of a project tells its stories. */
export function tellStories<P extends Project>(
  project: P,
  starts: Readonly<Record<(typeof drivers)[P][number], () => Promise<StoryHost>>>,
): void {
  const all: readonly (typeof drivers)[P][number][] = drivers[project]
  for (const driver of all) describe(driver, () => tellAll(driver, starts[driver]))
}

function tellAll(driver: StoryDriver, start: () => Promise<StoryHost>): void {
  let host: StoryHost
  beforeEach(async () => {
    host = await start()
  })
  afterEach(() => host?.stop())

  const never = new AbortController().signal
  const runOn = (
    on: { readonly driver: Driver; readonly target: Target } = host,
    networks = host.desired,
    mode: 'apply' | 'observe' = 'apply',
    signal = never,
  ): Promise<Run> => run(on.driver, on.target, { networks, labels: labelsOf(host.desired) }, mode, signal)
  const rightly = () => ({
    verdict: host.driver.verifies ? 'InSync' : 'Unknown',
    devices: host.devices,
    findings: host.driver.verifies ? [] : expect.anything(),
  })
  const orThrow = <T>(what: T | undefined): T => {
    if (what === undefined) throw new Error('this host lacks what the story needs')
    return what
  }

  const tales: Readonly<Record<Story, () => Promise<void>>> = {
    'a late host': async () => {
      await runOn()
      const before = await host.state()
      const late = await host.late()
      const empty = await late.state()
      expect(await runOn(late)).toMatchObject({ ...rightly(), created: late.lacks })
      if (late.lacks > 0 || !host.driver.verifies) expect(await late.state()).not.toBe(empty)
      if (host.driver.verifies) expect(await runOn(host, host.desired, 'observe')).toMatchObject(rightly())
      else expect(await host.state()).toBe(before)
    },

    'a reboot': async () => {
      await runOn()
      await orThrow(host.reboot)()
      expect((await runOn(host, host.desired, 'observe')).verdict).toBe('OutOfSync')
      expect(await runOn()).toMatchObject({ ...rightly(), created: host.devices })
    },

    drift: async () => {
      await runOn()
      await orThrow(host.drift)()
      const found = await runOn(host, host.desired, 'observe')
      expect(found.pending.map(({ uri }) => uri)).toEqual([host.desired[0]?.uri])
      expect(await runOn()).toMatchObject({ ...rightly(), created: host.devices / host.desired.length })
    },

    'half-made': async () => {
      await runOn()
      await orThrow(host.halve)()
      expect((await runOn(host, host.desired, 'observe')).verdict).toBe('OutOfSync')
      expect(await runOn()).toMatchObject(rightly())
    },

    'foreign devices': async () => {
      const read = await orThrow(host.foreign)()
      const before = await read()
      const each = host.devices / host.desired.length
      const ran = await runOn(host, [...host.desired, orThrow(host.theirs)])
      // What CloudStack made is as good as ours, and stays CloudStack's: also once its network is gone.
      expect(ran).toMatchObject({ ...rightly(), devices: host.devices + each, created: host.devices })
      expect(await read()).toBe(before)
      const session = await host.driver.open(host.target, never)
      const { orphans = [] } = await session.look([], labelsOf(host.desired))
      expect(orphans.map(({ uri }) => uri).sort()).toEqual(host.desired.map(({ uri }) => uri).sort())
      for (const orphan of orphans)
        expect(await session.remove?.(orphan, Date.now() + 30_000)).toEqual({ removed: true })
      await session.close()
      expect(await read()).toBe(before)
    },

    idempotence: async () => {
      await runOn()
      const once = await host.state()
      expect(await runOn()).toMatchObject({ ...rightly(), created: 0 })
      expect(await host.state()).toBe(once)
    },

    'a dry run': async () => {
      const before = await host.state()
      const ran = await runOn(host, host.desired, 'observe')
      expect(await host.state()).toBe(before)
      expect(ran.created).toBe(0)
      expect(ran.pending.map(({ uri }) => uri).sort()).toEqual(host.desired.map(({ uri }) => uri).sort())
    },

    'one bad network among many': async () => {
      const bad = orThrow(host.bad)
      const ran = await runOn(host, [bad, ...host.desired])
      expect(ran).toMatchObject({ verdict: 'OutOfSync', devices: host.devices })
      expect(ran.findings.map(({ uri }) => uri)).toEqual([bad.uri])
      expect(await runOn()).toMatchObject({ ...rightly(), created: 0 })
    },

    'a time-out in the middle': async () => {
      let cuts = 0
      for (let after = 0, wasCut = true; wasCut; after = 2 * after + 1) {
        const middle = new AbortController()
        let cutAt = 0
        const driver = whileApplying(host.driver, after, () => {
          cutAt = performance.now()
          middle.abort()
        })
        const run = runOn({ ...host, driver }, host.desired, 'apply', middle.signal)
        const ended = await run.catch((error: unknown) => error)
        wasCut = middle.signal.aborted
        if (!wasCut) continue
        cuts += 1
        expect(performance.now() - cutAt).toBeLessThan(2000)
        if (after === 0 && host.driver.verifies) expect(ended).toBeInstanceOf(Error)
        if (ended instanceof Error) expect(ended.name).toMatch(/^(HostError|AbortError)$/)
      }
      expect(cuts).toBeGreaterThan(0)
      expect(await runOn()).toMatchObject(rightly())
    },

    'wrong credentials': async () => {
      const { driver: refused, reason, secret } = host.wrong
      const before = await host.state()
      const error: unknown = await runOn({ ...host, driver: refused }).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(HostError)
      expect(error).toHaveProperty('reason', reason)
      if (secret !== undefined) expect(String(error)).not.toContain(secret)
      expect(await host.state()).toBe(before)
      expect(await runOn()).toMatchObject(rightly())
    },

    // Conditions a (foreign devices, above) and d; that CloudStack has none, and whose grace has ended, is the flow's (test/local/prune.test.ts).
    removal: async () => {
      const [first, second, third] = host.desired
      await runOn()
      await orThrow(host.occupy)()
      const session = await host.driver.open(host.target, never)
      const view = await session.look([orThrow(third)], labelsOf(host.desired))
      const orphans = view.orphans ?? []
      // Of what is desired no longer, and of that alone …
      expect(orphans.map(({ uri }) => uri).sort()).toEqual([first?.uri, second?.uri].sort())
      const ends = new Map<string | undefined, unknown>()
      for (const orphan of orphans) ends.set(orphan.uri, await session.remove?.(orphan, Date.now() + 30_000))
      await session.close()
      // … nothing that somebody is on.
      expect(ends.get(first?.uri)).toMatchObject({ kept: expect.anything() })
      expect(ends.get(second?.uri)).toEqual({ removed: true })
      const each = host.devices / host.desired.length
      expect((await runOn(host, host.desired, 'observe')).devices).toBe(host.devices - each)
    },
  }
  for (const story of stories) if (cannotTell[driver][story] === undefined) it(story, tales[story])
}

/** The driver; so many milliseconds after an apply began (0: in the same turn) something happens. */
const whileApplying = (driver: Driver, after: number, happens: () => void): Driver => ({
  ...driver,
  open: async (target, signal) => {
    const session = await driver.open(target, signal)
    return {
      ...session,
      look: async (...asked) => {
        const view = await session.look(...asked)
        return {
          ...view,
          apply: () => {
            if (after === 0) setImmediate(happens)
            else setTimeout(happens, after)
            return view.apply()
          },
        }
      },
    }
  },
})

const labelsOf = (desired: readonly DesiredNetwork[]) => [
  ...new Map(desired.map(({ physicalNetwork, label }) => [physicalNetwork, { physicalNetwork, label }])).values(),
]
