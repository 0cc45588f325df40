/** What every hypervisor driver must do; run over each with `describe.each` (driver.test.ts, and the test beds). */
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Driver, Session, Target } from '../../shared/hypervisors/driver.ts'
import type { DesiredNetwork } from '../../shared/reconcile/model.ts'

/** A host without any of the desired devices, and a driver that serves it. */
export interface ContractHost {
  readonly driver: Driver
  readonly target: Target
  readonly desired: readonly DesiredNetwork[]
  /** How many devices there are once all of them are present and right; 0 for a driver that cannot look. */
  readonly devices: number
  /** Everything on the host that a driver could change, as text. */
  state(): Promise<string>
  /** Ends the host, or gives it back without our devices. */
  stop(): Promise<void>
}

export function driverContract(start: () => Promise<ContractHost>): void {
  let host: ContractHost
  let sessions: Session[]
  beforeEach(async () => {
    sessions = []
    host = await start()
  })
  afterEach(async () => {
    await Promise.all(sessions.map((session) => session.close()))
    await host?.stop()
  })
  const open = async (signal: AbortSignal = new AbortController().signal): Promise<Session> => {
    const session = await host.driver.open(host.target, signal)
    sessions.push(session)
    return session
  }

  it('finds that an empty host lacks every network', async () => {
    const view = await (await open()).look(host.desired)
    expect(view.changes.map((change) => change.uri).sort()).toEqual(host.desired.map((network) => network.uri).sort())
    expect(view.changes.filter((change) => change.steps.length === 0)).toEqual([])
    expect(view.findings).toEqual([])
    expect(view.devices).toBe(0)
  })

  it('finds nothing to do after applying, and counts the devices', async () => {
    const session = await open()
    const applied = await (await session.look(host.desired)).apply()
    for (const after of [applied, await session.look(host.desired)]) {
      expect(after.changes).toEqual([])
      expect(after.findings).toEqual([])
      expect(after.devices).toBe(host.devices)
    }
  })

  it('changes nothing by looking', async () => {
    const before = await host.state()
    const session = await open()
    await session.look(host.desired)
    await session.look([])
    expect(await host.state()).toBe(before)
  })

  it('changes nothing by applying twice', async () => {
    const session = await open()
    const view = await session.look(host.desired)
    await view.apply()
    const once = await host.state()
    await (await session.look(host.desired)).apply()
    expect(await host.state()).toBe(once)
  })

  it('has nothing to do where nothing is desired', async () => {
    const { changes, findings, devices } = await (await open()).look([])
    expect({ changes, findings, devices }).toEqual({ changes: [], findings: [], devices: 0 })
  })

  it('finds what networks that are gone left behind, and removes all of it, if it says that it removes', async () => {
    const before = await host.state()
    const session = await open()
    await (await session.look(host.desired)).apply()
    expect((await session.look(host.desired)).orphans ?? []).toEqual([])
    const { orphans = [] } = await session.look([])
    expect(orphans).toHaveLength(session.remove === undefined ? 0 : host.desired.length)
    for (const orphan of orphans) expect(await session.remove?.(orphan, Date.now() + 30_000)).toEqual({ removed: true })
    expect((await session.look([])).orphans ?? []).toEqual([])
    if (session.remove !== undefined) expect(await host.state()).toBe(before)
  })

  it('removes nothing after the deadline', async () => {
    const session = await open()
    await (await session.look(host.desired)).apply()
    const { orphans = [] } = await session.look([])
    const before = await host.state()
    for (const orphan of orphans) expect(await session.remove?.(orphan, Date.now() - 1)).toHaveProperty('kept')
    expect(await host.state()).toBe(before)
  })

  it('may be closed twice', async () => {
    const session = await open()
    await session.look(host.desired)
    await session.close()
    await session.close()
  })

  it('refuses to apply within a second of the signal, and changes nothing more', async () => {
    const controller = new AbortController()
    const view = await (await open(controller.signal)).look(host.desired)
    const before = await host.state()
    controller.abort()
    const begun = performance.now()
    await expect(view.apply()).rejects.toThrow()
    expect(performance.now() - begun).toBeLessThan(1_000)
    expect(await host.state()).toBe(before)
  })
}
