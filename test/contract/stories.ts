/**
 * Eleven stories of a host, told by each of the six drivers on whatever stands for its hypervisor: the same words and the same judgement,
 * so that no driver is held to less. In: a host and what can happen to it. A story that a driver cannot tell is named with its reason.
 */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Driver, HostError, type Target } from '../../shared/hypervisors/driver.ts'
import { type Run, run } from '../../shared/hypervisors/run.ts'
import type { DesiredNetwork } from '../../shared/reconcile/model.ts'
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

export const drivers = [
  'kvm-ssh',
  'kvm-agent',
  'xenserver',
  'vmware standard',
  'vmware distributed',
  'cloudstack',
] as const
export type StoryDriver = (typeof drivers)[number]

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

/** A host of one zone, and what can happen to it. Its desired networks are three. */
export interface StoryHost extends ContractHost {
  /** Another host, which joins only now; and all that is on it. */
  late(): Promise<Pick<ContractHost, 'driver' | 'target' | 'state'>>
  /** What a reboot loses is lost. */
  reboot?(): Promise<void>
  /** Somebody takes away what stands for the first network. */
  drift?(): Promise<void>
  /** Of what stands for the first network a part is gone, or not as it should be. */
  halve?(): Promise<void>
  /** Somebody else's things, near to ours; how they read from then on. */
  foreign?(): Promise<() => Promise<string>>
  /** One that this host cannot have. */
  readonly bad?: DesiredNetwork
  /** Somebody is on what stands for the first network. */
  occupy?(): Promise<void>
  /** The driver, with credentials that are not good here. */
  wrong(): Driver
}

export function tellStories(driver: StoryDriver, start: () => Promise<StoryHost>): void {
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
  const tell = (story: Story, work: () => Promise<void>): void => {
    if (cannotTell[driver][story] === undefined) it(story, work)
  }
  const can = async <T>(act: (() => Promise<T>) | undefined): Promise<T> => {
    if (act === undefined) throw new Error('this host lacks what the story needs')
    return act()
  }

  tell('a late host', async () => {
    await runOn()
    const before = await host.state()
    const late = await host.late()
    const empty = await late.state()
    expect(await runOn(late)).toMatchObject(rightly())
    expect(await late.state()).not.toBe(empty)
    if (host.driver.verifies)
      expect(await runOn(host, host.desired, 'observe')).toMatchObject({ ...rightly(), created: 0 })
    else expect(await host.state()).toBe(before)
  })

  tell('a reboot', async () => {
    await runOn()
    await can(host.reboot)
    expect((await runOn(host, host.desired, 'observe')).verdict).toBe('OutOfSync')
    expect(await runOn()).toMatchObject({ ...rightly(), created: host.devices })
  })

  tell('drift', async () => {
    await runOn()
    await can(host.drift)
    const found = await runOn(host, host.desired, 'observe')
    expect(found.pending.map(({ uri }) => uri)).toEqual([host.desired[0]?.uri])
    const ran = await runOn()
    expect(ran).toMatchObject(rightly())
    expect(ran.created).toBeGreaterThan(0)
  })

  tell('half-made', async () => {
    await runOn()
    await can(host.halve)
    expect((await runOn(host, host.desired, 'observe')).verdict).toBe('OutOfSync')
    expect(await runOn()).toMatchObject(rightly())
  })

  tell('foreign devices', async () => {
    const read = await can(host.foreign)
    const before = await read()
    expect(await runOn()).toMatchObject(rightly())
    expect(await read()).toBe(before)
    const session = await host.driver.open(host.target, never)
    const { orphans = [] } = await session.look([], labelsOf(host.desired))
    expect(orphans).toHaveLength(session.remove === undefined ? 0 : host.desired.length)
    for (const orphan of orphans) await session.remove?.(orphan, Date.now() + 30_000)
    await session.close()
    expect(await read()).toBe(before)
  })

  tell('idempotence', async () => {
    await runOn()
    const once = await host.state()
    expect(await runOn()).toMatchObject({ ...rightly(), created: 0 })
    expect(await host.state()).toBe(once)
  })

  tell('a dry run', async () => {
    const before = await host.state()
    const ran = await runOn(host, host.desired, 'observe')
    expect(await host.state()).toBe(before)
    expect(ran.created).toBe(0)
    expect(ran.pending.map(({ uri }) => uri).sort()).toEqual(host.desired.map(({ uri }) => uri).sort())
  })

  tell('one bad network among many', async () => {
    const bad = host.bad ?? fail('there is no bad network')
    const ran = await runOn(host, [bad, ...host.desired])
    expect(ran).toMatchObject({ verdict: 'OutOfSync', devices: host.devices })
    expect(ran.findings.map(({ uri }) => uri)).toEqual([bad.uri])
    expect(await runOn()).toMatchObject({ ...rightly(), created: 0 })
  })

  tell('a time-out in the middle', async () => {
    for (const after of [0, 1, 3, 10, 30]) {
      const controller = new AbortController()
      const running = runOn(host, host.desired, 'apply', controller.signal).catch((error: unknown) => error)
      await new Promise((resolve) => setTimeout(resolve, after))
      const begun = performance.now()
      controller.abort()
      const ended = await running
      expect(performance.now() - begun).toBeLessThan(2000)
      if (ended instanceof Error) expect(ended.name).toMatch(/HostError|AbortError/)
    }
    expect(await runOn()).toMatchObject(rightly())
  })

  tell('wrong credentials', async () => {
    const before = await host.state()
    const error: unknown = await runOn({ ...host, driver: host.wrong() }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(HostError)
    expect(await host.state()).toBe(before)
  })

  tell('removal', async () => {
    const [first, second, third] = host.desired
    await runOn()
    await can(host.occupy)
    const session = await host.driver.open(host.target, never)
    const view = await session.look(third === undefined ? [] : [third], labelsOf(host.desired))
    const orphans = view.orphans ?? []
    // Of what is desired no longer, and of that alone …
    expect(orphans.map(({ uri }) => uri).sort()).toEqual([first?.uri, second?.uri].sort())
    const ends = new Map<string | undefined, unknown>()
    for (const orphan of orphans) ends.set(orphan.uri, await session.remove?.(orphan, Date.now() + 30_000))
    await session.close()
    // … nothing that somebody is on.
    expect(ends.get(first?.uri)).toMatchObject({ kept: expect.anything() })
    expect(ends.get(second?.uri)).toEqual({ removed: true })
    const [, each = 0] = [0, host.devices / host.desired.length]
    expect((await runOn(host, host.desired, 'observe')).devices).toBe(host.devices - each)
  })
}

const labelsOf = (desired: readonly DesiredNetwork[]) => [
  ...new Map(desired.map(({ physicalNetwork, label }) => [physicalNetwork, { physicalNetwork, label }])).values(),
]

function fail(what: string): never {
  throw new Error(what)
}
