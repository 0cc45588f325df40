/**
 * A forward proxy, a real one in small: CONNECT for https, absolute addresses for http, with a name and a password. In: whereto a
 * host name leads, since the tests' names are in no name server. Out: its address, and what it was asked.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'

export interface ProxyOptions {
  /** `user:password`, demanded of everybody. */
  readonly credentials?: string
  /** Host and port that are meant by what was asked for. */
  readonly to: (host: string) => { readonly host: string; readonly port: number }
  /** Answers every CONNECT with this status instead. */
  readonly refuseWith?: number
  /** Answers no CONNECT at all. */
  readonly swallow?: boolean
}

export interface ForwardProxy {
  /** @param user `user:password`, as an address writes it */
  url(user?: string): string
  /** One line a request. */
  readonly seen: readonly string[]
  stop(): Promise<void>
}

export const forwardTo =
  ({ hostname, port }: URL): ProxyOptions['to'] =>
  () => ({ host: hostname, port: Number(port) })

export async function startProxy({ credentials, to, refuseWith, swallow }: ProxyOptions): Promise<ForwardProxy> {
  const seen: string[] = []
  const sockets = new Set<Socket>()
  const expected = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`
  const admits = (asked: IncomingMessage): boolean =>
    expected === undefined || asked.headers['proxy-authorization'] === expected

  const forward = (asked: IncomingMessage, response: ServerResponse): void => {
    seen.push(`${asked.method} ${asked.url}`)
    if (!admits(asked)) return void response.writeHead(407, { 'Proxy-Authenticate': 'Basic' }).end('<html>who?</html>')
    const { 'proxy-authorization': _, ...headers } = asked.headers
    const { host, pathname } = new URL(asked.url ?? '')
    const onward = request({ ...to(host), method: asked.method, path: pathname, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.writeHead(502).end())
    asked.pipe(onward)
  }

  const server = createServer(forward)
  server.on('connection', (socket) => sockets.add(socket))
  server.on('connect', (asked, socket, head) => {
    seen.push(`CONNECT ${asked.url}`)
    socket.on('error', () => {})
    if (swallow) return
    if (!admits(asked)) return void socket.end('HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\n\r\n')
    if (refuseWith !== undefined) return void socket.end(`HTTP/1.1 ${refuseWith} No\r\n\r\n`)
    const onward = connect(to(asked.url ?? ''), () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.write(head)
      onward.pipe(socket)
      socket.pipe(onward)
    })
    sockets.add(onward)
    onward.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    url: (user) => `http://${user === undefined ? '' : `${user}@`}127.0.0.1:${port}`,
    seen,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
