/** Removal against simulated hosts: the steps are those of a simulation; test/bed runs the real command on a real kernel. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  type SimulatedHost,
  type SimulatedHosts,
  startHostSimulator,
} from '../../../infra/local/hostSimulator/hostSimulator.ts'
import { Killed } from '../../../infra/local/hostSimulator/removalSimulator.ts'
import type { Orphan, Removal, Session } from '../../../shared/hypervisors/driver.ts'
import { readRemoval, removalInput } from '../../../shared/hypervisors/kvm/removal.ts'
import {
  type RemovalStep,
  removalCommand,
  removalSteps,
  stepLine,
} from '../../../shared/hypervisors/kvm/removalCommand.ts'
import { network, simulatedDriver, targetOf } from './factory.ts'

let simulated: SimulatedHosts
beforeAll(async () => {
  simulated = await startHostSimulator({ names: [] })
})
afterAll(() => simulated?.close())

const orphan: Orphan = { devices: [], uri: 'vlan://100', uplink: 'eth1', physicalNetworks: [] }

interface Scene {
  readonly host: SimulatedHost
  readonly session: Session
  /** Makes the pair, as a network that is gone left it. */
  make(): void
  remove(): Promise<Removal | undefined>
}

let serial = 0
async function scene(): Promise<Scene> {
  const host = await simulated.add(`kvm-${++serial}`)
  const session = await simulatedDriver(simulated).open(targetOf(host), new AbortController().signal)
  onTestFinished(() => session.close())
  const born = { group: 4814, up: true, disableIpv6: true }
  const make = (): void => {
    expect(host.addLink({ ...born, name: 'breth1-100', kind: 'bridge' })).toBeNull()
    const device = { name: 'eth1.100', kind: 'vlan', parent: 'eth1', vlanId: 100, master: 'breth1-100' }
    expect(host.addLink({ ...born, ...device })).toBeNull()
  }
  make()
  const remove = async (): Promise<Removal | undefined> => {
    await session.look([])
    return session.remove?.(orphan, Date.now() + 30_000)
  }
  return { host, session, make, remove }
}

const names = (host: SimulatedHost): readonly string[] => host.links().map(({ name }) => name)
const ours = (host: SimulatedHost) => host.links().filter(({ group }) => group === 4814)
const tap = (host: SimulatedHost, master: string) => host.addLink({ name: 'vnet1', kind: 'tun', master, up: true })

describe('an orphan', () => {
  it('is removed, and nothing else with it', async () => {
    const { host, remove } = await scene()
    const born = names(host).filter((name) => !/100/.test(name))
    expect(await remove()).toEqual({ removed: true })
    expect(names(host)).toEqual(born)
  })

  it('that is gone already counts as removed', async () => {
    const { remove } = await scene()
    await remove()
    expect(await remove()).toEqual({ removed: true })
  })

  it.each<readonly [string, (host: SimulatedHost) => void, string]>([
    ['a tap on its bridge', (host) => void tap(host, 'breth1-100'), 'vnet1 is on breth1-100'],
    [
      'a device on its VLAN device',
      (host) => void host.addLink({ name: 'mac', kind: 'macvlan', parent: 'eth1.100' }),
      'mac is on eth1.100',
    ],
    ['a domain that names it', (host) => host.setDomainBridges(['breth1-100']), 'a libvirt domain'],
    ['domains that cannot be read', (host) => host.setDomainBridges(null), 'cannot all be read'],
  ])('with %s stays to the letter', async (_what, act, why) => {
    const { host, remove } = await scene()
    act(host)
    const before = host.links()
    expect(await remove()).toEqual({ kept: expect.stringContaining(why) })
    expect(host.links()).toEqual(before)
  })

  it('whose uplink would make it another’s name is not touched', async () => {
    const { session, host } = await scene()
    await session.look([])
    const before = host.links()
    expect(await session.remove?.({ ...orphan, uplink: 'eth1; reboot' }, Date.now() + 30_000)).toHaveProperty('kept')
    expect(await session.remove?.({ devices: [], physicalNetworks: [] }, Date.now() + 30_000)).toHaveProperty('kept')
    expect(host.links()).toEqual(before)
  })
})

describe('a removal that is killed', () => {
  it.each(removalSteps)('at the step %s is finished by the next', async (step) => {
    const { host, session, remove } = await scene()
    killAt(host, step)
    expect(await remove()).toHaveProperty('kept')
    host.onRemovalStep(() => {})
    const { orphans } = await session.look([])
    expect(orphans).toHaveLength(step === 'gone' ? 0 : 1)
    expect(await remove()).toEqual({ removed: true })
    expect(ours(host)).toEqual([])
  })

  it.each(removalSteps)('at the step %s is undone when the network is desired again', async (step) => {
    const { host, session, remove } = await scene()
    killAt(host, step)
    await remove()
    const desired = [network('vlan://100')]
    await (await session.look(desired)).apply()
    expect(await session.look(desired)).toMatchObject({ devices: 2, changes: [], findings: [], orphans: [] })
    expect(names(host).filter((name) => name.startsWith('bk'))).toEqual([])
  })

  it.each(['down', 'bridgeAside', 'deviceDown', 'aside', 'judged'] as const)(
    'at the step %s with somebody on the bridge is undone by the next look',
    async (step) => {
      const { host, session, remove } = await scene()
      host.onRemovalStep((at) => {
        if (at !== step) return
        if (tap(host, 'breth1-100') !== null) tap(host, 'bketh1-100')
        throw new Killed()
      })
      await remove()
      const view = await session.look([])
      expect(view.changes).toMatchObject([{ uri: 'vlan://100' }])
      await view.apply()
      expect((await session.look([])).changes).toEqual([])
      expect(network100(host)).toBe('whole')
    },
  )

  it('after CloudStack made another bridge gives its VLAN device up to that one', async () => {
    const { host, session, remove } = await scene()
    killAt(host, 'aside')
    await remove()
    host.addLink({ name: 'breth1-100', kind: 'bridge', up: true })
    const desired = [network('vlan://100')]
    await (await session.look(desired)).apply()
    expect(await session.look(desired)).toMatchObject({ devices: 2, changes: [], findings: [] })
    expect(host.links().find(({ name }) => name === 'eth1.100')?.master).toBe('breth1-100')
  })
})

