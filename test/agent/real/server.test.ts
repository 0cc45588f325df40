/** The agent's server against clients of every kind, over real TLS on loopback: who is refused or cut off, and that it stays up. */

import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { answer, failed } from '../../../infra/agent/answer.ts'
import { type AgentServer, startServer } from '../../../infra/agent/server.ts'
import { HostError, type Session } from '../../../shared/hypervisors/driver.ts'
import { agentDriver } from '../../../shared/hypervisors/kvm/agent/driver.ts'
import { httpsLine } from '../../../shared/hypervisors/kvm/agent/https.ts'
import { silent } from '../../../shared/runtime/logger.ts'
import { type ContractHost, driverContract } from '../../contract/driver.ts'
import { network, targetOf } from '../../hypervisors/kvm/factory.ts'
import { type SimulatedAgent, startSimulatedAgent } from '../simulatedAgent.ts'
import { createPki, type Issued, type Pki } from './pki.ts'

let pki: Pki
let strangers: Pki
let issued: Readonly<Record<'host' | 'provisioner' | 'otherHost' | 'ended' | 'ofStrangers', Issued>>
beforeAll(() => {
  pki = createPki()
  strangers = createPki()
  issued = {
    host: pki.issue('host', 'kvm1', ['IP:127.0.0.1', 'DNS:kvm1']),
    provisioner: pki.issue('provisioner', 'bridgekeeper.example.org', ['DNS:bridgekeeper.example.org']),
    otherHost: pki.issue('other', 'kvm2', ['IP:192.0.2.2', 'DNS:kvm2']),
    ended: pki.issue('ended', 'bridgekeeper.example.org', [], -1),
    ofStrangers: strangers.issue('provisioner', 'bridgekeeper.example.org'),
  }
})
afterAll(() => {
  for (const { folder } of [pki, strangers]) rmSync(folder, { recursive: true, force: true })
})

let host: SimulatedAgent
let server: AgentServer
const bounds = { handshake: 1_000, headers: 1_000, request: 2_000, idle: 5_000, reload: 100_000, connections: 8 }
async function start(own: Issued, admit: readonly string[] = ['bridgekeeper.example.org']): Promise<AgentServer> {
  return startServer({
    ...own,
    ca: pki.ca,
    admit,
    listen: '127.0.0.1',
    port: 0,
    logger: silent,
    now: Date.now,
    answer: async (body) => JSON.stringify(await answer(host.parts, body)),
    refuse: (reason, detail) => JSON.stringify(failed(host.parts, reason, detail)),
    bounds,
  })
}
beforeEach(async () => {
  host = await startSimulatedAgent()
  server = await start(issued.host)
})
afterEach(async () => {
  await server.close()
  await host.stop()
})

const read = ({ certificate, key }: Issued, ca = pki.ca) => ({
  certificate: readFileSync(certificate, 'utf8'),
  key: readFileSync(key, 'utf8'),
  ca: readFileSync(ca, 'utf8'),
})
const driverOf = (client: Issued, port = server.port, ca = pki.ca) =>
  agentDriver(
    async (target, signal) =>
      httpsLine(target, { ...read(client, ca), port, connectTimeout: 3_000, requestTimeout: 5_000 }, signal),
    {
      mode: 'apply',
    },
  )
const target = targetOf({ name: 'kvm1', address: '127.0.0.1' })
const open = (client: Issued, port?: number, ca?: string): Promise<Session> =>
  driverOf(client, port, ca).open(target, new AbortController().signal)
async function outcomeOf(client: Issued, port?: number, ca?: string): Promise<string> {
  const session = await open(client, port, ca)
  try {
    return `saw ${(await session.look([network('vlan://100')])).changes.length}`
  } catch (error) {
    return error instanceof HostError ? error.reason : String(error)
  } finally {
    await session.close()
  }
}

const raw = (more: ConnectionOptions): TLSSocket => {
  const socket = connect({
    host: '127.0.0.1',
    port: server.port,
    ca: readFileSync(pki.ca),
    servername: 'kvm1',
    ...more,
  })
  socket.on('error', () => {})
  return socket
}
const asProvisioner = () => ({
  cert: readFileSync(issued.provisioner.certificate),
  key: readFileSync(issued.provisioner.key),
})
const closing = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()))

