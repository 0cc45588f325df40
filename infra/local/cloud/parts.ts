/**
 * The embedded DynamoDB and SQS with the deployment's table and queues in them. In: a deployment, where data lives.
 * Out: clients, addresses, and an end. What was started is stopped again when a later step fails.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SQSClient } from '@aws-sdk/client-sqs'
import { newAccessKey } from './accessKey.ts'
import type { Deployment } from './deployment.ts'
import { startDynamoDb } from './embeddedDynamoDb.ts'
import { startSqs } from './embeddedSqs.ts'
import type { Addresses } from './environment.ts'
import { createQueues, createTable, type QueueAddress } from './resources.ts'

export interface Parts {
  readonly addresses: Addresses
  readonly queues: ReadonlyMap<string, QueueAddress>
  readonly sqs: SQSClient
  stop(): Promise<void>
}

export const region = 'us-east-1'

export async function startParts(deployment: Deployment, data: string | undefined): Promise<Parts> {
  const stops: (() => Promise<void> | void)[] = []
  const stop = async (): Promise<void> => {
    for (const each of stops.splice(0).reverse()) await each()
  }
  try {
    const key = newAccessKey()
    const dynamoDb = await startDynamoDb(key, data)
    stops.push(dynamoDb.stop)
    const sqs = await startSqs(key, region)
    stops.push(sqs.stop)
    const tables = new DynamoDBClient({ region, endpoint: dynamoDb.endpoint, credentials: key })
    const client = new SQSClient({ region, endpoint: sqs.endpoint, credentials: key })
    stops.push(() => tables.destroy())
    stops.push(() => client.destroy())
    for (const table of deployment.tables) await createTable(tables, table)
    const queues = await createQueues(client, sqs.endpoint, deployment.queues)
    const resources = new Map([
      ...deployment.tables.map(({ id, name }) => [id, name] as const),
      ...[...queues].map(([id, { url }]) => [id, url] as const),
    ])
    return {
      addresses: { region, dynamoDb: dynamoDb.endpoint, sqs: sqs.endpoint, key, resources },
      queues,
      sqs: client,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
