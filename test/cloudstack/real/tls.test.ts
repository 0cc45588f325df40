/** A private CA and a tunnel through a proxy, over real TLS: the settings as an operator writes them, the error as he reads it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createServer, type Server, type TlsOptions } from 'node:tls'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { seedCloud } from '../../../infra/local/cloudstackSimulator/seed.ts'
import {
  type CloudStackSimulator,
  startCloudStackSimulator,
} from '../../../infra/local/cloudstackSimulator/simulator.ts'
import type { CloudStack } from '../../../shared/cloudstack/client.ts'
import { ConfigurationError, parseConfigurationWithCloudStack } from '../../../shared/runtime/configuration.ts'
import { cloudStackOf } from '../../../shared/runtime/runtime.ts'
import { createPki, type Issued, type Pki } from '../../agent/real/pki.ts'
import { type ForwardProxy, type ProxyOptions, startProxy } from '../connectProxy.ts'

const seed = seedCloud([{ name: 'z', physicalNetworks: [{ name: 'g' }], clusters: [], networks: [] }])

let simulator: CloudStackSimulator
let pki: Pki
beforeAll(async () => {
  simulator = await startCloudStackSimulator({ seed })
  pki = createPki()
})
afterAll(() => simulator?.stop())

const ended: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end()
})

/** TLS before the simulator, as a load balancer has it. @returns its port */
async function serveTls({ certificate, key }: Issued, options: TlsOptions = {}): Promise<number> {
  const { hostname, port } = new URL(simulator.url)
  const cert = { cert: readFileSync(certificate), key: readFileSync(key) }
  const server: Server = createServer({ ...cert, ...options }, (socket) => {
    const onward = connect(Number(port), hostname)
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy()).on('close', () => onward.destroy())
    onward.pipe(socket).pipe(onward)
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const sockets = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => sockets.add(socket))
  ended.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const clientOf = (url: string, environment: Readonly<Record<string, string>>): CloudStack => {
  const { apiKey, secretKey } = simulator
  const keys = { CLOUDSTACK_API_KEY: apiKey, CLOUDSTACK_SECRET_KEY: secretKey }
  return cloudStackOf(parseConfigurationWithCloudStack({ CLOUDSTACK_API_URL: url, ...keys, ...environment }), {})
}

const trusting = (file: string) => ({ BRIDGEKEEPER_CLOUDSTACK_CA_FILE: file })
const zones = async (client: CloudStack): Promise<readonly string[]> =>
  (await client.listFacts()).zones.map(({ name }) => name)

/** @returns its one line, after looking into every corner of it */
async function failureOf(client: CloudStack, ...secrets: readonly string[]): Promise<string> {
  const error = await zones(client).catch((thrown: unknown) => thrown)
  const everything = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })
  for (const secret of [simulator.secretKey, 'signature=', ...secrets]) expect(everything).not.toContain(secret)
  return error instanceof Error ? `${error.name}: ${error.message}` : 'no error'
}

describe('a private CA', () => {
  it('is trusted by its file, and by nothing else', async () => {
    const port = await serveTls(pki.issue('good', 'cloud', ['DNS:localhost']))
    const url = `https://localhost:${port}/client/api`
    expect(await zones(clientOf(url, trusting(pki.ca)))).toEqual(['z'])
    expect(await failureOf(clientOf(url, {}))).toBe(
      `WrongEndpoint: CloudStack at localhost:${port} shows a certificate which no authority that is trusted here has signed: ` +
        'name its CA in BRIDGEKEEPER_CLOUDSTACK_CA_FILE (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
    )
  })

  it.each([
    ['of another CA', () => createPki(), ['DNS:localhost'], 1, 'BRIDGEKEEPER_CLOUDSTACK_CA_FILE'],
    ['that has expired', () => pki, ['DNS:localhost'], -1, 'that has expired: renew it on the server'],
    ['for another name', () => pki, ['DNS:other.example'], 1, 'for another name: write the name that it is for'],
  ])('does not hide a certificate %s', async (_what, issuer, names, days, words) => {
    const port = await serveTls(issuer().issue('bad', 'cloud', names, days))
    const failure = await failureOf(clientOf(`https://localhost:${port}/client/api`, trusting(pki.ca)))
    expect(failure).toMatch(/^WrongEndpoint: CloudStack at localhost:\d+ shows a certificate /)
    expect(failure).toContain(words)
  })

  it('may be one of several in its file', async () => {
    const bundle = join(pki.folder, 'bundle.pem')
    writeFileSync(bundle, `# ours\n${readFileSync(createPki().ca, 'utf8')}\n${readFileSync(pki.ca, 'utf8')}`)
    const port = await serveTls(pki.issue('one', 'cloud', ['DNS:localhost']))
    expect(await zones(clientOf(`https://localhost:${port}/client/api`, trusting(bundle)))).toEqual(['z'])
  })

  it.each([
    ['a private key', () => readFileSync(pki.issue('k', 'k').key, 'utf8'), 'holds no certificate'],
    ['half a certificate', () => readFileSync(pki.ca, 'utf8').replace(/\n.{64}\n/, '\n'), 'cannot be read'],
    ['nothing', () => '', 'holds no certificate'],
  ])('whose file holds %s is a mistake of the configuration', (_what, content, words) => {
    const file = join(pki.folder, 'wrong.pem')
    writeFileSync(file, content())
    const made = () => clientOf('https://localhost/client/api', trusting(file))
    expect(made).toThrow(ConfigurationError)
    expect(made).toThrow(words)
  })

  it('on a server that only speaks an old TLS says so', async () => {
    const old: TlsOptions = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }
    const port = await serveTls(pki.issue('old', 'cloud', ['DNS:localhost']), old)
    expect(await failureOf(clientOf(`https://localhost:${port}/client/api`, trusting(pki.ca)))).toContain(
      'does not speak TLS as asked',
    )
  })
})

