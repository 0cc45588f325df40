/** What the agent puts right by itself, and what it leaves alone. */
import { writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { check, decide, type Memory, nothingYet, type RepairPolicy, restore } from '../../infra/agent/repair.ts'
import type { SimulatedKernel } from '../../infra/local/hostSimulator/kernel.ts'
import { type Run, run } from '../../shared/hypervisors/run.ts'
import { network, targetOf } from '../hypervisors/kvm/factory.ts'
import { type SimulatedAgent, startSimulatedAgent } from './simulatedAgent.ts'

const policy: RepairPolicy = { goneMilliseconds: 300_000, trustMilliseconds: 7 * 86_400_000 }
const target = targetOf({ name: 'kvm1', address: '192.0.2.1' })

let host: SimulatedAgent
beforeEach(async () => {
  host = await startSimulatedAgent()
})
afterEach(() => host.stop())

const provision = (uris: readonly string[], mode: 'observe' | 'apply' = 'apply'): Promise<Run> =>
  run(
    host.driver({ mode }),
    target,
    { networks: uris.map((uri) => network(uri)), labels: [] },
    mode,
    new AbortController().signal,
  )

/** @returns whether the pair of vlan://100 is whole */
const isWhole = async (): Promise<boolean> => {
  const view = await (await host.driver({ mode: 'observe' }).open(target, new AbortController().signal)).look([
    network('vlan://100'),
  ])
  await provision(['vlan://100'], 'observe')
  return view.changes.length === 0
}

async function checks(seconds: readonly number[], memory: Memory = nothingYet): Promise<Memory> {
  const begun = host.clock.now
  let now = memory
  for (const second of seconds) {
    host.clock.now = begun + second * 1000
    now = await check(host.parts, policy, now)
  }
  return now
}

describe('between two runs', () => {
  beforeEach(async () => {
    expect(await provision(['vlan://100', 'vlan://101'])).toMatchObject({ verdict: 'InSync', devices: 4 })
  })

  it.each<[string, (kernel: SimulatedKernel) => void]>([
    ['a device that is down', (kernel) => kernel.setDown('eth1.100')],
    ['IPv6 switched on', (kernel) => kernel.enableIpv6('breth1-100')],
    ['a VLAN device whose bridge is gone', (kernel) => kernel.delete('breth1-100')],
    ['a bridge whose VLAN device is gone', (kernel) => kernel.delete('eth1.100')],
  ])('%s is put right by the next check', async (_says, damage) => {
    const before = host.state()
    damage(host.kernel())
    expect(host.state()).not.toBe(before)
    await checks([1])
    expect(await isWhole()).toBe(true)
    expect(await host.parts.keep.repairs()).toMatchObject({ times: 1, devices: ['breth1-100', 'eth1.100'] })
  })

  const deletePair = (): void => {
    host.kernel().delete('eth1.100')
    host.kernel().delete('breth1-100')
  }

  it('a pair that is gone is made again once it has been gone for as long as its deletion’s news may take', async () => {
    deletePair()
    const memory = await checks([1, 100, 299])
    expect(host.names()).not.toContain('breth1-100')
    await checks([2], memory)
    expect(host.names()).toEqual(expect.arrayContaining(['breth1-100', 'eth1.100']))
  })

  it('a pair whose network is no longer desired is not made again', async () => {
    deletePair()
    const memory = await checks([1, 100])
    await provision(['vlan://101'])
    await checks([1, 1000], memory)
    expect(host.names()).not.toContain('breth1-100')
    expect(await host.parts.keep.repairs()).toMatchObject({ times: 0 })
  })

  it('what others made under a device’s name is left', async () => {
    deletePair()
    host.kernel().add({ name: 'breth1-100', kind: 'bridge' })
    host.kernel().add({ name: 'eth9', master: 'breth1-100' })
    host.kernel().enslave('eth1.101', 'breth1-100')
    const before = host.state()
    await checks([1, 400])
    expect(host.state()).toBe(before)
  })

  it('nothing is done, nor asked again, while nothing changes', async () => {
    const before = host.state()
    const memory = await checks([1, 2])
    expect(memory.last).toBeDefined()
    expect(host.state()).toBe(before)
    expect(await host.parts.keep.repairs()).toEqual({ times: 0, devices: [] })
  })

  it('nothing is done once the provisioner has been silent for too long', async () => {
    host.kernel().setDown('eth1.100')
    await checks([7 * 86_400 + 1])
    expect(await isWhole()).toBe(false)
  })

  it('nothing is done where the provisioner only observes', async () => {
    await provision(['vlan://100', 'vlan://101'], 'observe')
    host.kernel().setDown('eth1.100')
    await checks([1])
    expect(await isWhole()).toBe(false)
  })

  it('a repair is told by the next run', async () => {
    host.kernel().setDown('eth1.100')
    await checks([1])
    const repairedAt = host.clock.now
    expect(await provision(['vlan://100', 'vlan://101'])).toMatchObject({
      created: 0,
      agent: { version: '0.1.0', repairs: 1, repairedAt },
      repaired: ['breth1-100', 'eth1.100'],
    })
  })
})

describe('at boot', () => {
  const noSleep = async (milliseconds: number): Promise<void> => {
    host.clock.now += milliseconds
  }

  it('everything that was last desired is back', async () => {
    await provision(['vlan://100', 'vlan://101', 'vxlan://70000'])
    host.reboot()
    expect(host.names()).not.toContain('breth1-100')
    expect(await restore(host.parts, policy, 60_000, noSleep)).toMatchObject({ devices: 6, lacking: [] })
    expect(host.names()).toEqual(expect.arrayContaining(['breth1-100', 'eth1.101', 'brvx-70000']))
    expect(await host.parts.keep.repairs()).toMatchObject({ times: 1 })
  })

  it('uplinks that come late are waited for', async () => {
    await provision(['vlan://100'])
    host.reboot([{ name: 'lo', up: true }])
    const waits: number[] = []
    const late = async (milliseconds: number): Promise<void> => {
      waits.push(milliseconds)
      host.clock.now += milliseconds
      if (waits.length === 3) host.kernel().add({ name: 'cloudbr1', kind: 'bridge', up: true })
      if (waits.length === 5) host.kernel().add({ name: 'eth1', master: 'cloudbr1', up: true })
    }
    expect(await restore(host.parts, policy, 60_000, late)).toMatchObject({ devices: 2, lacking: [] })
    expect(waits).toHaveLength(5)
  })

  it('uplinks that never come hold the boot up for no longer than that', async () => {
    await provision(['vlan://100'])
    host.reboot([{ name: 'lo', up: true }])
    const begun = host.clock.now
    expect(await restore(host.parts, policy, 60_000, noSleep)).toMatchObject({ lacking: ['vlan://100'] })
    expect(host.clock.now - begun).toBeLessThanOrEqual(60_000)
  })

  it('a host that was never spoken to has nothing to restore', async () => {
    expect(await restore(host.parts, policy, 60_000, noSleep)).toEqual({ lacking: [] })
  })

  it('a file that was damaged is passed over', async () => {
    await provision(['vlan://100'])
    await writeFile(`${host.folder}/desired.json`, '{"v":1,"at":')
    expect(await restore(host.parts, policy, 60_000, noSleep)).toEqual({ lacking: [] })
  })
})

it('remembers since when each pair has been gone', () => {
  const change = (id: number) => ({
    physicalNetwork: 'pn1',
    uri: `vlan://${id}`,
    devices: [`breth1-${id}`, `eth1.${id}`],
    steps: ['create'],
  })
  const first = decide([change(1), change(2)], new Set(['breth1-1']), new Map(), 1_000, { goneMilliseconds: 500 })
  expect(first).toEqual({ now: new Set(['pn1 vlan://1']), goneSince: new Map([['pn1 vlan://2', 1_000]]) })
  const second = decide([change(2), change(3)], new Set(), first.goneSince, 1_500, { goneMilliseconds: 500 })
  expect(second).toEqual({ now: new Set(['pn1 vlan://2']), goneSince: new Map([['pn1 vlan://3', 1_500]]) })
})
