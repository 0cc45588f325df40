/** `role show` and `role create` against the CloudStack simulator. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { roleSchema } from '../../infra/cli/roleJson.ts'
import type { CloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { neededBy } from '../../shared/cloudstack/calls.ts'
import { anyCommand } from '../cloudstack/anyCommand.ts'
import { runInProcess } from './inProcess.ts'
import { startScene } from './scene.ts'

let simulator: CloudStackSimulator
let environment: Record<string, string>

beforeEach(async () => {
  await start()
})
afterEach(() => simulator.stop())

async function start(options: Parameters<typeof startScene>[0] = {}): Promise<void> {
  simulator = await startScene(options)
  environment = {
    CLOUDSTACK_API_URL: simulator.url,
    CLOUDSTACK_API_KEY: simulator.apiKey,
    CLOUDSTACK_SECRET_KEY: simulator.secretKey,
  }
}

const role = (...args: readonly string[]) => runInProcess(['role', ...args], environment)
const json = async (...args: readonly string[]) => {
  const { stdout, code } = await role(...args, '-o', 'json')
  return { code, ...roleSchema.parse(JSON.parse(stdout)) }
}
const call = (command: string, parameters: Readonly<Record<string, string>>) =>
  anyCommand(simulator)(command, parameters, z.unknown())

describe('role create', () => {
  it('without --apply shows what it would make, changes nothing, and exits 2', async () => {
    const { code, stdout, stderr } = await role('create')
    expect([code, stderr]).toEqual([2, ''])
    expect(stdout).toContain('role Bridgekeeper of cloud default does not exist; with type Admin it would have:')
    for (const command of neededBy([])) expect(stdout).toMatch(new RegExp(`^ {2}\\+ allow ${command} `, 'm'))
    expect(stdout).toMatch(/^ {2}\+ deny {2}\* .*last rule\n\nNothing was changed; to do it: the same with --apply\./m)
    expect([simulator.requests.createRole, simulator.requests.createRolePermission]).toEqual([undefined, undefined])
  })

  it('with --apply makes it, its rules in order, and a second time finds it as it should be', async () => {
    const made = await json('create', '--apply')
    expect(made).toMatchObject({ code: 0, state: 'same', applied: true, type: 'Admin', missing: [], more: [] })
    expect(made.rules.map(({ rule }) => rule)).toEqual([...neededBy([]), '*'])
    expect(await json('create', '--apply')).toMatchObject({ code: 0, state: 'same', applied: false, id: made.id })
    expect(simulator.requests.createRole).toBe(1)
  })

  it('allows updateHost only where the driver cloudstack is used', async () => {
    environment = { ...environment, BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh,VMware=cloudstack' }
    expect((await json('create')).wanted.map(({ rule }) => rule)).toContain('updateHost')
  })

  it('shows how a role of that name differs, and never changes it', async () => {
    await json('create', '--apply', '--name', 'ours')
    environment = { ...environment, BRIDGEKEEPER_DRIVERS: 'KVM=cloudstack' }
    const found = await json('create', '--apply', '--name', 'ours')
    expect(found).toMatchObject({ code: 2, state: 'differs', applied: false, more: [] })
    expect(found.missing.map(({ rule }) => rule)).toEqual(['updateHost'])
    expect((await role('create', '--apply', '--name', 'ours')).stdout).toContain('is never changed from here')
  })

  it('goes on with one that was broken off', async () => {
    simulator.faults.denied = ['createRolePermission']
    const broken = await role('create', '--apply')
    expect([broken.code, broken.stdout]).toEqual([1, ''])
    expect(broken.stderr).toMatch(/^bridgekeeper: CloudStack at \S+ refused createRolePermission with 432: .*\n$/)
    simulator.faults.denied = []
    expect(await json('show')).toMatchObject({ code: 2, state: 'unfinished', rules: [] })
    expect(await json('create', '--apply')).toMatchObject({ code: 0, state: 'same', applied: true })
    expect(simulator.requests.createRole).toBe(1)
  })

  it('is not misled by a name that the server takes for a pattern', async () => {
    await call('createRole', { name: 'BridgekeeperX', type: 'Admin' })
    await call('createRole', { name: 'bridgekeeper', type: 'Admin' })
    expect(await json('create', '--name', 'Bridgekeeper')).toMatchObject({ state: 'absent' })
    expect(await json('create', '--name', 'Bridgekeeper_')).toMatchObject({ state: 'absent' })
  })

  it('says that roles are fixed, where they are', async () => {
    await simulator.stop()
    await start({ dynamicRoles: false })
    const { code, stderr } = await role('create', '--apply')
    expect([code, simulator.requests.createRole]).toEqual([1, undefined])
    expect(stderr).toMatch(/^bridgekeeper: this CloudStack has fixed roles .*\n$/)
  })

  it.each([
    [['--name', 'a*'], '--name "a*" is no name for a role'],
    [['--apply', '--dry-run'], '--apply and --dry-run exclude each other'],
  ])('refuses %j before it asks anything', async (args, why) => {
    const { code, stderr } = await role('create', ...args)
    expect([code, stderr.split('\n').length]).toEqual([1, 2])
    expect(stderr).toContain(why)
    expect(simulator.requests).toEqual({})
  })
})

describe('role show', () => {
  it('of a role that is made has its rules, and exits 0', async () => {
    await role('create', '--apply')
    const { code, stdout } = await role('show')
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^role Bridgekeeper of cloud default, type Admin, is as it should be:\n\n {4}allow listHosts/,
    )
  })

  it('marks what is there and should not be', async () => {
    await call('createRole', { name: 'Bridgekeeper', type: 'Admin' })
    const { id } = await json('show')
    await call('createRolePermission', { roleid: id ?? '', rule: 'list*', permission: 'allow' })
    const { code, stdout } = await role('show')
    expect(code).toBe(2)
    expect(stdout).toMatch(/^ {2}- allow list\*$/m)
  })

  it.each(['CLOUDSTACK_API_URL', 'CLOUDSTACK_API_KEY'])('without %s says so in one line', async (name) => {
    delete environment[name]
    const { code, stderr } = await role('show')
    expect([code, stderr]).toEqual([1, expect.stringMatching(new RegExp(`^bridgekeeper: ${name} is not set: .*\\n$`))])
  })
})
