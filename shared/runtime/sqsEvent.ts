/**
 * The one message of an SQS event (batchSize 1). In: whatever Lambda hands over. Out: its version, how often it was
 * delivered, and a way to parse its body.
 */
import '../english.ts'
import * as z from 'zod/mini'

/** Thrown for a message that no version of ours can have sent; after a few receives it goes to the dead letters. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'
}

export interface Delivery {
  readonly version: number
  /** 1 for the first delivery. */
  readonly receives: number
  /** @throws MalformedMessage */
  parse<T>(schema: z.ZodMiniType<T>): T
}

const bodyLimit = 256 * 1024

const sqsEvent = z.object({
  Records: z
    .array(
      z.object({
        messageId: z.string(),
        body: z.string().check(z.maxLength(bodyLimit)),
        attributes: z.object({ ApproximateReceiveCount: z.string() }),
      }),
    )
    .check(z.length(1)),
})

const versioned = z.looseObject({ v: z.int() })

export const isSqsEvent = (event: unknown): boolean => z.object({ Records: z.unknown() }).safeParse(event).success

/** @throws MalformedMessage */
export function delivery(event: unknown): Delivery {
  const [record] = parsed('the event', sqsEvent, event).Records
  if (record === undefined) throw new MalformedMessage('the event holds no message')
  const where = `message ${record.messageId}`
  const body = json(where, record.body)
  return {
    version: parsed(where, versioned, body).v,
    receives: Number(record.attributes.ApproximateReceiveCount) || 1,
    parse: (schema) => parsed(where, schema, body),
  }
}

function json(where: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new MalformedMessage(`${where}: its body is not JSON`)
  }
}

function parsed<T>(where: string, schema: z.ZodMiniType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new MalformedMessage(`${where}: ${issue?.path.join('.') || 'it'}: ${issue?.message}`)
}
