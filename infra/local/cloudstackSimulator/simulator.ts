/**
 * A CloudStack management server, simulated: the captured protocol over HTTP on 127.0.0.1 in front of a simulated cloud.
 * In: a seed. Out: its address and keys, a direct handle to the cloud, what was asked of it, and faults to switch on. It
 * has no database, no agents and no hypervisor: a host is a record, and what a set-up does is the caller's `onSetup`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { authenticate } from './authentication.ts'
import { type Authority, createAuthority } from './authority.ts'
import { createCloud, type SimulatedCloud } from './cloud.ts'
import { isCommand, runCommand } from './commands.ts'
import { type Faults, hangs, takeBusy, withCut } from './faults.ts'
import { createJobs } from './jobs.ts'
import type { Account, CloudSeed } from './model.ts'
import { Refusal, unauthorized } from './refusal.ts'
import { type Asked, readRequest } from './request.ts'
import { seedCloud, uuidOf } from './seed.ts'
import type { CloudOptions } from './state.ts'

export interface SimulatorOptions extends CloudOptions {
  readonly seed?: CloudSeed
  /** 0: any free one. */
  readonly port?: number
  /** Told of each request as it comes, the refused ones too. */
  readonly onRequest?: (command: string) => void
  /** Besides the root admin, whose keys the handle tells. */
  readonly accounts?: readonly Account[]
}

export interface CloudStackSimulator {
  /** The API's address, ending in /client/api. */
  readonly url: string
  readonly apiKey: string
  readonly secretKey: string
  readonly cloud: SimulatedCloud
  /** Its CA. */
  readonly authority: Authority
  /** How often each command was asked, the refused ones too. */
  readonly requests: Readonly<Record<string, number>>
  /** Change its fields to make the server misbehave. */
  readonly faults: Faults
  /** An account with keys of its own, and a role of type Admin that was created here. */
  addAccount(name: string, role: string): Account
  stop(): Promise<void>
}

const rootAdmin: Account = {
  id: uuidOf('account', 'admin'),
  number: 2,
  name: 'admin',
  role: 'Admin',
  apiKey: 'simulator-admin-api-key',
  secretKey: 'simulator-admin-secret-key',
}

export async function startCloudStackSimulator(options: SimulatorOptions = {}): Promise<CloudStackSimulator> {
  const { seed = seedCloud([]), port = 0, accounts = [], onRequest = () => {}, ...rest } = options
  const stopping = new AbortController()
  const { signal } = stopping
  const sleep = async (wait: number): Promise<void> => void (await delay(wait, undefined, { signal }))
  const { cloud, state } = createCloud(seed, { sleep, ...rest })
  const jobs = createJobs(state.options.now)
  const authority = createAuthority(state.options.now)
  const everyone = [rootAdmin, ...accounts]
  const requests: Record<string, number> = {}
  const faults: Faults = {}

  const answer = async (asked: Asked): Promise<object> => {
    const { command, parameters } = asked
    if (!isCommand(command)) throw unauthorized()
    const account = authenticate(asked.pairs, everyone, state.options.now())
    const { rightLost = false, denied = [], rewrite } = faults
    const context = { state, jobs, authority, account, rightLost, denied }
    const found = withCut(faults, command, await runCommand(command, context, parameters))
    return rewrite === undefined ? found : rewrite(command, found)
  }

  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy())
  })

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const asked = await readRequest(request)
    if (asked === undefined) return void response.writeHead(405).end()
    const { command, json } = asked
    requests[command] = (requests[command] ?? 0) + 1
    onRequest(command)
    if (hangs(faults, command)) return
    const busy = takeBusy(faults)
    if (busy !== undefined) {
      return void response.writeHead(busy.status ?? 503, { 'Retry-After': busy.retryAfter }).end('busy')
    }
    if (faults.html === true) {
      return void response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>not here</html>')
    }
    try {
      const found = await answer(asked)
      if (!json) throw new Refusal(530, 'This simulator answers in JSON only: ask with response=json')
      send(response, 200, { [`${command.toLowerCase()}response`]: found }, json)
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(530, `Internal error: ${error}`)
      send(response, refusal.code, { [errorKey(command, refusal)]: errorBody(refusal) }, json)
    }
  }

  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${portOf(server.address())}/client/api`,
    apiKey: rootAdmin.apiKey,
    secretKey: rootAdmin.secretKey,
    cloud,
    authority,
    requests,
    faults,
    addAccount: (name, role) => {
      const roleId = [...state.roles.values()].find((one) => one.name === role && one.type === 'Admin')?.id
      if (roleId === undefined) throw new Error(`there is no role ${role} of type Admin`)
      const keys = { apiKey: `simulator-${name}-api-key`, secretKey: `simulator-${name}-secret-key` }
      const id = uuidOf('account', name)
      const account: Account = { id, number: everyone.length + 2, name, role: 'Admin', roleId, ...keys }
      everyone.push(account)
      return account
    },
    stop: async () => {
      stopping.abort()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await cloud.settled()
    },
  }
}

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === 'object' ? (address?.port ?? 0) : 0

/** The three top-level keys: no command, no such command (for this role), and anything else. */
function errorKey(command: string, { code }: Refusal): string {
  if (command === '') return 'null'
  return isCommand(command) && code !== 432 ? `${command.toLowerCase()}response` : 'errorresponse'
}

const errorBody = ({ code, csCode, message }: Refusal): object => ({
  uuidList: [],
  errorcode: code,
  ...(csCode === undefined ? {} : { cserrorcode: csCode }),
  errortext: message,
})

function send(response: ServerResponse, status: number, body: Readonly<Record<string, object>>, json: boolean): void {
  const type = json ? 'application/json' : 'text/xml'
  response.writeHead(status, { 'Content-Type': `${type};charset=utf-8` }).end(json ? JSON.stringify(body) : xml(body))
}

/** Enough XML to say why: the real server answers whole lists in it. */
function xml(body: Readonly<Record<string, object>>): string {
  const [[key, fields] = ['errorresponse', {}]] = Object.entries(body)
  const inner = Object.entries(fields)
    .filter(([name]) => name !== 'uuidList')
    .map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`)
  return `<?xml version="1.0" encoding="UTF-8"?><${key}>${inner.join('')}</${key}>`
}

const escapeXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
