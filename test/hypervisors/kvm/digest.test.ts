/** The fast check, counted: what a verification of a host that is as it was seen costs, and what forces a listing. */
import { describe, expect, it, test } from 'vitest'
import { createSimulatedKernel, type SimulatedKernel } from '../../../infra/local/hostSimulator/kernel.ts'
import { type ObservedHost, simulateObservation } from '../../../infra/local/hostSimulator/observationSimulator.ts'
import { outcomeOf } from '../../../infra/local/hostSimulator/sshSimulator.ts'
import type { Driver, LastLook, View } from '../../../shared/hypervisors/driver.ts'
import { observeCommand } from '../../../shared/hypervisors/kvm/commands.ts'
import { digestOf } from '../../../shared/hypervisors/kvm/digest.ts'
import { kvmDriver } from '../../../shared/hypervisors/kvm/driver.ts'
import { readListing } from '../../../shared/hypervisors/kvm/observe.ts'
import { run } from '../../../shared/hypervisors/run.ts'
import { network, targetOf } from './factory.ts'

const desired = { networks: [network('vlan://100'), network('vxlan://7')], labels: [] }
const target = targetOf({ name: 'kvm1', address: '192.0.2.1' })
const signal = new AbortController().signal

type Changing = { -readonly [key in keyof ObservedHost]: ObservedHost[key] }

/** A simulated host, and how often it ran a command, and how often it listed its links. */
function counted(group?: number) {
  const host: Changing & { kernel: SimulatedKernel } = {
    hostname: 'kvm1',
    bootId: '28072913-87e6-4979-8f01-bedc2ebf0bad',
    kernel: createSimulatedKernel([
      { name: 'cloudbr1', kind: 'bridge', up: true },
      { name: 'eth1', master: 'cloudbr1', up: true },
      { name: 'vnet0', kind: 'tun', master: 'cloudbr1', up: true },
    ]),
    agentProperties: ['guest.network.device=cloudbr1'],
  }
  const count = { execs: 0, listings: 0 }
  const exec = async (command: string, input = '') => {
    const { stdout = '', stderr, code } = outcomeOf(command, input, host)
    count.execs += 1
    if (stdout.includes('@@bridgekeeper:links@@')) count.listings += 1
    return { stdout, stderr, code }
  }
  const driver = (mark = group): Driver => kvmDriver(async () => ({ exec, close: async () => {} }), mark)
  const verify = async (last?: LastLook, of = driver()) => {
    Object.assign(count, { execs: 0, listings: 0 })
    return { ...(await run(of, target, desired, 'apply', signal, undefined, last)), ...count }
  }
  return { host, driver, verify }
}

const lastOf = ({ seen, devices }: Pick<View, 'seen' | 'devices'>): LastLook => {
  if (seen === undefined) throw new Error('nothing was seen')
  return { seen, devices }
}

describe('a host where there is nothing to do', () => {
  it('costs one command and no listing, and is in sync with the devices of last time', async () => {
    const { verify, host } = counted()
    const first = await verify()
    expect(first).toMatchObject({ verdict: 'InSync', devices: 4, created: 4, unchanged: false, execs: 2, listings: 2 })
    for (const _ of [1, 2]) {
      expect(await verify(lastOf(first))).toMatchObject({
        verdict: 'InSync',
        bootId: host.bootId,
        devices: 4,
        created: 0,
        unchanged: true,
        seen: first.seen,
        execs: 1,
        listings: 0,
      })
    }
  })

  it('is the same whatever VMs start and stop, and as time goes by', async () => {
    const { verify, host } = counted()
    const first = await verify()
    host.kernel.delete('vnet0')
    host.kernel.add({ name: 'vnet7', kind: 'tun', master: 'breth1-100', up: true })
    host.uptime = () => 999_999
    expect(await verify(lastOf(first))).toMatchObject({ unchanged: true, listings: 0 })
  })
})

