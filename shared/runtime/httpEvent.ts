/**
 * A request to a function's own address, as Lambda hands it over (a Function URL's event, version 2.0). In: the event. Out:
 * method, headers by their names in small letters, the body's very bytes, since a signature is over these.
 */
import * as z from 'zod/mini'

export interface HttpRequest {
  readonly method: string
  /** As it was sent, still encoded. */
  readonly path: string
  /** Without its question mark. */
  readonly query: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
}

export interface HttpAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Thrown for an event that no address sends, as when the function is invoked by hand. */
export class MalformedRequest extends Error {
  override readonly name = 'MalformedRequest'
}

/** Lambda itself takes 6 MB, which base64 makes 8. */
const most = 8 * 1024 * 1024

const requestEvent = z.object({
  requestContext: z.object({ http: z.object({ method: z.string().check(z.maxLength(16)) }) }),
  rawPath: z.optional(z.string().check(z.maxLength(8192))),
  rawQueryString: z.optional(z.string().check(z.maxLength(8192))),
  headers: z.record(z.string(), z.string()),
  body: z.optional(z.string().check(z.maxLength(most))),
  isBase64Encoded: z.optional(z.boolean()),
})

/** @throws MalformedRequest */
export function httpRequest(event: unknown): HttpRequest {
  const parsed = requestEvent.safeParse(event)
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.join('.')
    throw new MalformedRequest(`it is no request to a function's address: ${where || 'it'}`)
  }
  const {
    requestContext,
    rawPath = '/',
    rawQueryString = '',
    headers,
    body = '',
    isBase64Encoded = false,
  } = parsed.data
  return {
    method: requestContext.http.method,
    path: rawPath,
    query: rawQueryString,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
  }
}

/** A line of text for whoever reads the answer in CloudStack's list of deliveries. */
export const textAnswer = (statusCode: number, text: string): HttpAnswer => ({
  statusCode,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  body: `${text}\n`,
})
