import {
  DeleteMessageCommand,
  type Message,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { newAccessKey } from '../../../infra/local/cloud/accessKey.ts'
import type { EmbeddedServer } from '../../../infra/local/cloud/embeddedServer.ts'
import { startSqs } from '../../../infra/local/cloud/embeddedSqs.ts'
import { createQueues } from '../../../infra/local/cloud/resources.ts'

const region = 'us-east-1'
const key = newAccessKey()

describe('the embedded SQS', () => {
  let server: EmbeddedServer
  let client: SQSClient
  let url = ''
  let sent = 0

  beforeAll(async () => {
    server = await startSqs(key, region)
    client = new SQSClient({ region, endpoint: server.endpoint, credentials: key })
    const queue = { id: 'Q', name: 'q.fifo', contentBasedDeduplication: false, visibility: 1, retention: 3600 }
    url = (await createQueues(client, server.endpoint, [queue])).get('Q')?.url ?? ''
  })
  afterAll(async () => {
    client.destroy()
    await server.stop()
  })

  const send = (body: string, group: string, deduplication = `d${sent++}`) =>
    client.send(
      new SendMessageCommand({
        QueueUrl: url,
        MessageBody: body,
        MessageGroupId: group,
        MessageDeduplicationId: deduplication,
      }),
    )
  const receive = async (): Promise<readonly Message[]> =>
    (await client.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10 }))).Messages ?? []
  const remove = (message: Message | undefined) =>
    client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message?.ReceiptHandle }))
  const bodies = (messages: readonly Message[]) => messages.map(({ Body }) => Body)

  test('gives nothing of a group while a message of it is in flight, and the next when that is deleted', async () => {
    await send('a1', 'a')
    await send('a2', 'a')
    await send('b1', 'b')
    const first = await receive()
    expect(bodies(first)).toEqual(['a1', 'b1'])
    expect(await receive()).toEqual([])
    await remove(first[0])
    const second = await receive()
    expect(bodies(second)).toEqual(['a2'])
    await remove(first[1])
    await remove(second[0])
  })

  test('gives a message again when its visibility ended, before the later ones of its group', async () => {
    await send('c1', 'c')
    await send('c2', 'c')
    expect(bodies(await receive())).toEqual(['c1'])
    const again = await vi.waitUntil(async () => (await receive())[0], { timeout: 3000 })
    expect(again.Body).toBe('c1')
    await remove(again)
    const next = await receive()
    expect(bodies(next)).toEqual(['c2'])
    await remove(next[0])
  })

  test('does not delete by a receipt whose visibility ended', async () => {
    await send('d1', 'd')
    const [old] = await receive()
    const again = await vi.waitUntil(async () => (await receive())[0], { timeout: 3000 })
    await remove(old)
    const third = await vi.waitUntil(async () => (await receive())[0], { timeout: 3000 })
    expect(third.MessageId).toBe(again.MessageId)
    await remove(third)
  })

  test('takes a message with the same deduplication id once, also after it was deleted', async () => {
    await send('e1', 'e', 'same')
    await remove((await receive())[0])
    await send('e2', 'e', 'same')
    expect(await receive()).toEqual([])
  })

  test('forgets everything when purged, also what is in flight', async () => {
    await send('f1', 'f')
    await send('f2', 'f')
    expect(bodies(await receive())).toEqual(['f1'])
    await client.send(new PurgeQueueCommand({ QueueUrl: url }))
    await send('f3', 'f')
    const left = await receive()
    expect(bodies(left)).toEqual(['f3'])
    await remove(left[0])
  })

  test('ends a long poll as soon as a message is there', async () => {
    const polled = client.send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }))
    await send('g1', 'g')
    expect((await polled).Messages?.map(({ Body }) => Body)).toEqual(['g1'])
  })

  test('listens on 127.0.0.1 only, and serves nobody who does not name its key', async () => {
    expect(server.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect((await fetch(`${server.endpoint}/_fauxqs/queues`)).status).toBe(403)
    const stranger = new SQSClient({ region, endpoint: server.endpoint, credentials: newAccessKey(), maxAttempts: 1 })
    await expect(stranger.send(new ReceiveMessageCommand({ QueueUrl: url }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 403 },
    })
    stranger.destroy()
  })
})
