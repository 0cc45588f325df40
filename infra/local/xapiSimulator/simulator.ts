/**
 * The XAPI simulator: pools of XenServer hosts that answer JSON-RPC and XML-RPC over HTTPS, each host at an address of its own, as
 * `xen-api` (npm), `XenAPI` (PyPI) and the driver call them. In: pools. Out: their addresses, a user, the certificates'
 * fingerprints, and each pool to do things to. It is no hypervisor: there are records, and rules for them.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { Socket } from 'node:net'
import { selfSigned } from './certificate.ts'
import { SimulatedFailure } from './failure.ts'
import { createSimulatedPool, type PoolSeed, type SimulatedPool, type SimulatedXapiHost, type User } from './pool.ts'
import { methodResponse, readMethodCall } from './xmlRpc.ts'

export interface XapiSimulator {
  readonly pools: readonly SimulatedPool[]
  readonly port: number
  readonly username: string
  readonly password: string
  /** Of the certificate that all its hosts show. */
  readonly fingerprint: string
  readonly certificate: string
  /** The only pool, where there is one. */
  readonly pool: SimulatedPool
  /** One more host of a pool, which joins late. */
  addHost(pool: SimulatedPool, name: string): Promise<SimulatedXapiHost>
  /** Answers nothing, as a machine without power. */
  takeDown(address: string): Promise<void>
  bringUp(address: string): Promise<void>
  close(): Promise<void>
}

export interface XapiSimulatorOptions {
  readonly pools: readonly PoolSeed[]
  /** Beside the one that may do all. */
  readonly users?: readonly User[]
}

const largestRequest = 4 * 1024 * 1024

interface Listener {
  readonly server: Server
  readonly sockets: Set<Socket>
}

/** @throws Error when no loopback address is free */
export async function startXapiSimulator(options: XapiSimulatorOptions): Promise<XapiSimulator> {
  const root = { username: 'root', password: 'simulated' }
  const users = [root, ...(options.users ?? [])]
  const certificate = selfSigned('xapi simulator')
  const listeners = new Map<string, Listener>()
  const owners = new Map<string, SimulatedPool>()
  let port = 0
  let next = 0

  const listen = async (address: string, at: number): Promise<number> => {
    const sockets = new Set<Socket>()
    const tls = { key: certificate.key, cert: certificate.certificate }
    const server = createServer(
      tls,
      (request, response) => void answer(owners.get(address), address, request, response),
    )
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    server.on('tlsClientError', () => undefined)
    const bound = await listening(server, at, address)
    listeners.set(address, { server, sockets })
    return bound
  }
  /** The whole of 127.0.0.0/8 is this machine's, so that each host has an address of its own at one port. */
  const newAddress = async (): Promise<string> => {
    for (let attempt = 0; attempt < 500; attempt++) {
      next++
      const address = `127.49.${(next >> 8) & 255}.${next & 255}`
      try {
        port = await listen(address, port)
        return address
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
      }
    }
    throw new Error(`no loopback address from 127.49.0.1 on is free at port ${port}`)
  }

  const pools: SimulatedPool[] = []
  for (const seed of options.pools) {
    const addresses: string[] = []
    for (const _ of seed.hosts) addresses.push(await newAddress())
    const pool = createSimulatedPool(seed, addresses, users)
    for (const address of addresses) owners.set(address, pool)
    pools.push(pool)
  }

  return {
    pools,
    ...root,
    fingerprint: certificate.fingerprint,
    certificate: certificate.certificate,
    get port() {
      return port
    },
    get pool() {
      const [only] = pools
      if (only === undefined || pools.length > 1) throw new Error(`the simulator has ${pools.length} pools, not one`)
      return only
    },
    addHost: async (pool, name) => {
      const address = await newAddress()
      owners.set(address, pool)
      return pool.addHost(name, address)
    },
    takeDown: async (address) => {
      await stopped(listeners.get(address))
      listeners.delete(address)
    },
    bringUp: async (address) => void (await listen(address, port)),
    close: async () => void (await Promise.all([...listeners.values()].map(stopped))),
  }
}

function listening(server: Server, port: number, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, () => {
      const bound = server.address()
      if (bound === null || typeof bound === 'string') reject(new Error(`listening at ${address}, but not at a port`))
      else resolve(bound.port)
    })
  })
}

async function stopped(listener: Listener | undefined): Promise<void> {
  if (listener === undefined) return
  const closed = new Promise<void>((resolve) => listener.server.close(() => resolve()))
  for (const socket of listener.sockets) socket.destroy()
  await closed
}

async function answer(
  pool: SimulatedPool | undefined,
  address: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const body = await bodyOf(request)
    const isJson = request.url === '/jsonrpc'
    const { method, parameters, id } = isJson ? jsonCall(body) : { ...readMethodCall(body), id: null }
    const outcome = await outcomeOf(() => {
      if (pool === undefined) throw new SimulatedFailure('HOST_STILL_BOOTING')
      return pool.call(address, method, parameters)
    })
    response.setHeader('Content-Type', isJson ? 'application/json' : 'text/xml')
    response.end(isJson ? jsonAnswer(id, outcome) : methodResponse(outcome))
  } catch (error) {
    response.statusCode = 400
    response.end(String(error))
  }
}

type Outcome = { readonly value: unknown } | { readonly failure: readonly string[] }

async function outcomeOf(work: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await work() }
  } catch (error) {
    if (error instanceof SimulatedFailure) return { failure: error.description }
    throw error
  }
}

function jsonCall(body: string): { method: string; parameters: readonly unknown[]; id: unknown } {
  const { method, params, id = null } = Object(JSON.parse(body))
  return { method: String(method), parameters: Array.isArray(params) ? params : [], id }
}

function jsonAnswer(id: unknown, outcome: Outcome): string {
  if ('value' in outcome) return JSON.stringify({ jsonrpc: '2.0', result: outcome.value, id })
  const [message, ...data] = outcome.failure
  return JSON.stringify({ jsonrpc: '2.0', error: { code: 1, message, data }, id })
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > largestRequest) throw new Error('the request is too large')
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}
