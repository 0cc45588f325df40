/**
 * The queues on SQS, or on anything that speaks its protocol. In: messages for a queue. Out: nothing; whatever was not
 * taken is thrown, and the caller's next tick sends it again.
 */
import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { Message, QueueName, Queues } from './queues.ts'

/** Thrown when SQS took some messages of a call and refused others. Names the queue and SQS's own code. */
export class NotSent extends Error {
  override readonly name = 'NotSent'
}

const perCall = 10

export function createSqsQueues(client: SQSClient, urls: Readonly<Record<QueueName, string | undefined>>): Queues {
  const sendTen = async (queue: QueueName, messages: readonly Message[]): Promise<void> => {
    const url = urls[queue]
    if (url === undefined) throw new NotSent(`this function has no address of the queue "${queue}"`)
    const { Failed } = await client.send(
      new SendMessageBatchCommand({
        QueueUrl: url,
        Entries: messages.map(({ body, group, deduplication }, index) => ({
          Id: String(index),
          MessageBody: JSON.stringify(body),
          MessageGroupId: group,
          MessageDeduplicationId: deduplication,
        })),
      }),
    )
    const refused = Failed?.[0]
    if (refused) throw new NotSent(`queue "${queue}" refused ${Failed.length} of ${messages.length}: ${refused.Code}`)
  }

  return {
    send: async (queue, messages) => {
      for (let from = 0; from < messages.length; from += perCall) {
        await sendTen(queue, messages.slice(from, from + perCall))
      }
    },
  }
}