describe('each of these forces a listing', () => {
  test.each<readonly [string, (host: ReturnType<typeof counted>['host']) => unknown]>([
    ['a device of ours is deleted', ({ kernel }) => kernel.delete('eth1.100')],
    ['a bridge of ours is deleted', ({ kernel }) => kernel.delete('brvx-7')],
    ['a device goes down', ({ kernel }) => kernel.setDown('eth1.100')],
    ['a bridge goes down', ({ kernel }) => kernel.setDown('breth1-100')],
    [
      'a device moves to another bridge',
      ({ kernel }) => [kernel.add({ name: 'br9', kind: 'bridge' }), kernel.enslave('eth1.100', 'br9')],
    ],
    ['the uplink moves', ({ kernel }) => kernel.enslave('eth1', 'breth1-100')],
    [
      'a device is renamed',
      ({ kernel }) => [kernel.setDown('eth1.100'), kernel.rename('eth1.100', 'x'), kernel.setUp('x')],
    ],
    ['IPv6 is switched on', ({ kernel }) => kernel.enableIpv6('breth1-100')],
    [
      'a device is made anew as it was',
      ({ kernel }) => {
        const made = kernel.find('eth1.100')
        kernel.delete('eth1.100')
        if (made !== undefined) kernel.add(made)
      },
    ],
    [
      'a device is made anew of another kind',
      ({ kernel }) => {
        kernel.delete('eth1.100')
        kernel.add({ name: 'eth1.100', parent: 'eth1', kind: 'macvlan', master: 'breth1-100', up: true, group: 4814 })
      },
    ],
    ['somebody takes the tag above the uplink’s bridge', ({ kernel }) => kernel.add(foreignTag)],
    ['the mark is taken away', ({ kernel }) => kernel.mark('eth1.100', 0)],
    ['something foreign gets the mark', ({ kernel }) => kernel.mark('cloudbr1', 4814)],
    ['the MTU changes', ({ kernel }) => kernel.setMtu('eth1', 1400)],
    ['the route of a VXLAN group is gone', ({ kernel }) => kernel.deleteRoute('239.0.0.7', 148)],
    ['modifyvxlan.sh is another', (host) => Object.assign(host, { vxlanScript: 'other' })],
    ['the agent has other keys', (host) => Object.assign(host, { agentProperties: ['guest.network.device=x'] })],
    ['it was booted', (host) => Object.assign(host, { bootId: '38072913-87e6-4979-8f01-bedc2ebf0bad' })],
  ])('%s', async (_says, damage) => {
    const { verify, host } = counted()
    const last = lastOf(await verify())
    expect((await verify(last)).listings).toBe(0)
    damage(host)
    expect((await verify(last)).listings).toBeGreaterThan(0)
  })

  const foreignTag = { name: 'cloudbr1.100', kind: 'vlan', parent: 'cloudbr1', vlanId: 100, up: true } as const

  it('another mark, and what is no digest at all', async () => {
    const { verify, driver } = counted()
    const last = lastOf(await verify())
    expect((await verify(last, driver(99))).listings).toBe(1)
    expect((await verify({ ...last, seen: 'hunter2\nreboot' })).listings).toBe(1)
  })
})

it('a host with an MTU that differs is in sync and tells it, so it is listed each time', async () => {
  const { verify, host } = counted()
  await verify()
  host.kernel.setMtu('eth1.100', 1400)
  const told = await verify()
  expect(told).toMatchObject({ verdict: 'InSync', findings: [{ uri: 'vlan://100', reason: 'MtuDiffers' }] })
  expect(told).not.toHaveProperty('seen')
})

describe('nothing is kept of a look', () => {
  it('that found something to do, or something to tell', async () => {
    const { driver, host } = counted()
    const session = await driver().open(target, signal)
    expect(await session.look(desired.networks)).not.toHaveProperty('seen')
    host.kernel.add({ name: 'cloudbr1.100', kind: 'vlan', parent: 'cloudbr1', vlanId: 100, up: true })
    expect(await session.look([network('vlan://100')])).not.toHaveProperty('seen')
  })

  it('that found an orphan', async () => {
    const { driver, verify } = counted()
    await verify()
    const session = await driver().open(target, signal)
    expect(await session.look(desired.networks.slice(0, 1))).not.toHaveProperty('seen')
    expect(await session.look(desired.networks)).toHaveProperty('seen')
  })
})

it('a host that says that nothing changed without having been asked is misread', async () => {
  const { host } = counted()
  const digest = digestOf(readListing(simulateObservation(host))) ?? ''
  const exec = async () => outcomeOf(observeCommand, `${digest}\n`, host)
  const driver = kvmDriver(async () => ({
    exec: async () => ({ stdout: '', ...(await exec()) }),
    close: async () => {},
  }))
  const session = await driver.open(target, signal)
  await expect(session.look(desired.networks)).rejects.toMatchObject({ reason: 'HostMisread' })
})
