/** Each way in which a connection fails, against SSH servers made for it. */
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import ssh2 from 'ssh2'
import { expect, onTestFinished, test } from 'vitest'
import { startHostSimulator } from '../../../infra/local/hostSimulator/hostSimulator.ts'
import { newKeyPair } from '../../../infra/local/hostSimulator/keyPair.ts'
import { marker, observeCommand } from '../../../shared/hypervisors/kvm/commands.ts'
import { connect, type SshConnection, type SshOptions } from '../../../shared/hypervisors/kvm/ssh.ts'
import { keysOfSimulator, targetOf } from './factory.ts'

const client = newKeyPair()
const target = targetOf({ name: 'kvm1', address: '127.0.0.1' })
const signal = (): AbortSignal => new AbortController().signal

/** A server that lets everybody in and answers each command as the test says. */
async function server(answer: (channel: ssh2.ServerChannel) => void): Promise<SshOptions> {
  const key = newKeyPair()
  const connections: ssh2.Connection[] = []
  const made = new ssh2.Server({ hostKeys: [key.privateKey] }, (connection) => {
    connections.push(connection)
    connection.on('error', () => {})
    connection.on('authentication', (context) => context.accept())
    connection.on('session', (accept) => accept().on('exec', (acceptExec) => answer(acceptExec())))
  })
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const connection of connections) connection.end()
    made.close()
  })
  return {
    user: 'root',
    privateKey: client.privateKey,
    port: portOf(made.address()),
    hostKeys: { known: async () => [key.publicKey] },
  }
}

function portOf(address: ReturnType<Server['address']>): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

async function connected(options: SshOptions, ends = signal()): Promise<SshConnection> {
  const connection = await connect(target, options, ends)
  onTestFinished(() => connection.close())
  return connection
}

/** A TCP server; its sockets end with the test. */
async function tcp(serve: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = []
  const made: Server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    serve(socket)
  })
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    made.close()
  })
  return portOf(made.address())
}

const withoutKeys = { known: async () => [] }
const nobody: SshOptions = { user: 'root', privateKey: client.privateKey, hostKeys: withoutKeys, connectTimeout: 300 }

test('a port that nobody listens at is HostUnreachable', async () => {
  const port = await tcp(() => {})
  await expect(
    connect(targetOf({ name: 'x', address: '127.48.255.1' }), { ...nobody, port }, signal()),
  ).rejects.toMatchObject({
    name: 'HostError',
    reason: 'HostUnreachable',
    message: expect.stringContaining(`127.48.255.1:${port}`),
  })
})

test('a host that is reached and never answers is LoginTimedOut when the time is up', async () => {
  const port = await tcp(() => {})
  await expect(connect(target, { ...nobody, port }, signal())).rejects.toMatchObject({
    reason: 'LoginTimedOut',
    message: `127.0.0.1:${port} was reached, but did not let root in for 300 ms.`,
  })
})

test('a port that speaks something else is HostUnreachable', async () => {
  const port = await tcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  await expect(connect(target, { ...nobody, port }, signal())).rejects.toMatchObject({ reason: 'HostUnreachable' })
})

test('a port that hangs up is HostUnreachable', async () => {
  const port = await tcp((socket) => socket.destroy())
  await expect(connect(target, { ...nobody, port }, signal())).rejects.toMatchObject({ reason: 'HostUnreachable' })
})

test('a host without a key on record is HostKeyUnknown, with the fingerprint to compare, and the key is told', async () => {
  const options = await server((channel) => channel.end())
  const told: string[] = []
  const hostKeys = { ...withoutKeys, refused: async (_target: unknown, key: string) => void told.push(key) }
  await expect(connect(target, { ...options, hostKeys }, signal())).rejects.toMatchObject({
    reason: 'HostKeyUnknown',
    message: expect.stringMatching(/presents ecdsa-sha2-nistp256 SHA256:/),
  })
  expect(told).toEqual(await options.hostKeys.known({ ...target, port: 22 }))
})

test('a key that cannot be noted is unknown all the same', async () => {
  const options = await server((channel) => channel.end())
  const hostKeys = { ...withoutKeys, refused: () => Promise.reject(new Error('the store is out')) }
  const attempt = connect(target, { ...options, hostKeys }, signal())
  await expect(attempt).rejects.toMatchObject({ reason: 'HostKeyUnknown' })
})

test('a host with another key than the one on record is HostKeyChanged, under accept-new too', async () => {
  const options = await server((channel) => channel.end())
  const other = newKeyPair().publicKey
  const accepted: string[] = []
  const hostKeys = {
    known: async () => [other],
    accept: async (_target: unknown, key: string) => void accepted.push(key),
  }
  const attempt = connect(target, { ...options, hostKeys, hostKeyPolicy: 'accept-new' }, signal())
  await expect(attempt).rejects.toMatchObject({ reason: 'HostKeyChanged' })
  expect(accepted).toEqual([])
})

test('accept-new keeps the first key of a host, once', async () => {
  const options = await server((channel) => channel.end())
  const kept: string[] = []
  const hostKeys = { known: async () => kept, accept: async (_target: unknown, key: string) => void kept.push(key) }
  for (const _time of [1, 2]) await connected({ ...options, hostKeys, hostKeyPolicy: 'accept-new' })
  expect(kept).toEqual(await options.hostKeys.known({ ...target, port: 22 }))
})

