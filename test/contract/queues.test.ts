import {
  DeleteMessageCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SQSClient,
  type Message as SqsMessage,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { newAccessKey } from '../../infra/local/cloud/accessKey.ts'
import type { EmbeddedServer } from '../../infra/local/cloud/embeddedServer.ts'
import { startSqs } from '../../infra/local/cloud/embeddedSqs.ts'
import { createQueues } from '../../infra/local/cloud/resources.ts'
import { createSqsQueues } from '../../shared/queue/sqs.ts'
import { createMemoryQueues } from '../simulation/memoryQueues.ts'
import { type ContractQueue, queueContract, type Received } from './queues.ts'

describe('the queues in memory', () => {
  let now = 0
  const queues = createMemoryQueues(
    () => now,
    () => ({ visibilityMilliseconds: 1_000, maxReceives: 2 }),
  )
  const queue: ContractQueue = {
    send: (messages) => queues.send('provisionKvm', messages),
    receive: async () =>
      queues
        .receive('provisionKvm', 10)
        .map(({ acknowledge, ...rest }) => ({ ...rest, acknowledge: async () => acknowledge() })),
    purge: async () => queues.purge('provisionKvm'),
    receiveAgain: async () => {
      now += 1_000
      return queue.receive()
    },
    nextDead: async () => {
      now += 1_000
      await queue.receive()
      return queues.dead.at(-1)?.message.body
    },
  }
  queueContract(() => queue)

  it('deliver a message whose deduplication id is more than five minutes old', async () => {
    const message = {
      body: { v: 1, cloud: 'default', why: 'test' },
      group: 'g',
      deduplication: 'old',
    } as const
    await queues.send('snapshot', [message])
    queues.receive('snapshot')[0]?.acknowledge()
    now += 5 * 60_000 - 1
    await queues.send('snapshot', [message])
    expect(queues.receive('snapshot')).toEqual([])
    now += 1
    await queues.send('snapshot', [message])
    expect(queues.receive('snapshot')).toHaveLength(1)
  })
})

describe('the queues on the embedded SQS', () => {
  const key = newAccessKey()
  const region = 'us-east-1'
  let server: EmbeddedServer
  let client: SQSClient
  let queue: ContractQueue

  beforeAll(async () => {
    server = await startSqs(key, region)
    client = new SQSClient({ region, endpoint: server.endpoint, credentials: key })
    const common = { contentBasedDeduplication: false, visibility: 1, retention: 3600 }
    const made = await createQueues(client, server.endpoint, [
      { ...common, id: 'dead', name: 'dead.fifo' },
      { ...common, id: 'main', name: 'main.fifo', deadLetters: { queue: 'dead', maxReceiveCount: 2 } },
    ])
    const url = (id: string): string => made.get(id)?.url ?? ''
    queue = onSqs(client, url('main'), url('dead'))
  })
  afterAll(async () => {
    client.destroy()
    await server.stop()
  })

  queueContract(() => queue)
})

function onSqs(client: SQSClient, url: string, deadUrl: string): ContractQueue {
  const queues = createSqsQueues(client, {
    snapshot: undefined,
    diff: undefined,
    provisionKvm: url,
    provisionXenserver: undefined,
    provisionVmware: undefined,
    provisionCloudstack: undefined,
  })
  const receiveFrom = async (from: string): Promise<readonly SqsMessage[]> => {
    const question = {
      QueueUrl: from,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ['ApproximateReceiveCount' as const],
    }
    return (await client.send(new ReceiveMessageCommand(question))).Messages ?? []
  }
  const remove = async (from: string, { ReceiptHandle }: SqsMessage): Promise<void> =>
    void (await client.send(new DeleteMessageCommand({ QueueUrl: from, ReceiptHandle })))
  const bodyOf = ({ Body = '' }: SqsMessage): unknown => JSON.parse(Body)
  const received = (message: SqsMessage): Received => ({
    body: bodyOf(message),
    receives: Number(message.Attributes?.ApproximateReceiveCount),
    acknowledge: () => remove(url, message),
  })
  return {
    send: (messages) => queues.send('provisionKvm', messages),
    receive: async () => (await receiveFrom(url)).map(received),
    purge: async () => void (await client.send(new PurgeQueueCommand({ QueueUrl: url }))),
    receiveAgain: async () => {
      const message = await vi.waitUntil(async () => (await receiveFrom(url))[0], { timeout: 5_000 })
      return [received(message)]
    },
    nextDead: async () => {
      const letter = await vi.waitUntil(
        async () => {
          expect(await receiveFrom(url)).toEqual([])
          return (await receiveFrom(deadUrl))[0]
        },
        { timeout: 5_000 },
      )
      await remove(deadUrl, letter)
      return bodyOf(letter)
    },
  }
}
