import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  type SimulatedHost,
  type SimulatedHosts,
  startHostSimulator,
} from '../../../infra/local/hostSimulator/hostSimulator.ts'
import type { Session, View } from '../../../shared/hypervisors/driver.ts'
import { applyCommand, observeCommand } from '../../../shared/hypervisors/kvm/commands.ts'
import { createKvmSshDriver, kvmDriver } from '../../../shared/hypervisors/kvm/driver.ts'
import { type Answer, connect } from '../../../shared/hypervisors/kvm/ssh.ts'
import type { Logger } from '../../../shared/runtime/logger.ts'
import { silent } from '../../../shared/runtime/logger.ts'
import { keysOfSimulator, network, simulatedDriver, targetOf } from './factory.ts'

let simulated: SimulatedHosts
beforeAll(async () => {
  simulated = await startHostSimulator({ names: [] })
})
afterAll(() => simulated?.close())

let serial = 0
const newHost = (): Promise<SimulatedHost> => simulated.add(`kvm-${++serial}`)
const signal = (): AbortSignal => new AbortController().signal
const desired = [network('vlan://100'), network('vlan://101')]

async function sessionWith(host: SimulatedHost, name = host.name): Promise<Session> {
  const session = await simulatedDriver(simulated).open({ ...targetOf(host), name }, signal())
  onTestFinished(() => session.close())
  return session
}

async function provision(host: SimulatedHost): Promise<View> {
  const session = await sessionWith(host)
  await (await session.look(desired)).apply()
  return session.look(desired)
}

test('what it creates has CloudStack’s names, the VLAN id, our mark, and IPv6 off', async () => {
  const host = await newHost()
  const before = host.links()
  expect(await provision(host)).toMatchObject({ bootId: host.bootId(), devices: 4, changes: [], findings: [] })
  expect(host.links().slice(0, before.length)).toEqual(before)
  const born = { up: true, group: 4814, disableIpv6: true }
  expect(host.links().slice(before.length)).toMatchObject([
    { ...born, name: 'breth1-100', kind: 'bridge', parent: null, master: null },
    { ...born, name: 'eth1.100', kind: 'vlan', parent: 'eth1', master: 'breth1-100', vlanId: 100 },
    { ...born, name: 'breth1-101', kind: 'bridge', parent: null, master: null },
    { ...born, name: 'eth1.101', kind: 'vlan', parent: 'eth1', master: 'breth1-101', vlanId: 101 },
  ])
})

describe('a host that lost something', () => {
  test.each(['breth1-100', 'eth1.100'])('gets %s back, and its boot id is the same', async (name) => {
    const host = await newHost()
    const { bootId } = await provision(host)
    host.deleteLink(name)
    expect(await provision(host)).toMatchObject({ bootId, devices: 4, changes: [] })
    expect(host.links().find((link) => link.name === 'eth1.100')?.master).toBe('breth1-100')
  })

  test('gets everything back after a reboot, and shows another boot id', async () => {
    const host = await newHost()
    const { bootId } = await provision(host)
    await host.reboot()
    const after = await provision(host)
    expect(after).toMatchObject({ devices: 4, changes: [] })
    expect(after.bootId).not.toBe(bootId)
  })
})

test('a device that CloudStack made is completed and not marked', async () => {
  const host = await newHost()
  host.addLink({ name: 'eth1.100', kind: 'vlan', parent: 'eth1', vlanId: 100 })
  expect(await provision(host)).toMatchObject({ devices: 4, changes: [] })
  const adopted = host.links().find((link) => link.name === 'eth1.100')
  expect(adopted).toMatchObject({ group: 0, up: true, disableIpv6: true, master: 'breth1-100' })
})

test('a conflict leaves its network alone and the others served', async () => {
  const host = await newHost()
  host.addLink({ name: 'cloudbr1.100', kind: 'vlan', parent: 'cloudbr1', vlanId: 100, up: true })
  const view = await provision(host)
  expect(view).toMatchObject({ devices: 2, changes: [], findings: [{ uri: 'vlan://100', reason: 'Conflict' }] })
  expect(host.links().some((link) => link.name === 'eth1.100')).toBe(false)
})

test('what changes between look and apply is no error, is logged, and the next look tells', async () => {
  const host = await newHost()
  const warnings: unknown[] = []
  const logger: Logger = { ...silent, warn: (_message, fields) => warnings.push(fields) }
  const session = await simulatedDriver(simulated, { logger }).open(targetOf(host), signal())
  onTestFinished(() => session.close())
  const view = await session.look(desired)
  host.addLink({ name: 'stranger', kind: 'vlan', parent: 'eth1', vlanId: 100 })
  await view.apply()
  expect(warnings).toMatchObject([
    { phase: 'create', code: 1 },
    { phase: 'up', code: 1 },
  ])
  expect(await session.look(desired)).toMatchObject({
    devices: 2,
    findings: [{ uri: 'vlan://100', reason: 'Conflict' }],
  })
})

