/**
 * Today's code takes over what earlier releases left: their items, their undelivered messages, in the middle of trouble. As docs/upgrade.md has it:
 * paused before, resumed after. Each test goes on where the one before it ended.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PutItemCommand } from '@aws-sdk/client-dynamodb'
import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jobsSchema } from '../../infra/cli/jobsJson.ts'
import { main } from '../../infra/cli/main.ts'
import { outputOf } from '../../infra/cli/output.ts'
import { statusSchema } from '../../infra/cli/statusJson.ts'
import type { EmbeddedCloud } from '../../infra/local/cloud/cloud.ts'
import type { HostRecord } from '../../shared/reconcile/record.ts'
import { sqsClient } from '../../shared/runtime/clients.ts'
import { createDynamoDbStore } from '../../shared/store/dynamodb.ts'
import * as items from '../../shared/store/items.ts'
import type { Item, Store } from '../../shared/store/store.ts'
import { type Recording, replayed } from './recording.ts'
import { clientOf, deploy, lead, startWorld, tick, type World } from './scene.ts'

const folder = join(import.meta.dirname, '../fixtures/releases')
const releases = readdirSync(folder).filter((file) => file.endsWith('.json'))

/** Each kind of item, by the beginning of its sort key. */
const readers: Readonly<Record<string, (item: Item | undefined) => unknown>> = {
  CONTROL: items.readControl,
  PAUSE: items.readPause,
  'H#': items.readHost,
  'D#': items.readPointer,
  'R#': items.readRevision,
  'T#': items.readTombstone,
  'HOLD#': items.readHold,
  'K#': items.readSshKeys,
  'E#': items.readHistoryLine,
}
const kindOf = (sk: string): string => Object.keys(readers).find((kind) => sk.startsWith(kind)) ?? sk

it('there is what a release left', () => expect(releases.length).toBeGreaterThan(0))

