/**
 * The agent's HTTPS server: mutual TLS on CloudStack's own PKI (DESIGN 25). In: certificate files, who is admitted, what answers
 * a request. Out: a listening server. Every host holds a certificate of that CA, so its subject decides; time, size and
 * number of what anybody may hold open are bounded, and no bad client stops it.
 */
import { createHash, type X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import { agentPath, largestRequest } from '../../shared/hypervisors/kvm/agent/protocol.ts'
import type { Reason } from '../../shared/reconcile/reasons.ts'
import type { Logger } from '../../shared/runtime/logger.ts'

export interface ServerOptions {
  readonly certificate: string
  readonly key: string
  readonly ca: string
  readonly admit: readonly string[]
  readonly listen: string
  readonly port: number
  readonly logger: Logger
  readonly now: () => number
  /** @returns the reply, as JSON. Never rejects. */
  readonly answer: (body: string) => Promise<string>
  /** @returns the reply to a request that was refused, as JSON. */
  readonly refuse: (reason: Reason, detail: string) => string
  readonly bounds?: Partial<ServerBounds>
}

/** In milliseconds, but for the connections. */
export interface ServerBounds {
  readonly handshake: number
  readonly headers: number
  readonly request: number
  readonly idle: number
  readonly reload: number
  readonly connections: number
}

const usual: ServerBounds = {
  handshake: 10_000,
  headers: 10_000,
  request: 30_000,
  idle: 30_000,
  reload: 30_000,
  connections: 16,
}

export interface AgentServer {
  readonly port: number
  /** Reads the certificate files anew, if they changed. Never throws: with files that cannot be used it goes on as it was. */
  reload(): Promise<void>
  close(): Promise<void>
}

/** @throws Error when the certificate files cannot be used, or nothing can listen there. */
export async function startServer(options: ServerOptions): Promise<AgentServer> {
  const bounds = { ...usual, ...options.bounds }
  let credentials = await readCredentials(options)
  const server = createServer({
    ...credentials,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    handshakeTimeout: bounds.handshake,
    headersTimeout: bounds.headers,
    requestTimeout: bounds.request,
    keepAliveTimeout: bounds.idle,
    connectionsCheckingInterval: 1_000,
    maxHeaderSize: 8 * 1024,
  })
  server.maxConnections = bounds.connections
  server.on('request', (message, response) => {
    serve(message, response, options).catch((error) => {
      options.logger.warn('a request broke off', { why: String(error).slice(0, 200) })
      response.destroy()
    })
  })
  server.on('tlsClientError', (error, socket) => {
    options.logger.warn('a connection was refused', { from: socket.remoteAddress, why: error.message.slice(0, 200) })
    socket.destroy()
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  await listening(server, options)
  const reload = async (): Promise<void> => {
    try {
      const fresh = await readCredentials(options)
      if (JSON.stringify(fresh) === JSON.stringify(credentials)) return
      server.setSecureContext({ ...fresh, minVersion: 'TLSv1.2' })
      credentials = fresh
      options.logger.info('the certificate was read anew')
    } catch (error) {
      options.logger.error('the certificate files cannot be used', { why: String(error).slice(0, 300) })
    }
  }
  const timer = setInterval(reload, bounds.reload)
  return {
    port: portOf(server),
    reload,
    close: async () => {
      clearInterval(timer)
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

async function readCredentials({ certificate, key, ca }: ServerOptions) {
  const [cert, own, authority] = await Promise.all([certificate, key, ca].map((file) => readFile(file, 'utf8')))
  return { cert, key: own, ca: authority }
}

function listening(server: Server, { listen, port }: ServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: listen, port }, () => {
      server.off('error', reject)
      server.on('error', () => {}) // Of single connections, as when there are too many open files: the next one tells.
      resolve()
    })
  })
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function serve(message: IncomingMessage, response: ServerResponse, options: ServerOptions): Promise<void> {
  const end = (status: number, body: string): void => {
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(status === 200 ? {} : { connection: 'close' }),
    })
    response.end(body)
  }
  const refused = notAdmitted(message, options)
  if (refused !== undefined) {
    options.logger.warn('a client was refused', { from: message.socket.remoteAddress, why: refused })
    return end(403, options.refuse('AgentRefused', refused))
  }
  if (message.url !== agentPath) return end(404, options.refuse('HostMisread', `there is only ${agentPath}`))
  if (message.method !== 'POST') return end(405, options.refuse('HostMisread', 'there is only POST'))
  const body = await bodyOf(message)
  if (body === undefined) {
    end(413, options.refuse('HostMisread', `a request has at most ${largestRequest} bytes`))
    return void message.socket.destroySoon()
  }
  end(200, await options.answer(body))
}

/** Checked with each request: a connection may outlast the certificate that opened it. */
function notAdmitted({ socket }: IncomingMessage, { admit, now }: ServerOptions): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return 'it has no certificate of the CA'
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return 'it has no certificate of the CA'
  const { subject, validTo } = certificate
  if (![commonNameOf(certificate), keyOf(certificate)].some((one) => admit.includes(one)))
    return `${JSON.stringify(subject)} with the key ${keyOf(certificate)} is not admitted`
  return Date.parse(validTo) > now() ? undefined : `the certificate of ${subject} ended on ${validTo}`
}

/** The only one: a subject of several names is nobody's. */
function commonNameOf({ subject }: X509Certificate): string {
  return /^CN=([^\n]+)$/.exec(subject)?.[1] ?? ''
}

/** As `admit` has it: the SHA-256 of the public key, which a renewal of the certificate may keep. */
function keyOf({ publicKey }: X509Certificate): string {
  return `sha256:${createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')}`
}

/** @returns undefined as soon as it is too large: no more of it is read. */
async function bodyOf(message: IncomingMessage): Promise<string | undefined> {
  if (Number(message.headers['content-length'] ?? 0) > largestRequest) return undefined
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of message) {
    const part: unknown = chunk
    if (!Buffer.isBuffer(part)) return undefined
    size += part.length
    if (size > largestRequest) return undefined
    chunks.push(part)
  }
  return Buffer.concat(chunks).toString('utf8')
}
