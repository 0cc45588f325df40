/**
 * The page of a stage, on this machine alone: a browser cannot sign, so this signs for it. In: how to get from the page's address, a port. Out: a
 * server on 127.0.0.1. It passes on GET of four paths, and answers only to its own name, so that no page of others reaches it by a name that they
 * made lead here.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Get } from './signed.ts'

export interface Proxy {
  readonly url: string
  stop(): Promise<void>
}

const paths = ['/', '/page.css', '/status.json', '/healthz']
const passedOn = [
  'content-type',
  'content-security-policy',
  'cache-control',
  'referrer-policy',
  'x-content-type-options',
]

/** @param get as signed.ts. @throws Error where the port is taken */
export async function startProxy(page: URL, get: Get, port: number): Promise<Proxy> {
  const server = createServer(
    { headersTimeout: 5000, requestTimeout: 5000, maxHeaderSize: 8192 },
    (request, response) => {
      request.resume()
      serve(page, get, request, response).catch((error: unknown) => {
        const why = error instanceof Error ? error.message.slice(0, 200) : 'unknown'
        end(response, 502, `the page did not answer: ${why}`)
      })
    },
  )
  server.maxConnections = 16
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${portOf(server.address())}/`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

async function serve(page: URL, get: Get, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const own = request.socket.localPort
  if (![`127.0.0.1:${own}`, `localhost:${own}`].includes(request.headers.host ?? ''))
    return end(response, 403, `ask http://127.0.0.1:${own}/`)
  if (request.method !== 'GET') return end(response, 405, 'GET')
  const asked = new URL(request.url ?? '/', 'http://127.0.0.1')
  if (!paths.includes(asked.pathname)) return end(response, 404, `there is ${paths.join(', ')}`)
  const url = new URL(page)
  url.pathname = asked.pathname
  url.search = asked.search
  const answer = await get(url)
  if (answer.status === 403)
    return end(
      response,
      502,
      'AWS does not let you ask the page: attach the policy of viewers (docs/aws.md), and look whose keys these are',
    )
  const headers = passedOn.flatMap((name) => (answer.headers[name] === undefined ? [] : [[name, answer.headers[name]]]))
  response.writeHead(answer.status, Object.fromEntries(headers)).end(answer.body)
}

const end = (response: ServerResponse, status: number, said: string): void =>
  void response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${said}\n`)

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === 'object' ? (address?.port ?? 0) : 0
