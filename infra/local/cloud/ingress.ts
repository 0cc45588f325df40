/**
 * The address of the function webhook, on one machine. In: an embedded cloud, where to listen. Out: a server that hands a request over
 * as Lambda's own address does. Whoever sends too much, or too slowly, or as one too many, is answered before the function is asked.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as z from 'zod/mini'
import { mostBytes } from '../../../shared/flow/webhook.ts'
import { ConfigurationError } from '../../../shared/runtime/configuration.ts'
import type { EmbeddedCloud } from './cloud.ts'
import { TooManyCalls } from './invoker.ts'

export interface Ingress {
  readonly url: string
  stop(): Promise<void>
}

/** Milliseconds for the headers, and for the whole of a request; and how many connections there may be. */
export const limits = { headers: 5000, request: 10_000, connections: 64 }

const answerShape = z.object({ statusCode: z.int(), headers: z.record(z.string(), z.string()), body: z.string() })

/** @throws ConfigurationError where nobody can listen there */
export async function startIngress(
  cloud: Pick<EmbeddedCloud, 'invoke'>,
  { address, port }: { readonly address: string; readonly port: number },
): Promise<Ingress> {
  const server = createServer(
    { headersTimeout: limits.headers, requestTimeout: limits.request, connectionsCheckingInterval: 1000 },
    (request, response) => {
      void serve(cloud, request, response).catch(() => response.destroy())
    },
  )
  server.maxConnections = limits.connections
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve)).catch(
    (error: unknown) => {
      const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
      throw new ConfigurationError(
        `BRIDGEKEEPER_WEBHOOK_LISTEN=${address}:${port} cannot be listened on (${why}): choose another address or port.`,
      )
    },
  )
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${portOf(server.address())}/`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

async function serve(
  cloud: Pick<EmbeddedCloud, 'invoke'>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await bodyOf(request)
  if (body === undefined) return end(response.setHeader('connection', 'close'), 413, 'too large')
  const event = {
    version: '2.0',
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : value]),
    ),
    requestContext: { http: { method: request.method ?? '' } },
    body: body.toString('base64'),
    isBase64Encoded: true,
  }
  try {
    const answer = answerShape.parse(await cloud.invoke('webhook', event))
    response.writeHead(answer.statusCode, answer.headers).end(answer.body)
  } catch (error) {
    if (error instanceof TooManyCalls) end(response, 429, 'too many at a time')
    else end(response, 502, 'it could not be answered')
  }
}

/** @returns undefined where it is larger than any event: the rest is not read */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > mostBytes) return undefined
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > mostBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const end = (response: ServerResponse, status: number, text: string): void =>
  void response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`)

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === 'object' ? (address?.port ?? 0) : 0
