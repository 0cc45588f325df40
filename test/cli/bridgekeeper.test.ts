import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { backfillSchema } from '../../infra/cli/backfillJson.ts'
import { statusSchema } from '../../infra/cli/statusJson.ts'
import { hostKey, readHost } from '../../shared/store/items.ts'
import { cloud, failOn, hosts, runOn, writeCloud, zones } from './cloud.ts'
import { type Parts, startParts } from './parts.ts'
import { type Environment, run, start } from './program.ts'

let parts: Parts

beforeAll(async () => {
  parts = await startParts()
  await writeCloud(parts.store, Date.now())
})

afterAll(() => parts.stop())

const wantedOf = async (id: string): Promise<number> =>
  readHost(await parts.store.get(hostKey(cloud, 'zone-1', id)))?.wanted ?? 0

describe('status', () => {
  it('ends with 2 when a host is out of sync, and shows what and why', async () => {
    const { code, stdout, stderr } = await run(['status', '--stage', 'test'], parts.environment)

    expect(stderr).toBe('')
    expect(code).toBe(2)
    expect(stdout).toMatch(/Zürich +cluster-1 +kvm1 +Up +InSync +2\/2 +4 +\d+s ago +4s\n/)
    expect(stdout).toMatch(/kvm2 +Up +OutOfSync +Conflict +1\/2/)
    expect(stdout).toMatch(/kvm3 +Down +Unknown +HostNotUp/)
    expect(stdout).toContain('4 hosts: 1 in sync, 1 out of sync, 1 unknown, 1 not up · snapshot ')
    expect(stdout).toContain('Conflict (1): Something that Bridgekeeper did not make')
    expect(stdout).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u)
  })

  it('counts hosts in what to do next, also where it shows their networks as well', async () => {
    const one = await run(['status', '--host', 'kvm2', '--stage', 'test'], parts.environment)
    expect(one.stdout).toMatch(/kvm2 +vlan:\/\/3002 +net3002 +Exception +Conflict/)
    expect(one.stdout).toContain('\nConflict (1): ')
    const all = await run(['status', '--networks', '--stage', 'test'], parts.environment)
    expect(all.stdout.match(/kvm3 +vlan:.*HostNotUp/g)).toHaveLength(2)
    expect(all.stdout).toContain('\nHostNotUp (1): ')
  })

  it('ends with 0 when the chosen host is in sync, found through the service on this machine', async () => {
    const data = mkdtempSync(join(tmpdir(), 'service-'))
    const service = { pid: 1, startedAt: new Date().toISOString(), environment: parts.withTable }
    writeFileSync(join(data, 'service.json'), JSON.stringify(service), { mode: 0o600 })

    const { code, stdout, stderr } = await run(['status', '--host', 'kvm1', '-o', 'json'], { BRIDGEKEEPER_DATA: data })
    rmSync(data, { recursive: true })

    expect(stderr).toBe('')
    expect(code).toBe(0)
    const status = statusSchema.parse(JSON.parse(stdout))
    expect(status).toMatchObject({ inSync: true, mode: 'apply', counts: { hosts: 1, inSync: 1 } })
    expect(status.hosts[0]).toMatchObject({
      zone: { id: 'zone-1', name: 'Zürich' },
      name: 'kvm1',
      status: 'InSync',
      reason: null,
      networkCounts: { present: 2, wanted: 2 },
      devices: 4,
    })
    expect(status.hosts[0]?.networks?.map(({ uri, presence }) => [uri, presence])).toEqual([
      ['vlan://3001', 'Present'],
      ['vlan://3002', 'Present'],
    ])
  })

  it('shows one network on every host, and judges by it alone', async () => {
    const { code, stdout } = await run(['status', '--network', 'net3002'], parts.withTable)

    expect(code).toBe(2)
    expect(stdout).toMatch(/kvm1 +vlan:\/\/3002 +net3002 +Present\n/)
    expect(stdout).toMatch(/kvm2 +vlan:\/\/3002 +net3002 +Exception +Conflict: eth1\.3002 belongs to br-storage\n/)
    expect(stdout).not.toContain('vlan://3001')
  })

  it('gives every host to a program, hostile names without what a terminal would obey', async () => {
    const { stdout } = await run(['status', '-o', 'json', '--networks'], parts.withTable)

    const status = statusSchema.parse(JSON.parse(stdout))
    expect(status.hosts.map(({ name }) => name).sort()).toEqual(
      Object.values(hosts)
        .map(({ name }) => name)
        .sort(),
    )
    expect(stdout).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u)
  })

  it('says so before the first snapshot, and ends with 2', async () => {
    const { code, stdout, stderr } = await run(['status', '--stage', 'empty'], parts.environment)

    expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
    expect(stdout).toBe('no snapshot of cloud "default" has been taken yet: the schedule takes one every minute.\n')
  })
})

