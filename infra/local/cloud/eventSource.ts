/**
 * An event source mapping from a FIFO queue to a function, as Lambda has them. In: the queue, batch size, concurrency.
 * Out: calls with SQS events; messages are deleted after a call that succeeded, and otherwise come back when their
 * visibility ends. The order within a group is the queue's: it gives nothing of a group while one is in flight.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { DeleteMessageBatchCommand, type Message, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { SQSEvent, SQSRecord } from 'aws-lambda'
import type { EventSource } from './deployment.ts'
import type { QueueAddress } from './resources.ts'

export interface EventSourceParts {
  readonly client: SQSClient
  readonly queue: QueueAddress
  readonly region: string
  /** One call of the function; a rejection leaves the messages to come back. */
  readonly call: (event: SQSEvent) => Promise<unknown>
  /** Told of every receive or delete that failed; the loop goes on. */
  readonly failed: (error: unknown) => void
}

export interface RunningEventSource {
  /** Begins nothing more. Calls that are running are left to end. */
  stop(): void
  /** How many batches were received and are not finished with. */
  serving(): number
}

/** A long poll, in seconds: the longest that SQS has. */
const wait = 20
/** Milliseconds after a receive that failed: an outage must not become a busy loop. */
const afterFailure = 1000
const defaultConcurrency = 10

export function startEventSource(source: EventSource, parts: EventSourceParts): RunningEventSource {
  const stopping = new AbortController()
  const serving = new Set<Promise<void>>()
  const limit = source.maximumConcurrency ?? defaultConcurrency

  const poll = async (): Promise<void> => {
    while (serving.size >= limit && !stopping.signal.aborted) await Promise.race(serving)
    const messages = await receive(parts, source.batchSize, stopping.signal)
    if (messages.length === 0 || stopping.signal.aborted) return
    const served: Promise<void> = serve(parts, messages).finally(() => serving.delete(served))
    serving.add(served)
  }

  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await poll()
      } catch (error) {
        if (stopping.signal.aborted) return
        parts.failed(error)
        await delay(afterFailure, undefined, { signal: stopping.signal }).catch(() => undefined)
      }
    }
  }

  void loop()
  return { stop: () => stopping.abort(), serving: () => serving.size }
}

async function receive(parts: EventSourceParts, batchSize: number, signal: AbortSignal): Promise<readonly Message[]> {
  const { Messages } = await parts.client.send(
    new ReceiveMessageCommand({
      QueueUrl: parts.queue.url,
      MaxNumberOfMessages: batchSize,
      WaitTimeSeconds: wait,
      MessageSystemAttributeNames: ['All'],
    }),
    { abortSignal: signal },
  )
  return Messages ?? []
}

/** Never rejects. */
async function serve(parts: EventSourceParts, messages: readonly Message[]): Promise<void> {
  const called = await parts.call({ Records: messages.map((message) => recordOf(parts, message)) }).then(
    () => true,
    () => false,
  )
  if (!called) return
  const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }))
  try {
    await parts.client.send(new DeleteMessageBatchCommand({ QueueUrl: parts.queue.url, Entries }))
  } catch (error) {
    parts.failed(error)
  }
}

function recordOf({ queue, region }: EventSourceParts, message: Message): SQSRecord {
  const { SenderId = '', SentTimestamp = '', ApproximateReceiveCount = '', ...others } = message.Attributes ?? {}
  const { ApproximateFirstReceiveTimestamp = '' } = others
  return {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    attributes: { ...others, SenderId, SentTimestamp, ApproximateReceiveCount, ApproximateFirstReceiveTimestamp },
    messageAttributes: {},
    md5OfBody: message.MD5OfBody ?? '',
    eventSource: 'aws:sqs',
    eventSourceARN: queue.arn,
    awsRegion: region,
  }
}
