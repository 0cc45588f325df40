/** Which proxy the environment names, and a request that goes through a real one, whose password nobody is shown. */
import { createServer, type Server } from 'node:http'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { createCloudStack } from '../../shared/cloudstack/client.ts'
import { type ProxyVariables, proxyFor } from '../../shared/cloudstack/proxy.ts'
import { ConfigurationError, parseConfigurationWithCloudStack } from '../../shared/runtime/configuration.ts'
import { cloudStackOf } from '../../shared/runtime/runtime.ts'
import { type ForwardProxy, forwardTo, startProxy } from './connectProxy.ts'

const https = 'https://cloud.example.org/client/api'
const http = 'http://192.0.2.7:8080/client/api'
const squid = 'http://squid.example:3128'

describe('the proxy that the environment names', () => {
  it.each<[string, string, ProxyVariables, string | undefined]>([
    ['for https', https, { HTTPS_PROXY: squid }, squid],
    ['for http', http, { HTTP_PROXY: squid }, squid],
    ['of the other scheme is not used', https, { HTTP_PROXY: squid }, undefined],
    ['in small letters wins', https, { HTTPS_PROXY: 'http://other', https_proxy: squid }, squid],
    ['without a scheme is http', https, { HTTPS_PROXY: 'squid.example:3128' }, squid],
    ['that is empty is none', https, { HTTPS_PROXY: '' }, undefined],
    ['is left out for any host', https, { HTTPS_PROXY: squid, NO_PROXY: '*' }, undefined],
    ['is left out for the host', https, { HTTPS_PROXY: squid, NO_PROXY: 'a.example, CLOUD.example.org' }, undefined],
    ['is left out below a domain', https, { HTTPS_PROXY: squid, no_proxy: '.example.org' }, undefined],
    ['is left out below a domain, without a dot', https, { HTTPS_PROXY: squid, no_proxy: 'example.org' }, undefined],
    ['is left out below a domain, with a star', https, { HTTPS_PROXY: squid, no_proxy: '*.example.org' }, undefined],
    ['is kept for a name that only ends alike', https, { HTTPS_PROXY: squid, NO_PROXY: 'oud.example.org' }, squid],
    ['is kept for a domain below it', https, { HTTPS_PROXY: squid, NO_PROXY: 'a.cloud.example.org' }, squid],
    ['is left out for the port', https, { HTTPS_PROXY: squid, NO_PROXY: 'cloud.example.org:443' }, undefined],
    ['is kept for another port', https, { HTTPS_PROXY: squid, NO_PROXY: 'cloud.example.org:8443' }, squid],
    ['is left out for an address', http, { HTTP_PROXY: squid, NO_PROXY: '192.0.2.7' }, undefined],
    ['is left out for a network', http, { HTTP_PROXY: squid, NO_PROXY: '192.0.2.0/29' }, undefined],
    ['is kept outside of a network', http, { HTTP_PROXY: squid, NO_PROXY: '192.0.2.8/29' }, squid],
    ['is left out for IPv6', 'http://[2001:db8::5]/', { HTTP_PROXY: squid, NO_PROXY: '2001:db8::/32' }, undefined],
    [
      'is left out in brackets',
      'http://[2001:db8::5]/',
      { HTTP_PROXY: squid, NO_PROXY: '[2001:db8::5]:80' },
      undefined,
    ],
    ['is kept where NO_PROXY makes no sense', https, { HTTPS_PROXY: squid, NO_PROXY: 'x/y/z,::1/999,[,' }, squid],
    ['is never used for this machine', 'http://localhost:8080/', { HTTP_PROXY: squid }, undefined],
    ['is never used for 127.0.0.1', 'http://127.0.0.1:8080/', { HTTP_PROXY: squid }, undefined],
    ['is never used for ::1', 'http://[::1]:8080/', { HTTP_PROXY: squid }, undefined],
  ])('%s', (_what, url, environment, expected) => {
    expect(proxyFor(new URL(url), environment)?.href).toBe(expected === undefined ? undefined : `${expected}/`)
  })

  it.each([
    ['socks5://user:hush@proxy', 'is of the kind socks5'],
    ['https://user:hush@proxy', 'is of the kind https'],
    ['http://user:hush@', 'is no address'],
  ])('that cannot be used is a mistake of the configuration, unquoted: %s', (value, why) => {
    const settings = parseConfigurationWithCloudStack({
      CLOUDSTACK_API_URL: https,
      CLOUDSTACK_API_KEY: 'k',
      CLOUDSTACK_SECRET_KEY: 's',
      HTTPS_PROXY: value,
    })
    const refused = () => cloudStackOf(settings, {})
    expect(refused).toThrow(ConfigurationError)
    expect(refused).toThrow(`HTTPS_PROXY=(hidden) ${why}`)
    expect(refused).not.toThrow('hush')
  })
})

describe('an http request through a proxy', () => {
  const seed = seedCloud([{ name: 'z', physicalNetworks: [{ name: 'g' }], clusters: [], networks: [] }])
  const ended: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of ended.splice(0).reverse()) await end()
  })

  async function behindProxy(
    asked: string,
  ): Promise<{ proxy: ForwardProxy; client: ReturnType<typeof createCloudStack> }> {
    const simulator = await startCloudStackSimulator({ seed })
    ended.push(() => simulator.stop())
    const proxy = await startProxy({ credentials: 'bridge:hush hush', to: forwardTo(new URL(simulator.url)) })
    ended.push(() => proxy.stop())
    const { apiKey, secretKey } = simulator
    // A name that only the proxy can reach: whoever goes past it gets no answer.
    const url = 'http://cloud.invalid/client/api'
    const client = createCloudStack({ url, apiKey, secretKey, proxy: new URL(proxy.url(asked)), sleep: async () => {} })
    return { proxy, client }
  }

  it('reaches the server, with the proxy’s own password', async () => {
    const { proxy, client } = await behindProxy('bridge:hush%20hush')
    expect((await client.listFacts()).zones.map(({ name }) => name)).toEqual(['z'])
    expect(proxy.seen[0]).toBe('POST http://cloud.invalid/client/api')
  })

  it('without its password says what to write, and shows none', async () => {
    const { client } = await behindProxy('bridge:wrong-one')
    const error = await client.listFacts().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'WrongEndpoint', message: expect.stringContaining('HTTP 407') })
    expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/wrong-one|signature=|YnJpZGdl/)
  })

  it('that is down names itself', async () => {
    const closed: Server = createServer()
    const port = await new Promise<number>((resolve) => {
      closed.listen(0, '127.0.0.1', () => {
        const address = closed.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
    await new Promise((resolve) => closed.close(resolve))
    const proxy = new URL(`http://bridge:hush@127.0.0.1:${port}`)
    const client = createCloudStack({ url: 'http://cloud.invalid/client/api', apiKey: 'k', secretKey: 's', proxy })
    await expect(client.listHosts()).rejects.toThrow(
      `CloudStack at cloud.invalid (through the proxy at 127.0.0.1:${port}) refused the connection`,
    )
  })
})
