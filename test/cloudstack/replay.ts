/**
 * A server that answers with what a real CloudStack answered, byte for byte, to the same command and parameters. In: the
 * captures. Three things are done to a request before it is looked up, each of them an observed behaviour: a whole page
 * of 500 is the unpaged answer (every captured list is shorter), `nosuchparam` is ignored, and `networkofferingid`, which
 * no capture names, picks rows of the captured listing. Anything else that was not captured is 599, so no test passes by
 * accident. Signatures are judged by the simulator's implementation, then the captured 401 is served.
 */
import { createServer, type ServerResponse } from 'node:http'
import * as z from 'zod'
import { authenticate } from '../../infra/local/cloudstackSimulator/authentication.ts'
import type { Account } from '../../infra/local/cloudstackSimulator/model.ts'
import { type Asked, readRequest } from '../../infra/local/cloudstackSimulator/request.ts'
import { captures, captureText } from './fixtures.ts'

export interface Replay {
  readonly url: string
  stop(): Promise<void>
}

/** The captures of each account; what an account was not captured with is not answered to it. */
const prefixes: Readonly<Record<string, string>> = { user1: 'role-user.', domainadmin: 'role-domainadmin.' }

const signing: ReadonlySet<string> = new Set([
  'apikey',
  'command',
  'expires',
  'nosuchparam',
  'response',
  'signature',
  'signatureversion',
])

/** @param preferred of several captures for one request (a cloud has a history), these files are served */
export async function startReplay(accounts: readonly Account[], preferred: readonly string[]): Promise<Replay> {
  const server = createServer((request, response) => {
    readRequest(request)
      .then((asked) => {
        if (asked === undefined) response.writeHead(405).end()
        else answer(asked, accounts, preferred, response)
      })
      .catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    url: `http://127.0.0.1:${port}/client/api`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function answer(
  asked: Asked,
  accounts: readonly Account[],
  preferred: readonly string[],
  response: ServerResponse,
): void {
  const { file, offering } = choose(asked, accounts, preferred)
  if (file === undefined) response.writeHead(599).end(`not captured: ${asked.command}`)
  else if (offering === undefined) serve(file, response)
  else servePicked(file, offering, response)
}

interface Choice {
  readonly file?: string | undefined
  /** Only the rows of this offering. */
  readonly offering?: string
}

function choose(asked: Asked, accounts: readonly Account[], preferred: readonly string[]): Choice {
  const { command, pairs } = asked
  const known = captures.some((capture) => capture.command === command && capture.httpStatus !== 401)
  if (!known) return { file: command === '' ? 'error.no-command.json' : 'error.unknown-command.json' }
  const account = judge(pairs, accounts)
  if (account === undefined) return { file: 'error.bad-signature.json' }
  const prefix = prefixes[account.name] ?? ''
  const parameters = lookedUp(asked)
  const file = find(command, parameters, prefix, preferred)
  const { networkofferingid: offering, ...others } = parameters
  if (file !== undefined || offering === undefined) return { file }
  return { file: find(command, others, prefix, preferred), offering }
}

function judge(pairs: Asked['pairs'], accounts: readonly Account[]): Account | undefined {
  try {
    return authenticate(pairs, accounts, Date.now())
  } catch {
    return undefined
  }
}

function lookedUp({ pairs }: Asked): Readonly<Record<string, string>> {
  const parameters = Object.fromEntries(pairs.filter(([name]) => !signing.has(name)))
  const { page, pagesize, ...others } = parameters
  return page === '1' && pagesize === '500' ? others : parameters
}

function find(
  command: string,
  parameters: Readonly<Record<string, string>>,
  prefix: string,
  preferred: readonly string[],
): string | undefined {
  const key = keyOf(parameters)
  const files = captures
    .filter((one) => one.command === command && one.httpStatus !== 401 && keyOf(one.params) === key)
    .map(({ file }) => file)
    .filter((file) => (prefix === '' ? !file.startsWith('role-') : file.startsWith(prefix)))
  return files.find((file) => preferred.includes(file)) ?? files[0]
}

const keyOf = (parameters: Readonly<Record<string, string>>): string =>
  JSON.stringify(Object.entries(parameters).sort())

function serve(file: string, response: ServerResponse): void {
  const status = captures.find((capture) => capture.file === file)?.httpStatus ?? 599
  response.writeHead(status, { 'Content-Type': 'application/json;charset=utf-8' }).end(captureText(file))
}

const networks = z.object({
  listnetworksresponse: z.object({ network: z.array(z.looseObject({ networkofferingid: z.string() })) }),
})

function servePicked(file: string, offering: string, response: ServerResponse): void {
  const { network } = networks.parse(JSON.parse(captureText(file))).listnetworksresponse
  const picked = network.filter(({ networkofferingid }) => networkofferingid === offering)
  const body = picked.length === 0 ? {} : { count: picked.length, network: picked }
  response
    .writeHead(200, { 'Content-Type': 'application/json;charset=utf-8' })
    .end(JSON.stringify({ listnetworksresponse: body }))
}
