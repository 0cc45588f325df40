/**
 * DynamoDB, SQS and a fake Secrets Manager in this process, behind one recording address for each function. In: nothing. Out: a function's
 * environment, what it called, messages as its queue would bring them.
 */
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import * as z from 'zod'
import { newAccessKey } from '../../infra/local/cloud/accessKey.ts'
import { startDynamoDb } from '../../infra/local/cloud/embeddedDynamoDb.ts'
import { endpointOf } from '../../infra/local/cloud/embeddedServer.ts'
import { startSqs } from '../../infra/local/cloud/embeddedSqs.ts'
import { createTable } from '../../infra/local/cloud/resources.ts'
import type { QueueName } from '../../shared/queue/queues.ts'
import { startFakeSecretsManager } from '../runtime/fakeSecretsManager.ts'
import type { Call } from './role.ts'

const queueNames: readonly QueueName[] = [
  ...(['snapshot', 'diff'] as const),
  ...(['provisionKvm', 'provisionXenserver', 'provisionVmware', 'provisionCloudstack'] as const),
]

const region = 'us-east-1'
const tableName = 'bridgekeeper-test'
const tableKey = [
  { name: 'pk', kind: 'HASH', type: 'S' },
  { name: 'sk', kind: 'RANGE', type: 'S' },
] as const

export interface RecordedAws {
  readonly secrets: Map<string, string>
  /** For a function of that name: everything of AWS that it could reach, at an address of its own. */
  environment(name: string): Promise<Readonly<Record<string, string>>>
  /** What it called. */
  calls(name: string): readonly Call[]
  /** The next message of a queue as Lambda brings it, or undefined. */
  next(queue: string): Promise<unknown>
  stop(): Promise<void>
}

const body = z.looseObject({
  TableName: z.string().optional(),
  QueueUrl: z.string().optional(),
  SecretId: z.string().optional(),
  Name: z.string().optional(),
  QueueName: z.string().optional(),
})

export async function startRecordedAws(): Promise<RecordedAws> {
  const key = newAccessKey()
  const [tables, queues, fake] = [
    await startDynamoDb(key, undefined),
    await startSqs(key, region),
    await startFakeSecretsManager(),
  ]
  const credentials = { accessKeyId: key.accessKeyId, secretAccessKey: key.secretAccessKey }
  const dynamoDb = new DynamoDBClient({ region, endpoint: tables.endpoint, credentials })
  const sqs = new SQSClient({ region, endpoint: queues.endpoint, credentials })
  await createTable(dynamoDb, { id: tableName, name: tableName, key: tableKey })
  const paths = new Map<string, string>()
  for (const name of queueNames) {
    const QueueName = `bridgekeeper-test-${name}.fifo`
    const dead = `bridgekeeper-test-${name}-dead.fifo`
    await sqs.send(new CreateQueueCommand({ QueueName: dead, Attributes: { FifoQueue: 'true' } }))
    const deadLetterTargetArn = `arn:aws:sqs:${region}:000000000000:${dead}`
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 1000 })
    const { QueueUrl = '' } = await sqs.send(
      new CreateQueueCommand({ QueueName, Attributes: { FifoQueue: 'true', VisibilityTimeout: '0', RedrivePolicy } }),
    )
    paths.set(name, new URL(QueueUrl).pathname)
  }
  const backends = { dynamodb: tables.endpoint, sqs: queues.endpoint, secretsmanager: fake.endpoint }
  const calls = new Map<string, Call[]>()
  const servers: Server[] = []

  return {
    secrets: fake.secrets,
    environment: async (name) => {
      const recorded: Call[] = []
      calls.set(name, recorded)
      const server = createServer((message, response) => {
        void forward(message, backends, (call) => recorded.push(call)).then(
          ({ status, type, answer }) => response.writeHead(status, { 'content-type': type }).end(answer),
          () => response.destroy(),
        )
      })
      servers.push(server)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const endpoint = endpointOf(server)
      const variable = (queue: string): string =>
        `BRIDGEKEEPER_QUEUE_${queue.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
      return {
        ...Object.fromEntries([...paths].map(([queue, path]) => [variable(queue), `${endpoint}${path}`])),
        BRIDGEKEEPER_TABLE: tableName,
        AWS_REGION: region,
        AWS_ENDPOINT_URL: endpoint,
        AWS_ACCESS_KEY_ID: key.accessKeyId,
        AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
      }
    },
    calls: (name) => calls.get(name) ?? [],
    next: async (queue) => {
      const QueueUrl = `${queues.endpoint}${paths.get(queue)}`
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 0 }))
      const [message] = Messages
      if (message === undefined) return undefined
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle ?? '' }))
      const attributes = { ApproximateReceiveCount: '1' }
      return { Records: [{ messageId: message.MessageId ?? '', body: message.Body ?? '', attributes }] }
    },
    stop: async () => {
      dynamoDb.destroy()
      sqs.destroy()
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
      await Promise.all([tables.stop(), queues.stop(), fake.stop()])
    },
  }
}

type Backends = Readonly<Record<'dynamodb' | 'sqs' | 'secretsmanager', string>>

/** By its X-Amz-Target, as the JSON protocols of all three have it. */
async function forward(message: IncomingMessage, backends: Backends, record: (call: Call) => void) {
  const sent = await buffer(message)
  const [service = '', operation = ''] = String(message.headers['x-amz-target']).split('.')
  const of = /^DynamoDB/.test(service) ? 'dynamodb' : /^AmazonSQS/.test(service) ? 'sqs' : 'secretsmanager'
  const { TableName, QueueUrl, QueueName, SecretId, Name } = body.parse(JSON.parse(sent.toString('utf8')))
  const resource = TableName ?? QueueUrl?.split('/').at(-1) ?? QueueName ?? SecretId ?? Name ?? 'nothing'
  // A batch is many of the same, and needs the right of one.
  record({ action: `${of}:${operation.replace(/Batch$/, '')}`, resource })
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const { host, ...headers } = message.headers
    const onward = request(backends[of], { method: message.method, path: message.url, headers }, resolve)
    onward.on('error', reject).end(sent)
  })
  return {
    status: answer.statusCode ?? 500,
    type: answer.headers['content-type'] ?? 'application/json',
    answer: await buffer(answer),
  }
}
