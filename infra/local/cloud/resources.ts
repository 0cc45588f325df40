/**
 * Making the deployment's table and queues on the embedded parts. In: what is to be there, clients. Out: how each
 * resource is referred to: a table's name, a queue's address. Whatever exists from an earlier start is kept.
 */
import {
  CreateTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import { CreateQueueCommand, GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { Deployment, QueueDeployment, TableDeployment } from './deployment.ts'

export interface QueueAddress {
  readonly url: string
  readonly arn: string
}

/** Seconds; an empty table is there at once. */
const tableWait = 10

/** @throws Error when a table does not become usable: its data was left half-made by a start that was killed. */
export async function createTable(client: DynamoDBClient, { name, key }: TableDeployment): Promise<void> {
  try {
    await client.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: key.map((part) => ({ AttributeName: part.name, KeyType: part.kind })),
        AttributeDefinitions: key.map((part) => ({ AttributeName: part.name, AttributeType: part.type })),
      }),
    )
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error
  }
  await waitUntilTableExists({ client, maxWaitTime: tableWait, minDelay: 1, maxDelay: 1 }, { TableName: name })
}

/** Dead letters first, since a queue names its own by their ARN. By the queues' ids. */
export async function createQueues(
  client: SQSClient,
  endpoint: string,
  queues: Deployment['queues'],
): Promise<ReadonlyMap<string, QueueAddress>> {
  const made = new Map<string, QueueAddress>()
  const rank = (queue: QueueDeployment): number => (queue.deadLetters === undefined ? 0 : 1)
  for (const queue of [...queues].sort((a, b) => rank(a) - rank(b))) {
    made.set(queue.id, await createQueue(client, endpoint, queue, made))
  }
  return made
}

async function createQueue(
  client: SQSClient,
  endpoint: string,
  queue: QueueDeployment,
  made: ReadonlyMap<string, QueueAddress>,
): Promise<QueueAddress> {
  const dead = queue.deadLetters
  const redrive = dead && { deadLetterTargetArn: made.get(dead.queue)?.arn, maxReceiveCount: dead.maxReceiveCount }
  const { QueueUrl } = await client.send(
    new CreateQueueCommand({
      QueueName: queue.name,
      Attributes: {
        FifoQueue: 'true',
        ContentBasedDeduplication: String(queue.contentBasedDeduplication),
        VisibilityTimeout: String(queue.visibility),
        MessageRetentionPeriod: String(queue.retention),
        ...(redrive && { RedrivePolicy: JSON.stringify(redrive) }),
      },
    }),
  )
  // The address it answers with has a host name that not every machine resolves; only the path counts.
  const url = `${endpoint}${new URL(QueueUrl ?? '').pathname}`
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }),
  )
  return { url, arn: Attributes?.QueueArn ?? '' }
}
