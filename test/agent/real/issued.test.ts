/** A certificate of CloudStack's CA, as `certificate issue` gets it, before a real agent's server over real TLS, and before openssl. */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { answer, failed } from '../../../infra/agent/answer.ts'
import { type AgentServer, startServer } from '../../../infra/agent/server.ts'
import { type Credentials, describe as told } from '../../../shared/certificate/credentials.ts'
import { certificateRequest, newKey } from '../../../shared/certificate/request.ts'
import { HostError } from '../../../shared/hypervisors/driver.ts'
import { agentDriver } from '../../../shared/hypervisors/kvm/agent/driver.ts'
import { httpsLine, renewingLine } from '../../../shared/hypervisors/kvm/agent/https.ts'
import { certificateKept } from '../../../shared/runtime/agentCertificate.ts'
import { silent } from '../../../shared/runtime/logger.ts'
import { keptInMemory, type MemoryKeeper, startWorld, type World } from '../../certificate/world.ts'
import { network, targetOf } from '../../hypervisors/kvm/factory.ts'
import { type SimulatedAgent, startSimulatedAgent } from '../simulatedAgent.ts'

const folder = mkdtempSync(join(tmpdir(), 'issued-'))
const at = (name: string): string => join(folder, name)
const openssl = (...args: readonly string[]): string =>
  execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

let world: World
let host: SimulatedAgent
let server: AgentServer
let keeper: MemoryKeeper
beforeAll(async () => {
  world = await startWorld()
  const { certificate, key, ca } = await world.issued({ commonName: 'kvm1' })
  for (const [name, text] of Object.entries({ certificate, key, ca })) writeFileSync(at(`host-${name}.pem`), text)
})
afterAll(async () => {
  await world.stop()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  keeper = keptInMemory(await world.issued())
  host = await startSimulatedAgent()
})
afterEach(async () => {
  await server.close()
  await host.stop()
})

/** As a host has it: a certificate of the same CA, by its name. */
async function admitting(admit: string): Promise<void> {
  server = await startServer({
    certificate: at('host-certificate.pem'),
    key: at('host-key.pem'),
    ca: at('host-ca.pem'),
    admit: [admit],
    listen: '127.0.0.1',
    port: 0,
    logger: silent,
    now: Date.now,
    answer: async (body) => JSON.stringify(await answer(host.parts, body)),
    refuse: (reason, detail) => JSON.stringify(failed(host.parts, reason, detail)),
  })
}

const kept = (): Credentials => {
  if (keeper.kept === undefined) throw new Error('none is kept')
  return keeper.kept
}

/** Through the line that the provisioner has. */
async function look(certificate = certificateKept(keeper, 0, Date.now)): Promise<string> {
  const driver = agentDriver(
    (target, signal) =>
      renewingLine(certificate, (credentials) => httpsLine(target, { ...credentials, port: server.port }, signal)),
    { mode: 'apply' },
  )
  const target = targetOf({ name: 'kvm1', address: '127.0.0.1' })
  const session = await driver.open(target, AbortSignal.timeout(20_000))
  try {
    return `saw ${(await session.look([network('vlan://100')])).changes.length}`
  } catch (error) {
    return error instanceof HostError ? error.reason : String(error)
  } finally {
    await session.close()
  }
}

describe('a certificate that CloudStack issued', () => {
  it('is admitted by its name, and by its key', async () => {
    await admitting('bridgekeeper.example.org')
    expect(await look()).toBe('saw 1')
    await server.close()
    await admitting(told(kept()).publicKey)
    expect(await look()).toBe('saw 1')
  })

  it('is admitted by its key after a renewal, without a word to the agent', async () => {
    await admitting(told(kept()).publicKey)
    await keeper.write(await world.issued({}, kept()))
    expect(await look()).toBe('saw 1')
  })

  it('with another key is refused by an agent that admits the old one, and served by one that admits the name', async () => {
    await admitting(told(kept()).publicKey)
    await keeper.write(await world.issued({ newKey: true }, kept()))
    expect(await look()).toBe('AgentRefused')
    await server.close()
    await admitting('bridgekeeper.example.org')
    expect(await look()).toBe('saw 1')
  })

  it('that was renewed while a provisioner held the old one is read anew where that one is refused', async () => {
    const fresh = await world.issued({ newKey: true }, kept())
    await admitting(told(fresh).publicKey)
    const held = certificateKept(keeper, 600_000, Date.now)
    expect(await look(held)).toBe('AgentRefused')
    await keeper.write(fresh)
    expect(await look(held)).toBe('saw 1')
  })
})

describe('before openssl', () => {
  it.each([
    ['RSA', () => newKey()],
    ['EC', async () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
  ])('a request with a key of %s is signed by it, for the one name', async (_kind, key) => {
    await admitting('x')
    writeFileSync(at('request.pem'), certificateRequest(await key(), 'bridgekeeper.example.org'))
    const said = openssl('req', '-verify', '-noout', '-subject', '-in', 'request.pem')
    expect(said).toMatch(/subject=CN ?= ?bridgekeeper\.example\.org/)
  })

  it('a certificate chains to the CA that came with it, and belongs to its key', async () => {
    await admitting('x')
    for (const [name, text] of Object.entries(kept())) writeFileSync(at(`${name}.pem`), text)
    expect(openssl('verify', '-purpose', 'sslclient', '-CAfile', 'ca.pem', 'certificate.pem')).toContain('OK')
    const ofKey = openssl('pkey', '-in', 'key.pem', '-pubout')
    expect(openssl('x509', '-in', 'certificate.pem', '-noout', '-pubkey')).toBe(ofKey)
  })
})