test('a login that the host refuses is LoginRefused, and names the user', async () => {
  const simulated = await startHostSimulator({ names: ['kvm1'] })
  onTestFinished(() => simulated.close())
  const [host] = simulated.hosts
  const options = {
    user: 'root',
    privateKey: client.privateKey,
    port: simulated.port,
    hostKeys: keysOfSimulator(simulated),
  }
  const attempt = connect(targetOf(host ?? target), options, signal())
  await expect(attempt).rejects.toMatchObject({ reason: 'LoginRefused', message: expect.stringContaining('root') })
})

test('a command that does not end is TimeOut', async () => {
  const connection = await connected({ ...(await server(() => {})), commandTimeout: 100 })
  await expect(connection.exec(observeCommand)).rejects.toMatchObject({ reason: 'TimeOut' })
})

test('a shell that lets nobody to a command is LoginTimedOut, whatever it prints, long before a command would be late', async () => {
  const limits = { shellTimeout: 100, commandTimeout: 20_000 }
  const options = await server((channel) => void channel.write('Welcome to kvm1'))
  const connection = await connected({ ...options, ...limits })
  await expect(connection.exec(observeCommand, '', marker('host'))).rejects.toMatchObject({
    reason: 'LoginTimedOut',
    message: expect.stringMatching(/ let root in, but its shell ran no command for 100 ms\.$/),
  })
})

test('a command that has begun is not held to the time of a login', async () => {
  const limits = { shellTimeout: 100, commandTimeout: 300 }
  const options = await server((channel) => {
    channel.write(`Welcome\n${marker('host').slice(0, 5)}`)
    setTimeout(() => channel.write(marker('host').slice(5)), 20)
  })
  const connection = await connected({ ...options, ...limits })
  const asked = connection.exec(observeCommand, '', marker('host'))
  await expect(asked).rejects.toMatchObject({ reason: 'TimeOut' })
})

test('a host that falls silent in the midst of a command is HostUnreachable, by its keepalive', async () => {
  const { port, ...options } = await server(() => {})
  const between = await tcp((socket) => {
    const onward = createConnection(port ?? 0, '127.0.0.1')
    onward.on('error', () => {})
    socket.pipe(onward).pipe(socket)
    silence = () => {
      socket.unpipe()
      onward.unpipe()
    }
  })
  let silence = (): void => {}
  const connection = await connected({ ...options, port: between, silence: 400 })
  const hanging = connection.exec(observeCommand)
  silence()
  const begun = performance.now()
  await expect(hanging).rejects.toMatchObject({
    reason: 'HostUnreachable',
    message: `127.0.0.1:${between} fell silent: nothing came of it for 400 ms.`,
  })
  expect(performance.now() - begun).toBeLessThan(2_000)
})

test('a command that prints without end is HostMisread at the limit', async () => {
  const options = await server((channel) => {
    const more = (): void => {
      while (!channel.destroyed && channel.write('x'.repeat(10_000)));
      if (!channel.destroyed) channel.once('drain', more)
    }
    more()
  })
  const connection = await connected({ ...options, outputLimit: 100_000 })
  await expect(connection.exec(observeCommand)).rejects.toMatchObject({ reason: 'HostMisread' })
})

test('a command that is broken off without an exit code is HostUnreachable, however much it printed', async () => {
  const connection = await connected(await server((channel) => void channel.end('half of it')))
  await expect(connection.exec(observeCommand)).rejects.toMatchObject({ reason: 'HostUnreachable' })
})

test('a command gets its input, and gives its output, its errors and its exit code', async () => {
  const options = await server((channel) => {
    channel.on('data', (chunk: Buffer) => channel.write(`got ${chunk.length}`))
    channel.on('end', () => {
      channel.stderr.write('bad')
      channel.exit(255)
      channel.end()
    })
  })
  const connection = await connected(options)
  expect(await connection.exec(observeCommand, 'input')).toEqual({ stdout: 'got 5', stderr: 'bad', code: 255 })
})

test('the signal ends a command that hangs, within a second', async () => {
  const controller = new AbortController()
  const asked = Promise.withResolvers<void>()
  const connection = await connected(await server(() => asked.resolve()), controller.signal)
  const hanging = connection.exec(observeCommand)
  await asked.promise
  const begun = performance.now()
  controller.abort()
  await expect(hanging).rejects.toMatchObject({ reason: 'TimeOut' })
  expect(performance.now() - begun).toBeLessThan(1_000)
})

test('the signal ends a login that hangs, and one that has not begun', async () => {
  const controller = new AbortController()
  const reached = Promise.withResolvers<void>()
  const port = await tcp(() => reached.resolve())
  const attempt = connect(target, { ...nobody, port, connectTimeout: 20_000 }, controller.signal)
  attempt.catch(() => {})
  await reached.promise
  controller.abort()
  await expect(attempt).rejects.toMatchObject({ reason: 'TimeOut' })
  await expect(connect(target, { ...nobody, port }, controller.signal)).rejects.toMatchObject({ reason: 'TimeOut' })
})

test('a connection closes although the host does not answer any more, and may be closed again', async () => {
  const connection = await connect(target, await server(() => {}), signal())
  const hanging = connection.exec(observeCommand)
  hanging.catch(() => {})
  await connection.close()
  await connection.close()
  await expect(hanging).rejects.toMatchObject({ reason: 'HostUnreachable' })
})
