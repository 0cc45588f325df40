import { SendMessageCommand } from '@aws-sdk/client-sqs'
import * as z from 'zod'
import { dynamoDbClient, sqsClient } from '../../../../../../shared/runtime/clients.ts'
import type { Create } from '../../../../../../shared/runtime/lambda.ts'
import { createDynamoDbStore } from '../../../../../../shared/store/dynamodb.ts'

const tasks = z.array(z.object({ name: z.string(), group: z.string() }))

/** Counts its calls in the table and sends tasks, by clients made of nothing but its environment. */
export const create: Create = (environment) => async (event) => {
  const store = createDynamoDbStore({
    table: environment.BRIDGEKEEPER_TABLE ?? '',
    client: dynamoDbClient(environment),
  })
  const counted = await store.update({ key: { pk: 'calls', sk: 'all' }, add: { count: 1 } })
  const sqs = sqsClient(environment)
  for (const { name, group } of tasks.parse(event)) {
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: environment.BRIDGEKEEPER_QUEUE_WORKER,
        MessageBody: JSON.stringify({ name }),
        MessageGroupId: group,
        MessageDeduplicationId: name,
      }),
    )
  }
  return { calls: counted?.count, secret: environment.SECRET, colour: environment.COLOUR }
}
