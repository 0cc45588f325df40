/**
 * Whether nothing is left to do: no call is running, and no queue with a consumer holds a message, visible or in
 * flight. In: counts of calls, queues. Out: the answer, or what is still there. Dead letters count as done.
 */
import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs'

export interface Busy {
  readonly running: number
  readonly messages: Readonly<Record<string, number>>
}

/** @param counts of all functions together; @param queues address by name. @returns undefined when idle. */
export async function busy(
  sqs: SQSClient,
  queues: ReadonlyMap<string, string>,
  counts: () => { readonly running: number; readonly begun: number },
): Promise<Busy | undefined> {
  const before = counts()
  const held = await Promise.all([...queues].map(async ([name, url]) => [name, await messagesIn(sqs, url)] as const))
  const after = counts()
  const messages = Object.fromEntries(held.filter(([, count]) => count > 0))
  // A call that began meanwhile may have sent to a queue that was already looked at.
  const still = before.running === 0 && after.running === 0 && before.begun === after.begun
  return still && Object.keys(messages).length === 0 ? undefined : { running: after.running, messages }
}

async function messagesIn(sqs: SQSClient, url: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: url,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  )
  return Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesNotVisible)
}