describe('an https request through a proxy', () => {
  async function proxied(options: Partial<ProxyOptions> = {}): Promise<ForwardProxy> {
    const port = await serveTls(pki.issue('far', 'cloud', ['DNS:cloud.invalid']))
    const proxy = await startProxy({ to: () => ({ host: '127.0.0.1', port }), ...options })
    ended.push(() => proxy.stop())
    return proxy
  }
  const far = 'https://cloud.invalid/client/api'

  it('is tunnelled: the proxy sees the host’s name and no key', async () => {
    const proxy = await proxied({ credentials: 'bridge:hush' })
    const client = clientOf(far, { ...trusting(pki.ca), HTTPS_PROXY: proxy.url('bridge:hush'), NO_PROXY: 'other' })
    expect(await zones(client)).toEqual(['z'])
    expect(new Set(proxy.seen)).toEqual(new Set(['CONNECT cloud.invalid:443']))
  })

  it('keeps its tunnel for the next request', async () => {
    const proxy = await proxied()
    const client = clientOf(far, { ...trusting(pki.ca), https_proxy: proxy.url() })
    await client.listFacts()
    expect(proxy.seen).toHaveLength(1)
  })

  it('trusts no other certificate because of the proxy', async () => {
    const proxy = await proxied()
    const client = clientOf(far, { ...trusting(createPki().ca), HTTPS_PROXY: proxy.url() })
    expect(await failureOf(client)).toMatch(/through the proxy at 127.0.0.1:\d+\) shows a certificate/)
  })

  it('goes straight where NO_PROXY says so', async () => {
    const proxy = await proxied()
    const failure = await failureOf(clientOf(far, { HTTPS_PROXY: proxy.url(), NO_PROXY: 'cloud.invalid' }))
    expect(failure).toMatch(/^NoAnswer: CloudStack at cloud.invalid (has no address|could not be looked up)/)
    expect(proxy.seen).toEqual([])
  })

  it.each([
    ['wants a password', { credentials: 'a:b' }, 'WrongEndpoint', 'asks for a name and a password (HTTP 407)'],
    ['lets nobody through', { refuseWith: 403 }, 'WrongEndpoint', 'answered HTTP 403: see that it lets CONNECT'],
    ['does not reach the server', { refuseWith: 502 }, 'NoAnswer', 'answered HTTP 502'],
  ])('that %s says so, and shows no password', async (_what, options, name, words) => {
    const proxy = await proxied(options)
    const client = clientOf(far, { ...trusting(pki.ca), HTTPS_PROXY: proxy.url('bridge:hush-hush') })
    const failure = await failureOf(client, 'hush-hush', Buffer.from('bridge:hush-hush').toString('base64'))
    expect(failure).toContain(words)
    expect(failure.split(':')[0]).toBe(name)
  })

  it('that swallows the request is given up in time', async () => {
    const swallowing = await startProxy({ to: () => ({ host: '127.0.0.1', port: 9 }), swallow: true })
    ended.push(() => swallowing.stop())
    const { apiKey, secretKey } = simulator
    const settings = { CLOUDSTACK_API_URL: far, CLOUDSTACK_API_KEY: apiKey, CLOUDSTACK_SECRET_KEY: secretKey }
    const client = cloudStackOf(parseConfigurationWithCloudStack({ ...settings, HTTPS_PROXY: swallowing.url() }), {
      timeoutMs: 300,
    })
    expect(await failureOf(client)).toContain('did not answer listZones within 0.3 s')
  })
})
