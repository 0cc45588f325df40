import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DeleteQueueCommand, GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type EmbeddedCloud, type EmbeddedCloudOptions, startEmbeddedCloud } from '../../../infra/local/cloud/cloud.ts'
import { sqsClient } from '../../../shared/runtime/clients.ts'
import type { Logger } from '../../../shared/runtime/logger.ts'
import { silent } from '../../../shared/runtime/logger.ts'
import { open } from './wired/gates.ts'

const root = join(import.meta.dirname, 'wired')

interface Entry {
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** The cloud of the test, with what its functions told. */
interface Watched {
  readonly cloud: EmbeddedCloud
  readonly told: readonly Entry[]
  /** The names of the tasks that told so, in order. */
  names(message: string): readonly unknown[]
  send(
    task: { readonly name: string; readonly gate?: string; readonly failures?: number },
    group: string,
    queue?: string,
  ): Promise<void>
}

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function start(options: Partial<EmbeddedCloudOptions> = {}): Promise<Watched> {
  const told: Entry[] = []
  const logger: Logger = { ...silent, info: (message, fields = {}) => told.push({ message, fields }) }
  const cloud = await startEmbeddedCloud({ root, environment: {}, logger, schedules: false, ...options })
  const client = sqsClient(cloud.environment)
  ends.push(() => cloud.stop(1))
  return {
    cloud,
    told,
    names: (message) => told.filter((entry) => entry.message === message).map(({ fields }) => fields.name),
    send: async (task, group, queue = 'WORKER') => {
      await client.send(
        new SendMessageCommand({
          QueueUrl: cloud.environment[`BRIDGEKEEPER_QUEUE_${queue}`],
          MessageBody: JSON.stringify(task),
          MessageGroupId: group,
          MessageDeduplicationId: task.name,
        }),
      )
    },
  }
}

describe('a schedule', () => {
  test('calls its function at once and at every interval, with the event of EventBridge', async () => {
    const { told } = await start({ schedules: true, intervalSeconds: 0.05 })
    await vi.waitFor(() => expect(told.length).toBeGreaterThanOrEqual(3))
    expect(told[0]?.fields.event).toMatchObject({
      source: 'aws.events',
      'detail-type': 'Scheduled Event',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      detail: {},
    })
    expect(told[0]?.fields.function).toBe('ticker')
  })

  test('calls its function also while that still runs, but no more often than its reserved concurrency', async () => {
    const environment = { GATE: 'concurrent ticks' }
    const { told, cloud } = await start({ schedules: true, intervalSeconds: 0.05, environment })
    await vi.waitFor(() => expect(cloud.errors.length).toBeGreaterThanOrEqual(1))
    expect(told).toHaveLength(2)
    expect(String(cloud.errors[0]?.error)).toBe('TooManyCalls: ticker: 2 calls are running')
    open('concurrent ticks')
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(2))
  })
})