/** @returns what came until the other side closed, and after how many milliseconds it did. */
async function untilClosed(socket: Socket): Promise<{ text: string; after: number }> {
  const begun = performance.now()
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  await closing(socket)
  return { text, after: performance.now() - begun }
}

/** A gigabyte, piece by piece, as fast as it is taken. @returns how much was written by then */
function pour(socket: TLSSocket, piece: Buffer): () => number {
  let written = 0
  const more = (): void => {
    while (!socket.destroyed && socket.writable && written < 1_073_741_824) {
      written += piece.length
      if (!socket.write(piece)) return void socket.once('drain', more)
    }
  }
  more()
  return () => written
}

describe('a client', () => {
  it('with the provisioner’s certificate is served', async () => {
    expect(await outcomeOf(issued.provisioner)).toBe('saw 1')
  })

  it.each([
    ['with another host’s certificate of the same CA', () => issued.otherHost],
    ['with one that has ended', () => issued.ended],
    ['with one of another CA', () => issued.ofStrangers],
  ])('%s is refused, and nothing is done', async (_says, client) => {
    const before = host.state()
    expect(await outcomeOf(client())).toBe('AgentRefused')
    expect(host.state()).toBe(before)
    expect(await outcomeOf(issued.provisioner)).toBe('saw 1')
  })

  it('of the provisioner’s name is refused where its key is what is admitted, and the key is served', async () => {
    const impostor = pki.issue('impostor', 'bridgekeeper.example.org')
    const der = new X509Certificate(readFileSync(issued.provisioner.certificate)).publicKey.export({
      type: 'spki',
      format: 'der',
    })
    const byKey = await start(issued.host, [`sha256:${createHash('sha256').update(der).digest('hex')}`])
    expect(await outcomeOf(impostor, byKey.port)).toBe('AgentRefused')
    expect(await outcomeOf(issued.provisioner, byKey.port)).toBe('saw 1')
    await byKey.close()
  })

  it('whose subject only holds the provisioner’s name is refused', async () => {
    for (const [at, subject] of ['kvm2/CN=bridgekeeper.example.org', 'bridgekeeper.example.org.evil'].entries())
      expect(await outcomeOf(pki.issue(`evil${at}`, subject))).toBe('AgentRefused')
  })

  it('without a certificate is refused', async () => {
    const { text } = await untilClosed(raw({}))
    expect(text).not.toMatch(/ 200 /)
    expect(await outcomeOf(issued.provisioner)).toBe('saw 1')
  })

  it('of TLS 1.1 is refused', async () => {
    const socket = raw({
      ...asProvisioner(),
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    await closing(socket)
    expect(socket.authorized).toBe(false)
  })

  it.each([
    ['a gigabyte, and says so', 'Content-Length: 1073741824', Buffer.alloc(65_536)],
    [
      'a gigabyte in pieces, without a word of it',
      'Transfer-Encoding: chunked',
      Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, 0x20), Buffer.from('\r\n')]),
    ],
  ])('that sends %s is cut off at the bound', async (_says, header, piece) => {
    const socket = raw(asProvisioner())
    await once(socket, 'secureConnect')
    const closed = untilClosed(socket)
    socket.write(`POST /v1 HTTP/1.1\r\nHost: kvm1\r\n${header}\r\n\r\n`)
    const written = pour(socket, piece)
    // The refusal itself may be lost: what was sent and not read makes the kernel reset the connection.
    expect((await closed).text).not.toMatch(/ 200 /)
    expect(written()).toBeLessThan(64 * 1024 * 1024)
    expect(await outcomeOf(issued.provisioner)).toBe('saw 1')
  })

  it('that writes a byte now and then is cut off at the time limit of a request', async () => {
    const socket = raw(asProvisioner())
    await once(socket, 'secureConnect')
    const closed = untilClosed(socket)
    socket.write('POST /v1 HTTP/1.1\r\nHost: kvm1\r\nContent-Length: 1000\r\n\r\n')
    const timer = setInterval(() => socket.write(' '), 200)
    const { after } = await closed
    clearInterval(timer)
    expect(after).toBeLessThan(bounds.request + 3_000)
    expect(await outcomeOf(issued.provisioner)).toBe('saw 1')
  })

  it('that says nothing at all is cut off at the time limit of a handshake', async () => {
    const socket = connectTcp({ host: '127.0.0.1', port: server.port })
    const { after } = await untilClosed(socket)
    expect(after).toBeLessThan(bounds.handshake + 3_000)
  })

  it('too many make others wait, not fail for good', async () => {
    const idlers = Array.from({ length: 12 }, () => connectTcp({ host: '127.0.0.1', port: server.port }))
    for (const socket of idlers) socket.on('error', () => {})
    await Promise.all(idlers.map(closing))
    expect(await outcomeOf(issued.provisioner)).toBe('saw 1')
  })

  it.each([
    ['another path', 'POST /etc/passwd HTTP/1.1', 404],
    ['another method', 'GET /v1 HTTP/1.1', 405],
  ])('that wants %s is refused', async (_says, line, status) => {
    const socket = raw(asProvisioner())
    await once(socket, 'secureConnect')
    const closed = untilClosed(socket)
    socket.write(`${line}\r\nHost: kvm1\r\nContent-Length: 0\r\n\r\n`)
    expect((await closed).text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })
})

