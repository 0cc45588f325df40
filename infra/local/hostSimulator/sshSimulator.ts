/**
 * The SSH server of a simulated host: real SSH on a loopback address, which lets one key in and answers exactly the
 * driver's commands. In: a port, the key, and the host's state. Out: its address and host key, and the means to stop it.
 */
import { createServer, type Server, type Socket } from 'node:net'
import ssh2 from 'ssh2'
import { applyCommand, observeCommand } from '../../../shared/hypervisors/kvm/commands.ts'
import { removalCommand } from '../../../shared/hypervisors/kvm/removalCommand.ts'
import { type Outcome, simulateApply } from './batchSimulator.ts'
import { newKeyPair } from './keyPair.ts'
import { type ObservedHost, simulateObservation, uptimeOf } from './observationSimulator.ts'
import { simulateRemoval } from './removalSimulator.ts'

export interface SimulatedSsh {
  readonly address: string
  readonly port: number
  /** `TYPE BASE64`. */
  readonly hostKey: string
  start(): Promise<void>
  /** Drops every connection and stops listening. */
  stop(): Promise<void>
}

export interface SshSimulatorOptions {
  readonly user: string
  /** An OpenSSH public key. */
  readonly publicKey: string
  /** 0: any free one. */
  readonly port: number
  /** How many hosts there are already: where to begin looking for a free address. */
  readonly first: number
  readonly observed: () => ObservedHost
}

/** How many loopback addresses are tried before giving up. */
const attempts = 200

export async function listen(options: SshSimulatorOptions): Promise<SimulatedSsh> {
  const key = newKeyPair()
  const sockets = new Set<Socket>()
  const ssh = new ssh2.Server({ hostKeys: [key.privateKey] }, (connection) => serve(connection, options))
  // Without noDelay each answer waits 40 ms for an acknowledgement.
  const make = (): Server =>
    createServer({ noDelay: true }, (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      ssh.injectSocket(socket)
    })
  let server = make()
  const { address, port } = await bind(server, options.port, options.first)
  return {
    address,
    port,
    hostKey: key.publicKey,
    start: async () => {
      server = make()
      await listenAt(server, address, port)
    },
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** The whole of 127.0.0.0/8 is this machine's, so that each host has an address of its own at one port. */
async function bind(server: Server, port: number, first: number): Promise<{ address: string; port: number }> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const number = first + attempt + 1
    const address = `127.48.${(number >> 8) & 255}.${number & 255}`
    try {
      return { address, port: await listenAt(server, address, port) }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    }
  }
  throw new Error(`no loopback address from 127.48.0.${first + 1} on is free at port ${port}`)
}

function listenAt(server: Server, address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, () => {
      server.off('error', reject)
      const bound = server.address()
      if (bound === null || typeof bound === 'string') reject(new Error(`listening at ${address}, but not at a port`))
      else resolve(bound.port)
    })
  })
}

function serve(connection: ssh2.Connection, options: SshSimulatorOptions): void {
  connection.on('error', () => {}) // A client that goes away is no failure of the host.
  connection.on('authentication', (context) =>
    isAllowed(context, options) ? context.accept() : context.reject(['publickey']),
  )
  connection.on('session', (accept) => {
    accept().on('exec', (acceptExec, _reject, { command }) => answer(acceptExec(), command, options.observed()))
  })
}

function isAllowed(context: ssh2.AuthContext, options: SshSimulatorOptions): boolean {
  const allowed = ssh2.utils.parseKey(options.publicKey)
  if (allowed instanceof Error || context.method !== 'publickey' || context.username !== options.user) return false
  if (!context.key.data.equals(allowed.getPublicSSH())) return false
  if (context.signature === undefined || context.blob === undefined) return true // It asks whether the key would do.
  return allowed.verify(context.blob, context.signature, context.hashAlgo) === true
}

function answer(channel: ssh2.ServerChannel, command: string, host: ObservedHost): void {
  const input: Buffer[] = []
  channel.on('data', (chunk: Buffer) => input.push(chunk))
  channel.on('error', () => {})
  channel.on('end', () => {
    const { code, stderr, stdout = '' } = outcomeOf(command, Buffer.concat(input).toString('utf8'), host)
    if (stderr !== '') channel.stderr.write(stderr)
    if (stdout !== '') channel.write(stdout)
    channel.exit(code)
    channel.end()
  })
  channel.resume()
}

/** A batch, and a look after it unless it was broken off. */
function applied(host: ObservedHost, input: string): Outcome & { readonly stdout: string } {
  const { rest, ...done } = simulateApply(host.kernel, input, () => uptimeOf(host), host.vxlanScript)
  return rest === undefined ? done : { ...done, stdout: `${done.stdout}${simulateObservation(host, rest)}` }
}

/** What the host answers to one of the driver's commands, by whatever way it came. */
export function outcomeOf(command: string, input: string, host: ObservedHost): Outcome & { readonly stdout?: string } {
  if (command === observeCommand) return { code: 0, stderr: '', stdout: simulateObservation(host, input) }
  if (command === applyCommand) return applied(host, input)
  if (command === removalCommand) return simulateRemoval(host, input)
  return { code: 127, stderr: `the simulated host does not know this command: ${command}\n` }
}