test('a batch that is ended by the kernel’s tool leaves work for the next look', async () => {
  const host = await newHost()
  host.addLink({ name: 'breth1-100', kind: 'bridge', up: true, disableIpv6: true })
  const session = await sessionWith(host)
  const view = await session.look(desired)
  host.deleteLink('breth1-100')
  await view.apply()
  const second = await session.look(desired)
  expect(second.changes).toHaveLength(2)
  await second.apply()
  expect(await session.look(desired)).toMatchObject({ devices: 4, changes: [] })
})

test('a batch that comes to the host after its deadline does nothing, and says so', async () => {
  const host = await newHost()
  let clock = 1_000_000_000
  const session = await simulatedDriver(simulated, { now: () => clock }).open(targetOf(host), signal())
  onTestFinished(() => session.close())
  const view = await session.look(desired)
  const before = host.links()
  clock -= 200_000
  await expect(view.apply()).rejects.toMatchObject({ reason: 'TimeOut' })
  expect(host.links()).toEqual(before)
  clock += 200_000
  await view.apply()
  expect((await session.look(desired)).changes).toEqual([])
})

test('orphans are told with the physical networks of their label, and readiness label by label', async () => {
  const host = await newHost()
  await provision(host)
  const session = await sessionWith(host)
  const labels = [
    { physicalNetwork: 'pn1', label: 'cloudbr1', isolation: 'VLAN', vlans: '100-200' },
    { physicalNetwork: 'pn2', label: 'nowhere' },
  ]
  const { orphans, readiness } = await session.look(desired.slice(0, 1), labels)
  const left = { uri: 'vlan://101', uplink: 'eth1', physicalNetworks: ['pn1'] }
  expect(orphans).toEqual([{ ...left, devices: ['breth1-101', 'eth1.101'] }])
  expect(readiness).toMatchObject([
    { physicalNetwork: 'pn1', uri: 'label://cloudbr1', reason: 'Noted' },
    { physicalNetwork: 'pn2', uri: 'label://nowhere', reason: 'UplinkMissing' },
  ])
})

test('VXLAN: networks beyond the kernel’s limit say so, and the others are made with their routes', async () => {
  const host = await newHost()
  const session = await sessionWith(host)
  const networks = Array.from({ length: 22 }, (_, at) => network(`vxlan://${at + 1}`))
  await (await session.look(networks)).apply()
  const after = await session.look(networks)
  expect(after).toMatchObject({ devices: 40, changes: [] })
  expect(after.findings.map(({ uri, reason }) => [uri, reason])).toEqual([
    ['vxlan://21', 'KernelLimit'],
    ['vxlan://22', 'KernelLimit'],
  ])
  expect(host.routes()).toHaveLength(20)
  expect(host.routes()[0]).toEqual({ destination: '239.0.0.1', device: 'cloudbr1', protocol: 148 })
})

test('VXLAN: a device that cannot join its group any more since the look is left for the next look', async () => {
  const host = await newHost()
  const session = await sessionWith(host)
  const networks = Array.from({ length: 20 }, (_, at) => network(`vxlan://${at + 1}`))
  const view = await session.look(networks)
  host.addLink({ name: 'stranger', kind: 'vxlan', parent: 'eth1', vni: 99, multicast: '239.0.0.99', up: true })
  await view.apply()
  const after = await session.look(networks)
  expect(after.findings).toMatchObject([{ uri: 'vxlan://20', reason: 'KernelLimit' }])
  host.deleteLink('stranger')
  expect((await session.look(networks)).changes).toMatchObject([{ uri: 'vxlan://20', steps: ['set vxlan20 up'] }])
})

test('VXLAN: a host whose modifyvxlan.sh is a site’s own is left alone', async () => {
  const host = await newHost()
  host.setVxlanScript('other')
  const view = await (await sessionWith(host)).look([network('vxlan://1')])
  expect(view).toMatchObject({ changes: [], findings: [{ reason: 'Unsupported' }] })
  expect(view.findings[0]?.detail).toContain('set BRIDGEKEEPER_VXLAN=script')
})

test('VXLAN: where a setting says so the host’s own script is run, and what it made is right and not marked', async () => {
  const host = await newHost()
  host.setVxlanScript('other')
  const session = await simulatedDriver(simulated, { vxlan: 'script' }).open(targetOf(host), signal())
  onTestFinished(() => session.close())
  const networks = [network('vlan://100'), network('vxlan://1'), network('vxlan://2')]
  const before = await session.look(networks)
  expect(before.changes[1]).toMatchObject({
    devices: ['brvx-1', 'vxlan1'],
    steps: ['run the host’s modifyvxlan.sh for VNI 1 on cloudbr1, with brvx-1'],
  })
  await before.apply()
  expect(await session.look(networks)).toMatchObject({ devices: 6, changes: [], findings: [], orphans: [] })
  const made = host.links().filter(({ name }) => /vx/.test(name))
  expect(made.map(({ name, group, multicast = null }) => [name, group, multicast])).toEqual(
    ['vxlan1', 'brvx-1', 'vxlan2', 'brvx-2'].map((name) => [name, 0, null]),
  )
  expect(await session.look([])).toMatchObject({ orphans: [{ uri: 'vlan://100' }] })
  host.deleteLink('vxlan1')
  expect((await session.look(networks)).changes).toMatchObject([{ uri: 'vxlan://1' }])
})

