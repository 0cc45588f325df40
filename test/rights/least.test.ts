/**
 * The list of calls is what is called: under the role that `role create` makes of it, and nothing more, a whole tick, a
 * request by the driver cloudstack, a removal's reads and doctor do all that they do; and each call of the list is made.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { doctorSchema } from '../../infra/cli/doctor/doctorJson.ts'
import type { Account } from '../../infra/local/cloudstackSimulator/model.ts'
import type { CloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { calls, commands, neededBy } from '../../shared/cloudstack/calls.ts'
import { prune } from '../../shared/flow/prune.ts'
import { readDesired } from '../../shared/flow/read.ts'
import type { Orphan, Session } from '../../shared/hypervisors/driver.ts'
import { anyCommand } from '../cloudstack/anyCommand.ts'
import { deploymentOn } from './deployment.ts'
import { runInProcess } from './inProcess.ts'
import { startScene } from './scene.ts'

const settings = {
  BRIDGEKEEPER_DRIVERS: 'KVM=cloudstack',
  BRIDGEKEEPER_LIST_SECONDS: '60',
  BRIDGEKEEPER_REMOVAL: 'prune',
  BRIDGEKEEPER_REMOVAL_GRACE_SECONDS: '60',
}

let simulator: CloudStackSimulator
let service: Account
let byAdministrator: Readonly<Record<string, number>>

const environmentOf = ({ apiKey, secretKey }: Pick<Account, 'apiKey' | 'secretKey'>) => ({
  ...settings,
  CLOUDSTACK_API_URL: simulator.url,
  CLOUDSTACK_API_KEY: apiKey,
  CLOUDSTACK_SECRET_KEY: secretKey,
})

beforeEach(async () => {
  simulator = await startScene({ version: '4.20.0.0' })
  const { code } = await runInProcess(['role', 'create', '--apply', '-q'], environmentOf(simulator))
  expect(code).toBe(0)
  const data = mkdtempSync(join(tmpdir(), 'least-'))
  for (const args of [['install', '--url', 'http://192.0.2.9/'], ['install', '--new-secret'], ['status'], ['remove']])
    await runInProcess(['webhook', ...args], { ...environmentOf(simulator), BRIDGEKEEPER_DATA: data })
  rmSync(data, { recursive: true })
  byAdministrator = { ...simulator.requests }
  service = simulator.addAccount('bridgekeeper', 'Bridgekeeper')
})
afterEach(() => simulator.stop())

/** With the key of the deployment. Without a name is the question of doctor's check of the connection, which is no call. */
const asked = (): readonly string[] =>
  Object.entries(simulator.requests)
    .filter(([command, times]) => command !== '' && times > (byAdministrator[command] ?? 0))
    .map(([command]) => command)

/** A host whose driver found devices of a network that is gone. */
const orphan: Orphan = { devices: ['breth1-101', 'eth1.101'], uri: 'vlan://101', physicalNetworks: [] }
const session: Session = {
  look: () => Promise.reject(new Error('nobody looks again')),
  remove: async () => ({ removed: true }),
  close: async () => {},
}

/** Everything that a deployment and its operator do with the key of the deployment. */
async function everything(): Promise<void> {
  const deployment = deploymentOn(simulator, service, settings)
  const { zone, id } = simulator.cloud.host('kvm1')

  expect(await deployment.tick()).toMatchObject({ hosts: 2, edges: 2, zonesDue: 1 })
  expect(await deployment.work()).toMatchObject([{ verdict: 'Unknown' }, { verdict: 'Unknown' }])
  expect(simulator.cloud.setups.filter(({ host }) => host === id)).toHaveLength(3)

  const { physicalNetwork } = simulator.cloud.network('net101')
  await simulator.cloud.deleteNetwork('net101')
  for (const seconds of [70, 70]) {
    deployment.advance(seconds)
    await deployment.tick()
  }
  expect((await deployment.control())?.failure).toBeUndefined()
  const desired = (await readDesired(deployment.ports.store, 'default', zone, 'KVM'))?.networks ?? []
  const signal = new AbortController().signal
  const context = { ...deployment, zone, desired, signal }
  expect(await prune(context, session, [{ ...orphan, physicalNetworks: [physicalNetwork] }])).toEqual([
    { devices: orphan.devices, uri: 'vlan://101' },
  ])

  const { code, stdout } = await runInProcess(['doctor', '-o', 'json'], environmentOf(service))
  const { checks } = doctorSchema.parse(JSON.parse(stdout))
  expect([code, checks.filter(({ level }) => level !== 'ok').map(({ check }) => check)]).toEqual([0, ['TLS']])
}

describe('with the role and nothing more', () => {
  it('everything is done, by just the calls that the role allows', async () => {
    await everything()
    expect([...asked()].sort()).toEqual([...neededBy(['cloudstack'])].sort())
  })

  it.each(neededBy(['cloudstack']))('and without %s, not everything', async (command) => {
    simulator.faults.denied = [command]
    await expect(everything()).rejects.toThrow()
  })

  it('a call that is not in it is refused as captured', async () => {
    for (const [command, parameters] of [
      ['listPods', {}],
      ['deleteNetwork', { id: simulator.cloud.network('net101').id }],
      ['createRole', { name: 'another', type: 'Admin' }],
    ] as const) {
      const refused = anyCommand({ ...service, url: simulator.url })(command, parameters, z.unknown())
      await expect(refused).rejects.toMatchObject({ code: 432 })
      await expect(refused).rejects.toThrow(`The API [${command}] does not exist or is not available for the account`)
    }
  })
})

describe('the list of calls', () => {
  it('is made by nobody else than administrators where it says so', async () => {
    const theirs = commands.filter((command) => calls[command].needed === 'administrator')
    const made = Object.keys(byAdministrator).filter((command) => !neededBy([]).some((needed) => needed === command))
    expect(made.sort()).toEqual([...theirs].sort())
  })

  it('says truly what changes something', () => {
    expect(commands.filter((command) => calls[command].changes)).toEqual(
      commands.filter((command) => !/^(list|query)/.test(command)),
    )
  })
})

describe('why the role ends with a denial', () => {
  it('without it an account of type Admin may create roles by itself', async () => {
    const admin = anyCommand(simulator)
    const made = await admin(
      'createRole',
      { name: 'open', type: 'Admin' },
      z.object({ role: z.object({ id: z.string() }) }),
    )
    await admin('createRolePermission', { roleid: made.role.id, rule: 'listHosts', permission: 'allow' }, z.unknown())
    const open = anyCommand({ ...simulator.addAccount('open', 'open'), url: simulator.url })
    await expect(open('createRole', { name: 'mine', type: 'Admin' }, z.unknown())).resolves.toBeDefined()
    await expect(open('listPods', {}, z.unknown())).rejects.toMatchObject({ code: 432 })
  })
})