describe.each(releases)('what %s left', (release) => {
  const data = mkdtempSync(join(tmpdir(), 'upgrade-'))
  let world: World
  let left: Recording
  let cloud: EmbeddedCloud
  let store: Store

  beforeAll(async () => {
    world = await startWorld()
    await lead(world, join(data, 'before')) // Hosts and CloudStack are as they were then; what today's code wrote is left aside.
    left = replayed(world, readFileSync(join(folder, release), 'utf8'))
    world.clock = Math.max(world.clock, left.clock) + 60_000
    cloud = await deploy(world, join(data, 'after'))
    const client = clientOf(cloud.environment)
    const TableName = cloud.environment.BRIDGEKEEPER_TABLE ?? ''
    for (const Item of left.items) await client.send(new PutItemCommand({ TableName, Item }))
    store = createDynamoDbStore({ table: TableName, client })
  }, 60_000)
  afterAll(async () => {
    await cloud?.stop()
    await world?.stop()
    rmSync(data, { recursive: true })
  })

  const hosts = async (): Promise<Readonly<Record<string, HostRecord>>> => {
    const keys = left.items.filter(({ sk }) => sk?.S?.startsWith('H#'))
    const found = await Promise.all(keys.map(({ pk, sk }) => store.get({ pk: pk?.S ?? '', sk: sk?.S ?? '' })))
    return Object.fromEntries(
      found.flatMap((item) => {
        const record = items.readHost(item)
        return record === undefined ? [] : [[record.name, record] as const]
      }),
    )
  }
  /** In sync with what is desired now, and nothing came since. */
  async function withoutReason(records: Readonly<Record<string, HostRecord>>): Promise<readonly string[]> {
    const pointer = async ({ zone, hypervisor }: HostRecord) =>
      items.readPointer(await store.get(items.pointerKey('default', zone, hypervisor)))?.revision
    const judged = await Promise.all(
      Object.entries(records).map(async ([name, record]) => ({
        name,
        is:
          record.wanted === record.done && record.settled === `${await pointer(record)}:apply` && record.failures === 0,
      })),
    )
    return judged.filter(({ is }) => is).map(({ name }) => name)
  }
  const devices = () => Object.fromEntries(world.hosts.hosts.map((host) => [host.name, host.links()]))
  const vlansOf = (name: string): readonly string[] =>
    world
      .host(name)
      .links()
      .flatMap((link) => (/^eth1\.\d+$/.test(link.name) ? [link.name] : []))
      .sort()
  const inZone1 = [100, 101, 102, 103, 104].map((id) => `eth1.${id}`)

  async function command(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const [printed, errors]: [string[], string[]] = [[], []]
    const code = await main(args, {
      environment: { ...world.settings, ...cloud.environment },
      output: { ...outputOf(process.stdout, process.stderr, {}), print: (line) => void printed.push(line) },
      writeError: (line) => void errors.push(line),
      interruption: () => new AbortController().signal,
    })
    return { code, stdout: printed.join('\n'), stderr: errors.join('') }
  }

  it('is read whole: an item of every kind, each by its own reader', async () => {
    const kinds = new Set<string>()
    for (const { pk, sk } of left.items) {
      const item = await store.get({ pk: pk?.S ?? '', sk: sk?.S ?? '' })
      expect(item).toBeDefined()
      const kind = kindOf(sk?.S ?? '')
      kinds.add(kind)
      expect(readers[kind]?.(item), sk?.S).toBeDefined()
    }
    expect([...kinds].sort()).toEqual(Object.keys(readers).sort())
    expect(left.sent.map(({ queue }) => queue)).toEqual(expect.arrayContaining(['snapshot', 'diff', 'provisionKvm']))
  })

  it('does nothing on any host while it is paused, whatever lay in the queues, and says who paused it', async () => {
    const [linksBefore, before] = [devices(), await hosts()]
    const sqs = sqsClient(cloud.environment)
    for (const again of ['', '-again'])
      for (const { queue, message } of left.sent) {
        const variable = `BRIDGEKEEPER_QUEUE_${queue.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
        await sqs.send(
          new SendMessageCommand({
            QueueUrl: cloud.environment[variable] ?? '',
            MessageBody: JSON.stringify(message.body),
            MessageGroupId: message.group,
            MessageDeduplicationId: `${message.deduplication}${again}`,
          }),
        )
      }
    sqs.destroy()
    await cloud.idle()
    await tick(world, cloud, 60)
    expect(cloud.errors).toEqual([])
    expect(devices()).toEqual(linksBefore)
    const after = await hosts()
    for (const [name, { tried, done }] of Object.entries(before)) expect(after[name]).toMatchObject({ tried, done })
    const status = statusSchema.parse(JSON.parse((await command('status', '-o', 'json')).stdout))
    expect(status.hosts).toHaveLength(10)
    expect(status.pauses).toMatchObject([{ zone: null, by: 'operator@desk', why: 'upgrade' }])
  })

  it('loses no edge once it is resumed, and provisions nobody who has no reason', async () => {
    const before = await hosts()
    for (const name of ['kvm1', 'kvm2', 'kvm3']) expect(before[name]?.wanted).toBeGreaterThan(before[name]?.done ?? 0)
    expect([vlansOf('kvm2'), vlansOf('kvm3')]).toEqual([[], []])
    expect(await command('resume')).toMatchObject({ code: 0, stderr: '' })
    await cloud.idle()
    await tick(world, cloud, 60)
    const after = await hosts()
    for (const name of ['kvm1', 'kvm2', 'kvm3']) {
      expect(after[name], name).toMatchObject({ verdict: 'InSync', done: before[name]?.wanted })
      // A host that was not empty keeps what the deleted network left behind, as the policy is.
      expect(vlansOf(name), name).toEqual(name === 'kvm1' ? [...inZone1, 'eth1.105'] : inZone1)
    }
    const settled = await withoutReason(before)
    expect(settled).toContain('kvm7')
    for (const name of settled) {
      const { ran, tried, verifiedAt, created } = before[name] ?? {}
      expect(after[name], name).toMatchObject({ ran, tried, verifiedAt, created })
    }
    expect(after.kvm4).toMatchObject({ verdict: 'OutOfSync', reason: 'Conflict' })
    expect(cloud.errors).toEqual([])
  })

  it('comes to rest in sync once what was wrong is put right, and is verified as ever', async () => {
    for (const name of ['kvm8', 'kvm9', 'kvm10']) await world.host(name).bringUp()
    world.host('kvm4').deleteLink('eth1.101')
    const file = join(data, 'known_hosts')
    writeFileSync(file, world.hosts.knownHosts())
    expect((await command('hostkeys', 'import', file)).code).toBe(0)
    for (let round = 0; round < 8; round += 1) await tick(world, cloud, 700)
    const after = await hosts()
    for (const [name, record] of Object.entries(after)) {
      expect(record, name).toMatchObject({ verdict: 'InSync', done: record.wanted })
      expect(record.verifiedAt, name).toBeGreaterThan(left.clock)
      const inZone2 = ['kvm7', 'kvm8', 'kvm9', 'kvm10'].includes(name)
      expect(vlansOf(name), name).toEqual(expect.arrayContaining(inZone2 ? ['eth1.200'] : inZone1))
    }
    const status = statusSchema.parse(JSON.parse((await command('status', '-o', 'json')).stdout))
    expect([status.pauses, status.holds]).toEqual([[], []])
    expect(cloud.errors).toEqual([])
  })

  it('still tells each line of the history, and has no message among the dead letters', async () => {
    const told = async (...selectors: readonly string[]) =>
      statusSchema.parse(JSON.parse((await command('status', '--history', ...selectors, '-o', 'json')).stdout))
    const ofHosts = await Promise.all(Object.keys(await hosts()).map((name) => told('--host', name)))
    const lines = [
      ...((await told()).history ?? []),
      ...ofHosts.flatMap((status) => status.hosts.flatMap(({ history }) => history ?? [])),
    ].map(({ what, at }) => `${what} ${Date.parse(at ?? '')}`)
    const written = left.items.flatMap(({ sk, what, at }) => (sk?.S?.startsWith('E#') ? [`${what?.S} ${at?.N}`] : []))
    expect(written.length).toBeGreaterThan(0)
    expect(lines).toEqual(expect.arrayContaining(written))
    const { queues } = jobsSchema.parse(JSON.parse((await command('jobs', '-o', 'json')).stdout))
    expect(queues.map(({ queue, dead }) => [queue, dead])).toEqual(queues.map(({ queue }) => [queue, 0]))
  })
})