describe('backfill', () => {
  it('raises wanted on the chosen host, asks for a snapshot and lists the host', async () => {
    const before = await wantedOf('host-1')

    const { code, stdout, stderr } = await run(
      ['backfill', '--stage', 'test', '--host', 'kvm1', '-o', 'json'],
      parts.environment,
    )

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(backfillSchema.parse(JSON.parse(stdout)).hosts).toEqual([
      { zone: zones[0], id: 'host-1', name: 'kvm1', wanted: before + 1 },
    ])
    expect(await wantedOf('host-1')).toBe(before + 1)
    const { Messages } = await parts.sqs.send(new ReceiveMessageCommand({ QueueUrl: parts.queueUrl }))
    expect(JSON.parse(Messages?.[0]?.Body ?? '')).toEqual({
      ...{ v: 1, cloud, why: 'backfill' },
      correlation: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })

  it('waits until every run has ended, shows what failed, and ends with 2', async () => {
    const [first, second] = [await wantedOf('host-1'), await wantedOf('host-2')]
    const waiting = start(['backfill', '--zone', 'Zürich', '--wait', '--timeout', '60'], parts.withQueue)
    await vi.waitFor(async () => expect(await wantedOf('host-2')).toBe(second + 1), { timeout: 20_000 })
    await vi.waitFor(async () => expect(await wantedOf('host-1')).toBe(first + 1), { timeout: 20_000 })
    await vi.waitFor(async () => expect(await wantedOf('host-4')).toBe(2), { timeout: 20_000 })
    await runOn(parts.store, hosts.kvm1, 2, Date.now(), [])
    await runOn(parts.store, hosts.hostile, 2, Date.now(), [])
    await failOn(parts.store, hosts.kvm2, 2, Date.now())

    const { code, stdout, stderr } = await waiting.ended

    expect(code).toBe(2)
    expect(stdout).toMatch(/kvm1 +Done\n/)
    expect(stdout).toMatch(/kvm2 +Failed +HostUnreachable +connection timed out\n/)
    expect(stdout).toMatch(/kvm3 +NotServed +HostNotUp +Down, Enabled\n/)
    expect(stdout).toContain('2 of 4 hosts done, 1 failed, 1 not served after ')
    expect(stderr).toContain(' of 4 hosts done')
  })

  it('ends cleanly at Ctrl-C and says that the work goes on', async () => {
    const waiting = start(['backfill', '--host', 'kvm1', '--wait'], parts.withQueue)
    await vi.waitFor(() => expect(waiting.stderr()).toContain('0 of 1 host done'), { timeout: 20_000 })
    waiting.interrupt()

    const { code, stdout } = await waiting.ended

    expect(code).toBe(130)
    expect(stdout).toContain('stopped waiting, the work goes on')
  })
})

describe('one clear line, of the process itself', () => {
  const secret = 'k2yNeverShownAnywhere'

  it.each<[string, readonly string[], () => Environment, RegExp]>([
    ['no deployment', ['status'], () => ({}), /^bridgekeeper: no deployment found: name one on AWS with --stage, /],
    ['a misspelt command', ['stauts'], () => ({}), /^bridgekeeper: unknown command 'stauts' \(Did you mean status\?\)/],
    [
      'no credentials',
      ['status'],
      () => ({ ...parts.withTable, AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }),
      /^bridgekeeper: no usable AWS credentials \(Could not load credentials from any providers\): set AWS_PROFILE, /,
    ],
    [
      'a key that is refused',
      ['status'],
      () => ({ ...parts.withTable, AWS_ACCESS_KEY_ID: 'AKIAOTHER', AWS_SECRET_ACCESS_KEY: secret }),
      /^bridgekeeper: .* does not accept the access key: check AWS_PROFILE, /,
    ],
    ['no region', ['status'], () => ({ ...parts.withTable, AWS_REGION: '' }), /^bridgekeeper: AWS_REGION is not set, /],
  ])('for %s', async (_, args, given, expected) => {
    const { code, stdout, stderr } = await run(args, { CLOUDSTACK_SECRET_KEY: secret, ...given() })

    expect({ code, stdout, lines: stderr.split('\n').length }).toEqual({ code: 1, stdout: '', lines: 2 })
    expect(stderr).toMatch(expected)
    expect(stderr).not.toContain(secret)
  })
})
