import { DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { pausedSchema, releasedSchema, resumedSchema } from '../../infra/cli/actJson.ts'
import { main } from '../../infra/cli/main.ts'
import { outputOf } from '../../infra/cli/output.ts'
import { type StatusJson, statusSchema } from '../../infra/cli/statusJson.ts'
import { recordChange } from '../../shared/flow/history.ts'
import { policyOf } from '../../shared/flow/policy.ts'
import type { Hold } from '../../shared/reconcile/holds.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import type { Ports } from '../../shared/runtime/ports.ts'
import { controlKey, holdKey, pauseKey, readHold } from '../../shared/store/items.ts'
import { holdIs } from '../../shared/store/writes.ts'
import { hostRecord } from '../factories.ts'
import { cloud, failOn, hosts, writeCloud, zones } from './cloud.ts'
import { type Parts, startParts } from './parts.ts'
import type { Ended } from './program.ts'

let parts: Parts
const zone = zones[0]?.id ?? ''
const cause = 'KVM/HostUnreachable'
const hold: Hold = { cause, state: 'held', since: 0, failing: 3, tried: 9, tolerated: 0, probes: 0 }

beforeAll(async () => {
  parts = await startParts()
  await writeCloud(parts.store, Date.now())
})

afterAll(() => parts.stop())

beforeEach(async () => {
  for (const of of [undefined, zone]) await parts.store.delete(pauseKey(cloud, of))
})

async function command(...args: readonly string[]): Promise<Ended> {
  const [printed, errors]: [string[], string[]] = [[], []]
  const code = await main(args, {
    environment: { ...parts.withQueue, COLUMNS: '160' },
    output: { ...outputOf(process.stdout, process.stderr, {}), print: (text) => void printed.push(text) },
    writeError: (text) => void errors.push(text),
    interruption: () => new AbortController().signal,
  })
  return { code, stdout: printed.join('\n'), stderr: errors.join('') }
}

const status = async (...args: readonly string[]): Promise<StatusJson> =>
  statusSchema.parse(JSON.parse((await command('status', '-o', 'json', ...args)).stdout))

/** Why each snapshot was asked for since this was last called: the queue hands a group's next message out only once the first is gone. */
async function messages(): Promise<readonly string[]> {
  const request = { QueueUrl: parts.queueUrl, MaxNumberOfMessages: 10 }
  const { Messages = [] } = await parts.sqs.send(new ReceiveMessageCommand(request))
  for (const { ReceiptHandle } of Messages) {
    await parts.sqs.send(new DeleteMessageCommand({ QueueUrl: parts.queueUrl, ReceiptHandle }))
  }
  const whys = Messages.map(({ Body }) => JSON.parse(Body ?? '{}').why)
  return whys.length === 0 ? [] : [...whys, ...(await messages())]
}

describe('status of a cloud', () => {
  it('rolls hosts up, by zone and cluster too', async () => {
    const { rollups, counts } = await status()
    expect(rollups.cloud.counts).toEqual({ ...counts, updating: expect.any(Number) })
    expect(rollups.cloud.status).toBe('OutOfSync')
    expect(rollups.zones).toMatchObject([{ zone: { id: zone, name: 'Zürich' }, status: 'OutOfSync' }])
    expect(rollups.clusters).toMatchObject([{ cluster: 'cluster-1', zone: { name: 'Zürich' } }])
    expect(rollups.cloud.timeToReadySeconds).toMatchObject({ hosts: 1, p50: 4, p95: 4, max: 4 })
    expect((await command('status')).stdout).toContain('from Up to ready, of 1 host: 4s (p50), 4s (p95), 4s (max)')
  })
})

describe('pause and resume', () => {
  it('say who, why and until when, and a status says it before all else', async () => {
    const paused = await command('pause', '--why', 'switch work')
    expect(paused).toMatchObject({ code: 0, stderr: '' })
    expect(paused.stdout).toMatch(
      /^paused: the whole cloud by \S+@\S+ 0s ago \(switch work\): nothing is done on its hosts, until "bridgekeeper resume"/,
    )
    const { stdout } = await command('status')
    expect(stdout).toMatch(
      /^PAUSED the whole cloud by \S+@\S+ \d+s ago \(switch work\): .* End it with: bridgekeeper resume\n/,
    )
    expect(await status()).toMatchObject({
      pauses: [{ zone: null, why: 'switch work', by: expect.stringContaining('@') }],
    })

    const again = await command('pause', '-o', 'json')
    expect(pausedSchema.parse(JSON.parse(again.stdout))).toMatchObject({ before: true, paused: { why: 'switch work' } })

    const resumed = await command('resume', '-o', 'json')
    expect(resumedSchema.parse(JSON.parse(resumed.stdout))).toMatchObject({
      ended: { why: 'switch work' },
      standing: [],
    })
    expect(await messages()).toContain('resume')
    expect(await status()).toMatchObject({ pauses: [] })
    expect(await command('resume')).toMatchObject({ code: 0, stdout: 'the whole cloud was not paused.' })
  })

  it('are in the history of what was done, newest first', async () => {
    await command('pause', '--why', 'first')
    await command('pause', '--zone', 'Zürich', '--why', 'second')
    await command('resume', '--zone', 'Zürich')
    const acts = (await status('--history')).history?.slice(0, 3)
    expect(acts?.map(({ what, zone: of, why }) => [what, of?.name, why])).toEqual([
      ['resume', 'Zürich', null],
      ['pause', 'Zürich', 'second'],
      ['pause', undefined, 'first'],
    ])
    const { stdout } = await command('status', '--history')
    expect(stdout).toMatch(
      /what was done\nWHEN .*\n.* resume .*zone Zürich: paused by .*\n.* pause .*zone Zürich · second\n.* pause .*the whole cloud · first\n/,
    )
    expect((await status()).history).toBeUndefined()
  })

  it('of a zone name the zone, and tell what still stands', async () => {
    await command('pause')
    expect((await command('pause', '--zone', 'Zürich')).stdout).toMatch(/^paused: zone Zürich by /)
    const { stdout } = await command('status')
    expect(stdout).toContain("End it with: bridgekeeper resume --zone 'Zürich'")
    expect((await command('resume', '--zone', 'Zürich')).stdout).toMatch(
      /^resumed: it had been paused: zone Zürich by .*\nstill paused: the whole cloud by /,
    )
  })

  it('warn at a backfill that it has to wait', async () => {
    await command('pause', '--why', 'switch work')
    expect((await command('backfill', '--host', 'kvm1')).stdout).toMatch(/^PAUSED the whole cloud .*\(switch work\)/)
  })

  it.each([
    [
      'a zone that is not there',
      ['pause', '--zone', 'Zurich'],
      /^bridgekeeper: no zone is called "Zurich": zones are "Zürich"\n$/,
    ],
    ['a reason that is too long', ['pause', '--why', 'x'.repeat(201)], /It is longer than 200 characters/],
    [
      'a cause that nothing is held for',
      ['release', 'KVM/None'],
      /^bridgekeeper: nothing waits for a release under "KVM\/None": /,
    ],
  ])('refuse %s in one line', async (_, args, expected) => {
    const { code, stdout, stderr } = await command(...args)
    expect({ code, stdout, lines: stderr.split('\n').length }).toEqual({ code: 1, stdout: '', lines: 2 })
    expect(stderr).toMatch(expected)
  })
})

it('a pause says that it does not reach agents, where hosts have them', async () => {
  expect((await command('pause')).stdout).not.toContain('bridgekeeper-agent')
  const settings = { mode: 'apply', drivers: { KVM: 'kvm-agent' }, verifyMilliseconds: 1 }
  const before = (await parts.store.get(controlKey(cloud)))?.settings
  await parts.store.update({ key: controlKey(cloud), set: { settings } })
  expect((await command('pause')).stdout).toMatch(/until "bridgekeeper resume".*systemctl stop bridgekeeper-agent/)
  await parts.store.update({ key: controlKey(cloud), set: { settings: before } })
})

describe('release', () => {
  it('opens a hold that status shows, and shows it no more', async () => {
    await parts.store.update(holdIs(cloud, zone, hold, undefined))
    expect(await status()).toMatchObject({ holds: [] })
    await failOn(parts.store, hosts.kvm1, 7, Date.now())
    expect(await status()).toMatchObject({ holds: [{ cause, zone: { name: 'Zürich' }, failing: 3, tried: 9 }] })
    const { stdout } = await command('status')
    expect(stdout).toMatch(/^HELD zone Zürich .*: 3 of 9 hosts failed from KVM\/HostUnreachable; /)
    expect(stdout).toContain(`bridgekeeper release --zone 'Zürich' ${cause}`)

    const released = await command('release', '--zone', 'Zürich', cause, '--why', 'fixed', '-o', 'json')
    expect(releasedSchema.parse(JSON.parse(released.stdout)).released).toEqual([
      { what: 'hold', zone: { id: zone, name: 'Zürich' }, cause, count: 1 },
    ])
    const after = readHold(await parts.store.get(holdKey(cloud, zone, cause)))
    expect(after).toMatchObject({ state: 'open', tolerated: 1, by: expect.stringContaining('@') })
    expect(await messages()).toContain('release')
    expect(await status()).toMatchObject({ holds: [] })
    expect(await command('release')).toMatchObject({ code: 0, stdout: 'nothing is held or refused.' })
  })

  it('lets a disappearance pass, as status shows it', async () => {
    const refusal = { digest: 'd', absentees: 8, known: 9, since: Date.now(), times: 2 }
    await parts.store.update({ key: controlKey(cloud), set: { refusals: { hosts: refusal } } })
    expect((await command('status')).stdout).toMatch(/^REFUSED 8 of 9 hosts are gone .*bridgekeeper release hosts\n/)
    expect((await command('release', 'hosts')).stdout).toMatch(/^released: 8 hosts that are gone/)
    expect(await status()).toMatchObject({ refusals: [{ what: 'hosts', absentees: 8, released: true }] })
    await parts.store.update({ key: controlKey(cloud), set: { refusals: {} } })
  })
})

describe('status of a host', () => {
  it('shows the last changes of a host that was asked for, newest first', async () => {
    const now = Date.now()
    const ports: Ports = {
      store: parts.store,
      queues: { send: async () => {} },
      logger: silent,
      now: () => now,
      random: () => 0,
      newId: () => 'id',
    }
    const before = hostRecord({ id: 'host-2', zone })
    const after = { ...before, verdict: 'OutOfSync', reason: 'Conflict', detail: 'taken', created: 3 } as const
    await recordChange(ports, policyOf(parseConfiguration({})), 'run', before, after, 'run-9')
    await command('backfill', '--host', 'kvm2', '--why', 'a new card')

    expect((await status('--host', 'kvm2')).hosts[0]?.history).toMatchObject([
      { what: 'backfill', by: expect.stringContaining('@'), why: 'a new card', status: null },
      { what: 'run', status: 'OutOfSync', reason: 'Conflict', created: 3, detail: 'taken' },
    ])
    const { stdout } = await command('status', '--host', 'kvm2')
    expect(stdout).toMatch(
      /last changes of kvm2\nWHEN .*\n\d+s ago +backfill .*a new card\n\d+s ago +run +OutOfSync +Conflict +3 +taken\n/,
    )
    expect((await status()).hosts.some(({ history }) => history !== undefined)).toBe(false)
  })
})