describe('an event source', () => {
  test('calls with the event of SQS, and deletes the message after the call', async () => {
    const { cloud, told, send } = await start()
    await send({ name: 'one' }, 'group-1')
    await vi.waitFor(() => expect(told).toHaveLength(2))
    await cloud.idle()
    expect(told[0]?.fields.event).toEqual({
      Records: [
        expect.objectContaining({
          messageId: expect.any(String),
          receiptHandle: expect.any(String),
          body: '{"name":"one"}',
          eventSource: 'aws:sqs',
          awsRegion: 'us-east-1',
          eventSourceARN: expect.stringMatching(/^arn:aws:sqs:us-east-1:\d{12}:wired-local-worker\.fifo$/),
          attributes: expect.objectContaining({ ApproximateReceiveCount: '1', MessageGroupId: 'group-1' }),
        }),
      ],
    })
    expect(cloud.errors).toEqual([])
  })

  test('runs the messages of a group one after the other, in order', async () => {
    const { cloud, told, send } = await start()
    for (const name of ['1', '2', '3', '4']) await send({ name: `order-${name}` }, 'group-1')
    await cloud.idle()
    expect(told.map(({ message, fields }) => `${message} ${fields.name}`)).toEqual(
      ['1', '2', '3', '4'].flatMap((name) => [`begin order-${name}`, `end order-${name}`]),
    )
  })

  test('runs groups side by side, up to its maximum concurrency', async () => {
    const { cloud, names, send } = await start()
    for (const group of ['a', 'b', 'c']) await send({ name: `side-${group}`, gate: `side-${group}` }, group)
    await vi.waitFor(() => expect(names('begin')).toEqual(['side-a', 'side-b']))
    open('side-b')
    await vi.waitFor(() => expect(names('begin')).toEqual(['side-a', 'side-b', 'side-c']))
    open('side-a')
    open('side-c')
    await cloud.idle()
    expect([...names('end')].sort()).toEqual(['side-a', 'side-b', 'side-c'])
  })

  test('leaves the message of a failed call to come back, and its group waits for it', async () => {
    const { cloud, names, send } = await start({ timeouts: { worker: 1 }, visibilityBeyondTimeout: 0 })
    await send({ name: 'fails-once', failures: 1 }, 'group-1')
    await send({ name: 'follows' }, 'group-1')
    await cloud.idle()
    expect(names('begin')).toEqual(['fails-once', 'fails-once', 'follows'])
    expect(cloud.errors.map(({ error }) => String(error))).toEqual(['Error: fails-once fails as it was told to'])
  })

  test('gives a message up to the dead letters when it failed as often as it may', async () => {
    const { cloud, names, send } = await start({ timeouts: { worker: 1 }, visibilityBeyondTimeout: 0 })
    await send({ name: 'hopeless', failures: 9 }, 'group-1')
    await send({ name: 'innocent' }, 'group-1')
    await cloud.idle()
    expect(names('begin')).toEqual(['hopeless', 'hopeless', 'innocent'])
    const dead = cloud.environment.BRIDGEKEEPER_QUEUE_WORKER?.replace('worker.fifo', 'dead.fifo')
    const { Attributes } = await sqsClient(cloud.environment).send(
      new GetQueueAttributesCommand({ QueueUrl: dead, AttributeNames: ['ApproximateNumberOfMessages'] }),
    )
    expect(Attributes?.ApproximateNumberOfMessages).toBe('1')
  })

  test('goes on after a call that was abandoned at its timeout, whose message comes back', async () => {
    const { cloud, told, names, send } = await start({ timeouts: { worker: 1 }, visibilityBeyondTimeout: 0 })
    await send({ name: 'hangs', gate: 'hangs' }, 'group-1')
    await vi.waitFor(() => expect(cloud.errors).toHaveLength(1), { timeout: 5000 })
    expect(String(cloud.errors[0]?.error)).toBe('FunctionTimedOut: worker: task timed out after 1 s')
    expect(names('end')).toEqual([])
    open('hangs')
    await cloud.idle()
    expect(names('begin')).toEqual(['hangs', 'hangs'])
    expect(told[0]?.fields.remaining).toBeGreaterThan(900)
    expect(told[0]?.fields.remaining).toBeLessThanOrEqual(1000)
  })

  test('goes on when the queue of another is gone', async () => {
    const { cloud, names, send } = await start()
    const QueueUrl = cloud.environment.BRIDGEKEEPER_QUEUE_OTHER
    await sqsClient(cloud.environment).send(new DeleteQueueCommand({ QueueUrl }))
    await vi.waitFor(() => expect(cloud.errors[0]?.function).toBe('other'), { timeout: 5000 })
    await send({ name: 'unharmed' }, 'group-1')
    await vi.waitFor(() => expect(names('end')).toEqual(['unharmed']))
  })
})

