/**
 * How full the queues are, and what lies dead beside them, for people. In: a client of SQS, the addresses of queues. Out: for each what waits,
 * what is at work, and the letters that no function could read. Nothing is taken away, and nobody waits for what is looked at.
 */
import { GetQueueAttributesCommand, type Message, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import * as z from 'zod/mini'

export interface Letter {
  readonly group: string
  /** Milliseconds since the epoch; undefined where the queue does not say. */
  readonly sentAt: number | undefined
  readonly body: string
}

export interface Fullness {
  readonly queue: string
  /** As SQS counts: nearly right. */
  readonly waiting: number
  readonly running: number
  /** Where its dead letters are; undefined for a queue that has no place for them. */
  readonly dead:
    | {
        readonly url: string
        readonly count: number /** The first of them, ten at most. */
        readonly first: readonly Letter[]
      }
    | undefined
}

const redrive = z.object({ deadLetterTargetArn: z.string().check(z.regex(/:[A-Za-z0-9_.-]{1,80}$/)) })

/** @throws whatever SQS throws */
export async function fullnessOf(client: SQSClient, queue: string, url: string): Promise<Fullness> {
  const { waiting, running, policy } = await counted(client, url)
  const target = policy === undefined ? undefined : redrive.parse(JSON.parse(policy)).deadLetterTargetArn
  if (target === undefined) return { queue, waiting, running, dead: undefined }
  const deadUrl = url.replace(/[^/]+$/, target.slice(target.lastIndexOf(':') + 1))
  const letters = await counted(client, deadUrl)
  const count = letters.waiting + letters.running // also those that somebody looks at in this moment
  return {
    queue,
    waiting,
    running,
    dead: { url: deadUrl, count, first: count === 0 ? [] : await first(client, deadUrl) },
  }
}

async function counted(client: SQSClient, QueueUrl: string) {
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible', 'RedrivePolicy'],
    }),
  )
  return {
    waiting: Number(Attributes.ApproximateNumberOfMessages ?? 0),
    running: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
    policy: Attributes.RedrivePolicy,
  }
}

/** Seen, not taken: each is there for the next one who looks at once. A FIFO queue shows the first of each group. */
async function first(client: SQSClient, QueueUrl: string): Promise<readonly Letter[]> {
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 0,
      MessageSystemAttributeNames: ['SentTimestamp', 'MessageGroupId'],
    }),
  )
  return Messages.map(letterOf)
}

function letterOf({ Body = '', Attributes = {} }: Message): Letter {
  const sentAt = Number(Attributes.SentTimestamp)
  return { group: Attributes.MessageGroupId ?? '', sentAt: Number.isFinite(sentAt) ? sentAt : undefined, body: Body }
}