describe('a host', () => {
  it('that shows another host’s certificate is not trusted', async () => {
    const impostor = await start(issued.otherHost)
    expect(await outcomeOf(issued.provisioner, impostor.port)).toBe('AgentUntrusted')
    await impostor.close()
  })

  it('whose certificate is of another CA is not trusted', async () => {
    expect(await outcomeOf(issued.provisioner, server.port, strangers.ca)).toBe('AgentUntrusted')
  })

  it('on which nobody listens lacks its agent', async () => {
    const other = await start(issued.host)
    await other.close()
    expect(await outcomeOf(issued.provisioner, other.port)).toBe('AgentMissing')
  })

  it('that accepts and never answers is given up at the time limit', async () => {
    const begun = performance.now()
    host.parts.inTurn(() => delay(60_000, undefined, { ref: false }))
    expect(await outcomeOf(issued.provisioner)).toBe('TimeOut')
    expect(performance.now() - begun).toBeLessThan(15_000)
  })
})

it('a certificate that was renewed is shown from then on, and one that cannot be used leaves all as it was', async () => {
  const file = pki.issue('renewed', 'kvm1', ['IP:127.0.0.1'], 1)
  const own = { certificate: `${pki.folder}/own.crt`, key: `${pki.folder}/own.key` }
  const put = ({ certificate, key }: Issued): void => {
    copyFileSync(certificate, own.certificate)
    copyFileSync(key, own.key)
  }
  put(issued.otherHost)
  const renewing = await start(own)
  expect(await outcomeOf(issued.provisioner, renewing.port)).toBe('AgentUntrusted')
  put(file)
  await renewing.reload()
  expect(await outcomeOf(issued.provisioner, renewing.port)).toBe('saw 1')
  copyFileSync(issued.host.key, own.key)
  await renewing.reload()
  expect(await outcomeOf(issued.provisioner, renewing.port)).toBe('saw 1')
  await renewing.close()
})

describe('kvm-agent over mutual TLS', () =>
  driverContract(async (): Promise<ContractHost> => {
    const own = await startSimulatedAgent('kvm1', Date.now)
    const listening = await startServer({
      ...issued.host,
      ca: pki.ca,
      admit: ['bridgekeeper.example.org'],
      listen: '127.0.0.1',
      port: 0,
      logger: silent,
      now: Date.now,
      answer: async (body) => JSON.stringify(await answer(own.parts, body)),
      refuse: (reason, detail) => JSON.stringify(failed(own.parts, reason, detail)),
    })
    return {
      driver: driverOf(issued.provisioner, listening.port),
      target,
      desired: [3001, 3002, 3003].map((id) => network(`vlan://${id}`)),
      devices: 6,
      state: async () => own.state(),
      stop: async () => {
        await listening.close()
        await own.stop()
      },
    }
  }))