describe('the embedded cloud', () => {
  test('gives a function clients, references and texts by its environment, and no secret of CloudFormation', async () => {
    const { cloud, names } = await start({ environment: { COLOUR: 'red', AWS_ENDPOINT_URL_SQS: 'http://192.0.2.1:1' } })
    const answer = await cloud.invoke('sender', [{ name: 'sent', group: 'group-1' }])
    expect(answer).toEqual({ calls: 1, secret: undefined, colour: 'red' })
    await cloud.idle()
    expect(names('end')).toEqual(['sent'])
  })

  test('gives a function only the queues that serverless.yml gives it', async () => {
    const { told } = await start({ schedules: true, environment: { BRIDGEKEEPER_QUEUE_WORKER: 'http://192.0.2.1:1' } })
    await vi.waitFor(() => expect(told).toHaveLength(1))
    const seen = Object.keys(Object(told[0]?.fields.environment))
    expect(seen.filter((name) => name.startsWith('BRIDGEKEEPER_'))).toEqual([])
    expect(seen).toContain('AWS_ENDPOINT_URL_SQS')
  })

  test('throws what a call ends in, and remembers it', async () => {
    const { cloud } = await start()
    await expect(cloud.invoke('sender', 'no list')).rejects.toThrow(/expected array/)
    await expect(cloud.invoke('sendr', [])).rejects.toThrow('there is no function "sendr"')
    expect(cloud.errors.map((seen) => seen.function)).toEqual(['sender'])
  })

  test('passes over parts of a function that a test overrides', async () => {
    const seen: string[] = []
    const overrides = (name: string) => ({
      logger: { ...silent, info: (message: string) => seen.push(`${name} ${message}`) },
    })
    const { cloud } = await start({ overrides })
    await cloud.invoke('ticker', {})
    expect(seen).toEqual(['ticker tick'])
  })

  test('loses the messages of a queue that is purged', async () => {
    const { cloud, names, send } = await start()
    await send({ name: 'first', gate: 'first' }, 'group-1')
    await vi.waitFor(() => expect(names('begin')).toEqual(['first']))
    await send({ name: 'lost' }, 'group-1')
    await cloud.purge('worker')
    open('first')
    await cloud.idle()
    expect(names('begin')).toEqual(['first'])
    await expect(cloud.purge('sender')).rejects.toThrow('no queue starts the function "sender"')
  })

  test('says what is left when it does not become idle', async () => {
    const { cloud, names, send } = await start()
    await send({ name: 'busy', gate: 'busy' }, 'group-1')
    await vi.waitFor(() => expect(names('begin')).toEqual(['busy']))
    await expect(cloud.idle(0.05)).rejects.toThrow(/not idle after 0.05 s: .*"messages":\{"worker":1\}/)
    open('busy')
    await cloud.idle()
  })

  test('lets a running call end before it stops, begins nothing more, and closes its ports', async () => {
    const { cloud, names, send } = await start()
    await send({ name: 'last', gate: 'last' }, 'group-1')
    await vi.waitFor(() => expect(names('begin')).toEqual(['last']))
    await send({ name: 'too late' }, 'group-1')
    const stopping = cloud.stop(10)
    open('last')
    await stopping
    await cloud.stop()
    expect([names('begin'), names('end')]).toEqual([['last'], ['last']])
    for (const name of ['AWS_ENDPOINT_URL_SQS', 'AWS_ENDPOINT_URL_DYNAMODB']) {
      await expect(fetch(cloud.environment[name] ?? '')).rejects.toThrow('fetch failed')
    }
  })

  test('stops in bounded time when a call does not end', async () => {
    const { cloud, names, send } = await start()
    await send({ name: 'endless', gate: 'never opened' }, 'group-1')
    await vi.waitFor(() => expect(names('begin')).toEqual(['endless']))
    await cloud.stop(0.05)
    await expect(fetch(cloud.environment.AWS_ENDPOINT_URL_SQS ?? '')).rejects.toThrow('fetch failed')
  })

  test('keeps its records on disk from one start to the next', async () => {
    const data = await mkdtemp(join(tmpdir(), 'bridgekeeper-cloud-'))
    ends.push(() => rm(data, { recursive: true }))
    const first = await start({ data })
    expect(await first.cloud.invoke('sender', [])).toMatchObject({ calls: 1 })
    await first.cloud.stop()
    const second = await start({ data })
    expect(await second.cloud.invoke('sender', [])).toMatchObject({ calls: 2 })
  })
})
