/** The embedded DynamoDB and SQS with the tables and the queue of a stage, for the command line to speak to. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs'
import { type AccessKey, newAccessKey } from '../../infra/local/cloud/accessKey.ts'
import { startDynamoDb } from '../../infra/local/cloud/embeddedDynamoDb.ts'
import { startSqs } from '../../infra/local/cloud/embeddedSqs.ts'
import { createTable } from '../../infra/local/cloud/resources.ts'
import { createDynamoDbStore } from '../../shared/store/dynamodb.ts'
import type { Store } from '../../shared/store/store.ts'
import type { Environment } from './program.ts'

export interface Parts {
  readonly key: AccessKey
  /** Of the stage `test`; the stage `empty` has a table with nothing in it, and no queue. */
  readonly store: Store
  readonly sqs: SQSClient
  readonly queueUrl: string
  /** What reaches them, and names no table. */
  readonly environment: Environment
  readonly withTable: Environment
  readonly withQueue: Environment
  stop(): Promise<void>
}

const region = 'us-east-1'
const tableKey = [
  { name: 'pk', kind: 'HASH', type: 'S' },
  { name: 'sk', kind: 'RANGE', type: 'S' },
] as const

export async function startParts(): Promise<Parts> {
  const key = newAccessKey()
  const [tables, queues] = [await startDynamoDb(key, undefined), await startSqs(key, region)]
  const dynamoDb = new DynamoDBClient({ region, endpoint: tables.endpoint, credentials: key })
  const sqs = new SQSClient({ region, endpoint: queues.endpoint, credentials: key })
  for (const name of ['bridgekeeper-test', 'bridgekeeper-empty']) {
    await createTable(dynamoDb, { id: name, name, key: tableKey })
  }
  const QueueName = 'bridgekeeper-test-snapshot.fifo'
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { FifoQueue: 'true' } }))
  const queueUrl = `${queues.endpoint}${new URL(QueueUrl ?? '').pathname}`
  const environment = {
    AWS_REGION: region,
    AWS_ENDPOINT_URL_DYNAMODB: tables.endpoint,
    AWS_ENDPOINT_URL_SQS: queues.endpoint,
    AWS_ACCESS_KEY_ID: key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
  }
  const withTable = { ...environment, BRIDGEKEEPER_TABLE: 'bridgekeeper-test' }
  return {
    key,
    store: createDynamoDbStore({ table: 'bridgekeeper-test', client: dynamoDb }),
    sqs,
    queueUrl,
    environment,
    withTable,
    withQueue: { ...withTable, BRIDGEKEEPER_QUEUE_SNAPSHOT: queueUrl },
    stop: async () => {
      dynamoDb.destroy()
      sqs.destroy()
      await tables.stop()
      await queues.stop()
    },
  }
}
