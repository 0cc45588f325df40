/** The way to simulated hosts through a jump host that is a real SSH server too: who is at fault when it fails. */
import { createConnection } from 'node:net'
import ssh2 from 'ssh2'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { type SimulatedHosts, startHostSimulator } from '../../../infra/local/hostSimulator/hostSimulator.ts'
import { newKeyPair } from '../../../infra/local/hostSimulator/keyPair.ts'
import { observeCommand } from '../../../shared/hypervisors/kvm/commands.ts'
import type { HostKeyTarget } from '../../../shared/hypervisors/kvm/hostKeys.ts'
import { connect, type SshOptions } from '../../../shared/hypervisors/kvm/ssh.ts'
import { keysOfSimulator, network, simulatedDriver, targetOf } from './factory.ts'

const signal = (): AbortSignal => new AbortController().signal
let simulated: SimulatedHosts
beforeAll(async () => {
  simulated = await startHostSimulator({ names: ['kvm1'] })
  return simulated.close
})

interface Behaviour {
  readonly lets?: (user: string) => boolean
  /** What becomes of a connection that it is to forward. */
  readonly forwards?: 'on' | 'refused' | 'never'
}

interface Jump {
  readonly options: Pick<SshOptions, 'jump' | 'hostKeys'>
  readonly place: string
  /** Whom it let in. */
  readonly users: ReadonlySet<string>
  end(): void
}

/** Forwards to wherever it is asked, if it lets the user in. */
async function jumpHost(
  { lets = () => true, forwards = 'on' }: Behaviour = {},
  keys?: readonly string[],
): Promise<Jump> {
  const key = newKeyPair()
  const users = new Set<string>()
  const connections: ssh2.Connection[] = []
  const server = new ssh2.Server({ hostKeys: [key.privateKey] }, (connection) => {
    connections.push(connection)
    connection.on('error', () => {})
    connection.on('authentication', (context) => {
      if (context.method !== 'publickey' || !lets(context.username)) return context.reject(['publickey'])
      users.add(context.username)
      context.accept()
    })
    connection.on('tcpip', (accept, reject, { destIP, destPort }) => {
      if (forwards === 'never') return
      if (forwards === 'refused') return reject()
      const onward = createConnection(destPort, destIP)
      onward.once('connect', () => void onward.pipe(accept()).pipe(onward))
      onward.once('error', () => reject())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const end = (): void => {
    for (const connection of connections) connection.end()
    server.close()
  }
  onTestFinished(end)
  const bound = server.address()
  const port = bound !== null && typeof bound === 'object' ? bound.port : 0
  const ofHosts = keysOfSimulator(simulated)
  const known = async (target: HostKeyTarget) =>
    'jump' in target ? (keys ?? [key.publicKey]) : await ofHosts.known(target)
  return {
    options: { jump: { address: '127.0.0.1', port }, hostKeys: { known } },
    place: `127.0.0.1:${port}`,
    users,
    end,
  }
}

const target = () => targetOf(simulated.hosts[0] ?? { name: '', address: '' })

function connecting({ options }: Jump, given: Partial<SshOptions> = {}) {
  const { user, privateKey, port } = simulated
  return connect(target(), { user, privateKey, port, ...options, ...given }, signal())
}

test('a host behind a jump host is provisioned as any other, as the user of the hosts', async () => {
  const jump = await jumpHost()
  const session = await simulatedDriver(simulated, jump.options).open(target(), signal())
  onTestFinished(() => session.close())
  await (await session.look([network('vlan://100')])).apply()
  expect(await session.look([network('vlan://100')])).toMatchObject({ devices: 2, changes: [] })
  expect([...jump.users]).toEqual(['root'])
})

test('the jump host may have a user of its own', async () => {
  const jump = await jumpHost({ lets: (user) => user === 'ops' })
  const { jump: { address = '', port = 0 } = {} } = jump.options
  const connection = await connecting(jump, { jump: { address, port, user: 'ops' } })
  expect((await connection.exec(observeCommand)).code).toBe(0)
  await connection.close()
})

test('a jump host that is not there is not a fault of the host', async () => {
  const jump = await jumpHost()
  jump.end()
  await expect(connecting(jump)).rejects.toMatchObject({
    reason: 'JumpHostUnreachable',
    message: expect.stringContaining(`the jump host ${jump.place}: connect ECONNREFUSED`),
  })
})

test.each([
  ['without a key on record', []],
  ['with another key than the one on record', [newKeyPair().publicKey]],
])('a jump host %s is JumpHostUntrusted, and nothing is asked of it', async (_says, keys) => {
  const jump = await jumpHost({}, keys)
  await expect(connecting(jump)).rejects.toMatchObject({
    reason: 'JumpHostUntrusted',
    message: expect.stringMatching(/^the jump host \S+ presents ecdsa-sha2-nistp256 SHA256:/),
  })
  expect([...jump.users]).toEqual([])
})

test('a jump host that lets nobody in is JumpHostRefused', async () => {
  const jump = await jumpHost({ lets: () => false })
  await expect(connecting(jump)).rejects.toMatchObject({
    reason: 'JumpHostRefused',
    message: `the jump host ${jump.place} does not let root log in with this key.`,
  })
})

test('a jump host that never comes to the host is the host’s own HostUnreachable, within the limit', async () => {
  const jump = await jumpHost({ forwards: 'never' })
  const begun = performance.now()
  await expect(connecting(jump, { connectTimeout: 500 })).rejects.toMatchObject({
    reason: 'HostUnreachable',
    message: `${target().address}:${simulated.port} through the jump host ${jump.place}: no answer for 500 ms.`,
  })
  expect(performance.now() - begun).toBeLessThan(3_000)
})

test('a host that the jump host cannot reach is HostUnreachable, through it', async () => {
  const jump = await jumpHost({ forwards: 'refused' })
  await expect(connecting(jump)).rejects.toMatchObject({
    reason: 'HostUnreachable',
    message: expect.stringContaining(`through the jump host ${jump.place}: `),
  })
})

test('a host behind a jump host whose key is not on record is the host’s own HostKeyUnknown', async () => {
  const jump = await jumpHost()
  const known = async (of: HostKeyTarget) => ('jump' in of ? jump.options.hostKeys.known(of) : [])
  await expect(connecting(jump, { hostKeys: { known } })).rejects.toMatchObject({
    reason: 'HostKeyUnknown',
    message: expect.stringContaining(
      `${target().address}:${simulated.port} through the jump host ${jump.place} presents`,
    ),
  })
})

test('a jump host that is lost in the midst of a command is JumpHostUnreachable', async () => {
  const jump = await jumpHost()
  const connection = await connecting(jump)
  jump.end()
  await expect(connection.exec(observeCommand)).rejects.toMatchObject({ reason: 'JumpHostUnreachable' })
  await connection.close()
})