describe('the machine’s name', () => {
  test('may differ in case and domain', async () => {
    const host = await newHost()
    expect(
      (await (await sessionWith(host, `${host.name.toUpperCase()}.cloud.example`)).look(desired)).changes,
    ).toHaveLength(2)
  })

  test('may be another where a setting says which', async () => {
    const host = await newHost()
    const hostnames = { 'cloud-name': host.name }
    const opened = async (name: string): Promise<Session> => {
      const session = await simulatedDriver(simulated, { hostnames }).open({ ...targetOf(host), name }, signal())
      onTestFinished(() => session.close())
      return session
    }
    expect((await (await opened('cloud-name')).look(desired)).changes).toHaveLength(2)
    const asBefore = (await opened('another')).look(desired)
    await expect(asBefore).rejects.toThrow(`The machine calls itself ${host.name}, and CloudStack calls it another.`)
  })

  test('is wrong where it is not the one that a setting names, although it is CloudStack’s', async () => {
    const host = await newHost()
    const driver = simulatedDriver(simulated, { hostnames: { [host.name]: 'elsewhere' } })
    const session = await driver.open(targetOf(host), signal())
    onTestFinished(() => session.close())
    await expect(session.look(desired)).rejects.toMatchObject({
      reason: 'WrongHost',
      message: `The machine calls itself ${host.name}, and ${host.name} is set to be elsewhere.`,
    })
  })

  test('otherwise stops everything as WrongHost', async () => {
    const host = await newHost()
    const session = await sessionWith(host, `${host.name}-other`)
    await expect(session.look(desired)).rejects.toMatchObject({ reason: 'WrongHost' })
  })
})

describe('a host that is not what it should be is left as it is:', () => {
  /** A simulated host, one of whose commands ends otherwise. */
  async function sessionWhere(host: SimulatedHost, command: string, ends: Partial<Answer>): Promise<Session> {
    const driver = kvmDriver(async (target, ending) => {
      const { user, privateKey, port } = simulated
      const options = { user, privateKey, port, hostKeys: keysOfSimulator(simulated) }
      const connection = await connect(target, options, ending)
      const otherwise = { stdout: '', stderr: '', code: 0, ...ends }
      return { ...connection, exec: async (one, input) => (one === command ? otherwise : connection.exec(one, input)) }
    })
    const session = await driver.open(targetOf(host), signal())
    onTestFinished(() => session.close())
    return session
  }

  test('a login that is not root, before anything is read or done', async () => {
    const id = 'uid=1000(ops) gid=1000(ops)'
    const session = await sessionWhere(await newHost(), observeCommand, { code: 77, stderr: `${id}\n` })
    await expect(session.look(desired)).rejects.toMatchObject({
      reason: 'NotRoot',
      message: `The login is not root but ${id}.`,
    })
  })

  test('a lock that cannot be opened, in the host’s own words', async () => {
    const host = await newHost()
    const words = '/bin/sh: 9: cannot create /run/bridgekeeper.lock: No space left on device'
    const session = await sessionWhere(host, applyCommand, { code: 74, stderr: `${words}\n` })
    const before = host.links()
    const applying = (await session.look(desired)).apply()
    await expect(applying).rejects.toMatchObject({ reason: 'HostLockFailed', message: expect.stringContaining(words) })
    expect(host.links()).toEqual(before)
  })
})

test('a host that goes down in the middle of a session is unreachable, not wrong', async () => {
  const host = await newHost()
  const session = await sessionWith(host)
  const view = await session.look(desired)
  await host.takeDown()
  await expect(view.apply()).rejects.toMatchObject({ reason: 'HostUnreachable' })
  await expect(session.look(desired)).rejects.toMatchObject({ reason: 'HostUnreachable' })
  await host.bringUp()
  expect(await provision(host)).toMatchObject({ devices: 4 })
})

test.each([
  ['a private key that is none', { privateKey: 'hunter2' }, /^the SSH private key cannot be used: (?!.*hunter2)/],
  ['a group that marks nothing', { group: 0 }, /link group must be a whole number from 1 to 2147483647, not 0/],
  ['accept-new without a place for keys', { hostKeyPolicy: 'accept-new' as const }, /accept-new needs a place/],
])('%s is refused before any host is reached', (_says, options, message) => {
  const { user, privateKey } = simulated
  const all = { user, privateKey, hostKeys: keysOfSimulator(simulated), ...options }
  expect(() => createKvmSshDriver(all)).toThrow(message)
})