/** What stands in the way of a VM's frames; `whole` if nothing does. */
function network100(host: SimulatedHost): string {
  const find = (name: string) => host.links().find((link) => link.name === name)
  const [vm, bridge, device] = [find('vnet1'), find('breth1-100'), find('eth1.100')]
  if (vm?.master !== 'breth1-100') return `the tap is in ${vm?.master}`
  if (!bridge?.up) return 'the bridge is not up'
  return device?.up && device.master === 'breth1-100' ? 'whole' : 'the VLAN device is not up in the bridge'
}

function killAt(host: SimulatedHost, step: RemovalStep): void {
  host.onRemovalStep((at) => {
    if (at === step) throw new Killed()
  })
}

/** CloudStack's script (FACTS B3). @returns whether it succeeded */
function cloudStackAdds(host: SimulatedHost): boolean {
  const find = (name: string) => host.links().find((link) => link.name === name)
  if (find('eth1.100') === undefined)
    host.addLink({ name: 'eth1.100', kind: 'vlan', parent: 'eth1', vlanId: 100, up: true })
  if (find('eth1.100') === undefined) return false
  if (find('breth1-100') === undefined) host.addLink({ name: 'breth1-100', kind: 'bridge' })
  host.run('link set dev eth1.100 up\nlink set dev breth1-100 up\nlink set dev eth1.100 master breth1-100\n')
  return find('eth1.100')?.master === 'breth1-100'
}

it('300 rounds against VMs that start at random moments: each has its network, or failed loudly', async () => {
  const { host, make, remove, session } = await scene()
  const count = { removed: 0, kept: 0, attached: 0, failed: 0 }
  let random = 20261122
  const below = (most: number): number => {
    random = (Math.imul(random, 1103515245) + 12345) & 0x7fffffff
    return (random >> 8) % most
  }
  for (let round = 0; round < 300; round++) {
    const step = removalSteps[below(removalSteps.length)]
    const [script, early, killed] = [below(2) === 0, below(4) === 0, below(5) === 0]
    let attached = false
    host.onRemovalStep((at) => {
      if (at !== step) return
      if (script) cloudStackAdds(host)
      attached = tap(host, 'breth1-100') === null
      // Somebody who had found the bridge before it lost its name.
      if (!attached && early && (at === 'bridgeAside' || at === 'deviceDown'))
        attached = tap(host, 'bketh1-100') === null
      if (killed) throw new Killed()
    })
    const removal = await remove()
    host.onRemovalStep(() => {})
    if (killed) await (await session.look([])).apply()
    if (attached) expect(`round ${round} at ${step}: ${network100(host)}`).toBe(`round ${round} at ${step}: whole`)
    count[removal !== undefined && 'removed' in removal ? 'removed' : 'kept']++
    count[attached ? 'attached' : 'failed']++
    for (const { name } of host.links().filter((link) => /100|vnet/.test(link.name))) host.deleteLink(name)
    make()
  }
  expect(count.removed).toBeGreaterThan(50)
  expect(count.kept).toBeGreaterThan(50)
  expect(count.attached).toBeGreaterThan(50)
  expect(count.failed).toBeGreaterThan(50)
})

describe('what the command reads and says', () => {
  it('reads six lines', () => {
    expect(removalInput(orphan, 4814, 99)).toBe('99\n4814\nbreth1-100\neth1.100\nvlan\n\n')
    expect(removalInput({ ...orphan, uri: 'vxlan://70000' }, 4814, 99)).toBe(
      '99\n4814\nbrvx-70000\nvxlan70000\nvxlan\n239.1.17.112\n',
    )
  })

  it.each([
    [{ ...orphan, uplink: 'eth1\nreboot' }, 4814, 1],
    [{ ...orphan, uplink: '-force' }, 4814, 1],
    [{ ...orphan, uplink: 'far-too-long' }, 4814, 1],
    [orphan, 0, 1],
    [orphan, 4814, Number.NaN],
  ])('reads nothing of %j, mark %d, deadline %d', (given, group, deadline) => {
    expect(removalInput(given, group, deadline)).toBeNull()
  })

  it.each<readonly [string, Removal]>([
    ['a banner\n\n@@bridgekeeper:removal@@\nremoved\n', { removed: true }],
    ['\n@@bridgekeeper:removal@@\nkept: vnet1 is on breth1-100\n', { kept: 'vnet1 is on breth1-100' }],
    ['removed\n', { kept: 'the host did not say what it did: words' }],
    ['', { kept: 'the host did not say what it did: words' }],
    ['@@bridgekeeper:removal@@\n', { kept: 'the host did not say what it did: words' }],
  ])('%j says %j', (stdout, removal) => {
    expect(readRemoval({ stdout, stderr: 'words\n' })).toEqual(removal)
  })

  it('has each step once, in order, holds no single quote inside, and never deletes a group', () => {
    const at = removalSteps.map((step) => removalCommand.indexOf(`${stepLine(step)}\n`))
    expect(at).toEqual([...at].sort((one, other) => one - other))
    expect(at.every((place) => place > 0)).toBe(true)
    expect(removalCommand.split("'")).toHaveLength(3)
    expect(removalCommand).not.toMatch(/del(ete)?\s+group/)
  })
})
