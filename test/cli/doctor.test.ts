/** `doctor` against the CloudStack simulator, in every way in which a key or a server may be of no use. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, request as httpRequest } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { doctorSchema } from '../../infra/cli/doctor/doctorJson.ts'
import { doctorCommand } from '../../infra/cli/doctorCommand.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { neededBy } from '../../shared/cloudstack/calls.ts'
import { createCloudStack } from '../../shared/cloudstack/client.ts'
import { findWebhook } from '../../shared/cloudstack/webhooks.ts'
import { forwardTo, startProxy } from '../cloudstack/connectProxy.ts'
import { capture, runInProcess } from '../rights/inProcess.ts'
import { startScene } from '../rights/scene.ts'
import { run } from './program.ts'

let simulator: CloudStackSimulator
let environment: Record<string, string>

const at = ({ url, apiKey, secretKey }: Pick<CloudStackSimulator, 'url' | 'apiKey' | 'secretKey'>) => ({
  CLOUDSTACK_API_URL: url,
  CLOUDSTACK_API_KEY: apiKey,
  CLOUDSTACK_SECRET_KEY: secretKey,
})

beforeEach(async () => {
  simulator = await startScene()
  environment = at(simulator)
})
afterEach(() => simulator.stop())

async function instead(other: Promise<CloudStackSimulator>): Promise<void> {
  await simulator.stop()
  simulator = await other
  environment = { ...environment, ...at(simulator) }
}

async function doctor(...args: readonly string[]) {
  const { code, stdout, stderr } = await runInProcess(['doctor', '-o', 'json', ...args], environment)
  for (const secret of [simulator.apiKey, simulator.secretKey]) expect(stdout + stderr).not.toContain(secret)
  const { level, checks } = doctorSchema.parse(JSON.parse(stdout))
  const named = (name: string) => checks.filter(({ check }) => check === name)
  const one = (name: string) => named(name)[0] ?? expect.unreachable(`no check is called ${name}`)
  const notOk = checks.filter((finding) => finding.level !== 'ok').map((finding) => `${finding.level} ${finding.check}`)
  return { code, level, checks, one, notOk, stderr }
}

describe('with a root admin’s key', () => {
  it('everything is well but what a test has to be, each check has its line, and it exits 0', async () => {
    const { code, level, checks, notOk, one } = await doctor()
    expect([code, level, notOk]).toEqual([0, 'warning', ['warning TLS', 'warning least rights']])
    expect(checks.map(({ check }) => check)).toEqual([
      'reachable',
      'TLS',
      'clock',
      'key',
      'version',
      'upstream',
      ...neededBy([]).map((command) => `right to ${command}`),
      'least rights',
      'sight',
      'cost',
      'webhook',
    ])
    expect(one('sight').found).toMatch(/^proven: the network net10\d shows vlan:\/\/10\d$/)
    expect(one('version').found).toBe('4.18.0.0; it lacks: webhooks tell of events as they happen (4.20)')
    expect(one('cost').found).toMatch(
      /^2 hosts in .* s, 3 persistent networks in .* s: .* an interval of \d+ s or more$/,
    )
    expect(one('webhook').found).toMatch(/^not before 4\.20, and this is 4\.18\.0\.0/)
    expect(checks.every(({ level: each, fix }) => (each === 'ok') === (fix === ''))).toBe(true)
  })

  it('names each call with what it is made for, and updateHost only for its driver', async () => {
    expect((await doctor()).one('right to listEvents')).toMatchObject({
      found: 'allowed',
      wanted: 'every tick: whether networks may have changed',
    })
    expect((await doctor()).checks.map(({ check }) => check)).not.toContain('right to updateHost')
    environment.BRIDGEKEEPER_DRIVERS = 'KVM=cloudstack'
    expect((await doctor()).one('right to updateHost').level).toBe('ok')
  })

  it('is shown as a table, with fixes below what is not well, and progress on stderr', async () => {
    const { stdout, stderr, code } = await runInProcess(['doctor'], environment)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ok {7}reachable {2,}it answered in \d+ ms$/m)
    expect(stdout).toMatch(/^warning {2}TLS .*\n +wanted: https.*\n +fix: Give CLOUDSTACK_API_URL as https\.$/m)
    expect(stdout).toMatch(/\n\n17 ok, 2 warnings, 0 errors\n$/)
    expect(stderr).toContain('default: reachable …')
  })

  it('-q says no more than the findings', async () => {
    const { stdout, stderr } = await runInProcess(['doctor', '-q'], environment)
    expect(stderr).toBe('')
    expect(stdout).not.toContain('fix:')
  })

  it('changes nothing', async () => {
    const before = JSON.stringify([simulator.cloud.hosts(), simulator.cloud.networks()])
    await doctor()
    expect(JSON.stringify([simulator.cloud.hosts(), simulator.cloud.networks()])).toBe(before)
    expect(Object.keys(simulator.requests).filter((command) => command !== '' && !command.startsWith('list'))).toEqual(
      [],
    )
  })

  it('goes through every cloud, or one', async () => {
    const other = await startScene({ version: '4.22.0.0' })
    const keys = Object.entries(at(simulator)).map(([name, value]) => [`${name}__EU`, value])
    const others = Object.entries(at(other)).map(([name, value]) => [`${name}__US`, value])
    environment = { BRIDGEKEEPER_CLOUD: 'eu,us', ...Object.fromEntries([...keys, ...others]) }
    const all = await doctor()
    const one = await doctor('--cloud', 'us')
    await other.stop()
    expect([...new Set(all.checks.map(({ cloud }) => cloud))]).toEqual(['eu', 'us'])
    expect([...new Set(one.checks.map(({ cloud }) => cloud))]).toEqual(['us'])
    expect(one.one('version').found).toBe('4.22.0.0')
  })
})

describe('the webhook', () => {
  const found = async () => (await doctor()).one('webhook')
  let folder: string
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'doctor-'))
    await instead(startScene({ version: '4.20.0.0' }))
    environment.BRIDGEKEEPER_DATA = folder
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('is told to an administrator: not there, there, switched off', async () => {
    expect(await found()).toMatchObject({ level: 'ok', found: 'supported, and ours is not installed' })
    await runInProcess(['webhook', 'install', '--url', 'https://hook.example.org/'], environment)
    expect(await found()).toMatchObject({ level: 'ok', found: 'bridgekeeper-default is installed' })
    const secret = readFileSync(join(folder, 'webhook', 'default', 'secret'), 'utf8').trim()
    expect(JSON.stringify((await doctor()).checks)).not.toContain(secret)
    const cloudstack = createCloudStack(simulator)
    const { ours } = await findWebhook(cloudstack, 'default')
    await cloudstack.call('updateWebhook', { id: ours?.id ?? '', state: 'Disabled' }, z.unknown())
    expect(await found()).toMatchObject({
      level: 'warning',
      found: 'bridgekeeper-default is installed and switched off',
      fix: expect.stringContaining('bridgekeeper webhook install'),
    })
    expect(await runInProcess(['webhook', 'install'], environment)).toMatchObject({ code: 0 })
    expect(await found()).toMatchObject({ level: 'ok', found: 'bridgekeeper-default is installed' })
  })

  it('is not looked for with a key that may not list them', async () => {
    await runInProcess(['role', 'create', '--apply', '-q'], environment)
    environment = { ...environment, ...at({ ...simulator, ...simulator.addAccount('bridgekeeper', 'Bridgekeeper') }) }
    const { level, found: what } = await found()
    expect(level).toBe('ok')
    expect(what).toMatch(
      /^listApis names no createWebhook: .*; whether ours is installed, "bridgekeeper webhook status"/,
    )
    expect(simulator.requests.listWebhooks).toBeUndefined()
  })

  it('of another cloud of the deployment is not taken for this one’s', async () => {
    await runInProcess(['webhook', 'install', '--url', 'https://hook.example.org/'], environment)
    environment.BRIDGEKEEPER_CLOUD = 'us'
    expect(await found()).toMatchObject({ level: 'ok', found: 'supported, and ours is not installed' })
  })
})

describe('a server that is of no use', () => {
  const everythingElse = (notOk: readonly string[]) => notOk.filter((line) => line.startsWith('error'))

  it('that does not listen is one error, and the rest is not looked at', async () => {
    environment.CLOUDSTACK_API_URL = 'http://127.0.0.1:9/client/api'
    const { code, one, notOk } = await doctor()
    expect([code, everythingElse(notOk)]).toEqual([2, ['error reachable']])
    expect(one('reachable').found).toContain('refused the connection')
    expect(one('sight')).toMatchObject({ level: 'warning', found: 'not looked at' })
  })

  it('that is a web page is one error', async () => {
    simulator.faults.html = true
    const { code, one, notOk } = await doctor()
    expect([code, everythingElse(notOk)]).toEqual([2, ['error reachable']])
    expect(one('reachable').found).toContain('usually ends in /client/api')
  })

  it('that is busy for a minute is not waited for', async () => {
    simulator.faults.busy = { times: 99, retryAfter: '20' }
    const begun = performance.now()
    const { code, one } = await doctor()
    expect([code, one('reachable').level]).toEqual([2, 'error'])
    expect(one('reachable').found).toContain('asks to wait 20 s')
    expect(performance.now() - begun).toBeLessThan(5000)
  })

  it.each([
    ['4.9.2.0', 'warning'],
    ['4.11.3.0', 'ok'],
    ['4.22.0.0', 'ok'],
    ['4.23.0.0', 'warning'],
    ['ours', 'warning'],
  ])('of version %s: %s', async (version, level) => {
    await instead(startScene({ version }))
    expect((await doctor()).one('version')).toMatchObject({ level, found: expect.stringContaining(version) })
  })

  it.each([
    ['cloudstack', 'error'],
    ['kvm-ssh', 'ok'],
  ])('below 4.17 is for the driver %s: %s', async (driver, level) => {
    await instead(startScene({ version: '4.16.1.0' }))
    environment.BRIDGEKEEPER_DRIVERS = `KVM=${driver}`
    const { one, code } = await doctor()
    expect(one('upstream')).toMatchObject({ level, found: expect.stringContaining('nothing was requested') })
    expect(code).toBe(level === 'error' ? 2 : 0)
  })
})

describe('a key', () => {
  it('that is unknown is one error', async () => {
    environment.CLOUDSTACK_SECRET_KEY = 'another-secret'
    const { code, one, notOk } = await doctor()
    expect(code).toBe(2)
    expect(notOk.filter((line) => line.startsWith('error'))).toEqual(['error key'])
    expect(one('reachable').level).toBe('ok')
  })

  it('that sees no broadcast URI has no sight', async () => {
    simulator.faults.rightLost = true
    const { code, one } = await doctor()
    expect(code).toBe(2)
    expect(one('sight')).toMatchObject({
      level: 'error',
      found: expect.stringContaining('no broadcast URI for 3 of 3'),
    })
  })

  it.each([
    ['no network at all', [], 'warning', 'cannot be proven yet'],
    [
      'a network that is only allocated',
      [{ name: 'a', offering: 'iso-persistent-auto' }],
      'warning',
      'cannot be proven',
    ],
    [
      'only one that is not persistent',
      [{ name: 'b', uri: 'vlan://7', offering: 'l2-nonpersistent-vlan' }],
      'ok',
      'proven',
    ],
  ])('with %s', async (_what, networks, level, found) => {
    const zone = { name: 'z', physicalNetworks: [{ name: 'g', labels: {} }], clusters: [], networks }
    await instead(startCloudStackSimulator({ seed: seedCloud([zone]) }))
    const { one, code } = await doctor()
    expect([code, one('sight')]).toMatchObject([0, { level, found: expect.stringContaining(found) }])
  })

  it('that may not list hosts is told which call, what for, and how to allow it', async () => {
    simulator.faults.denied = ['listHosts']
    const { code, one, notOk } = await doctor()
    expect(code).toBe(2)
    expect(notOk.filter((line) => line.startsWith('error'))).toEqual(['error right to listHosts', 'error cost'])
    expect(one('right to listHosts')).toMatchObject({
      found: 'not allowed',
      wanted: 'every tick: which hosts there are, and their states',
      fix: expect.stringContaining('bridgekeeper role show'),
    })
  })

  it('that may not ask what it may call works all the same, and the rest is not known', async () => {
    simulator.faults.denied = ['listApis']
    const { one, notOk } = await doctor()
    expect(notOk.filter((line) => line.startsWith('error'))).toEqual(['error right to listApis'])
    expect(one('key').level).toBe('ok')
    expect(one('right to listHosts')).toMatchObject({
      level: 'warning',
      found: 'not known, since listApis is not allowed',
    })
    expect(one('sight').level).toBe('ok')
  })

  it('that may not ask for the version is served as if it were known', async () => {
    simulator.faults.denied = ['listCapabilities']
    const { one } = await doctor()
    expect(one('version')).toMatchObject({ level: 'warning', found: 'this key may not ask for it' })
    expect(one('sight').level).toBe('ok')
  })
})

describe('over TLS', () => {
  let proxy: Server
  const fixture = (file: string) => new URL(`../fixtures/tls/${file}`, import.meta.url)

  /** In front of the simulator, with a certificate that no machine trusts. */
  beforeEach(async () => {
    const tls = { key: readFileSync(fixture('localhost.key')), cert: readFileSync(fixture('localhost.crt')) }
    proxy = createTlsServer(tls, (request, response) => {
      const { method = 'GET', url = '/', headers } = request
      const onward = httpRequest(new URL(url, simulator.url), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(response)
      })
      request.pipe(onward)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const address: string | AddressInfo | null = proxy.address()
    const port = typeof address === 'object' ? address?.port : undefined
    environment.CLOUDSTACK_API_URL = `https://127.0.0.1:${port}/client/api`
  })
  afterEach(async () => {
    await new Promise((resolve) => proxy.close(resolve))
  })

  it('a private CA that is named is trusted', async () => {
    environment.BRIDGEKEEPER_CLOUDSTACK_CA_FILE = fixture('localhost.crt').pathname
    const { one, code } = await doctor()
    expect(code).toBe(0)
    expect(one('TLS')).toMatchObject({
      level: 'ok',
      found: expect.stringMatching(/^TLSv1\.[23], the certificate is trusted/),
    })
    expect(one('clock')).toMatchObject({ level: 'ok' })
  })

  it('through a proxy, the certificate is still the server’s', async () => {
    const between = await startProxy({ to: forwardTo(new URL(environment.CLOUDSTACK_API_URL ?? '')) })
    environment.BRIDGEKEEPER_CLOUDSTACK_CA_FILE = fixture('localhost.crt').pathname
    environment.CLOUDSTACK_API_URL = 'https://cloud.example.org/client/api'
    environment.HTTPS_PROXY = between.url()
    const { one, code } = await doctor()
    await between.stop()
    expect([code, one('TLS').level, one('sight').level]).toEqual([0, 'ok', 'ok'])
    expect(one('TLS').found).toMatch(/^TLSv1\.[23], the certificate is trusted/)
    expect(between.seen.every((line) => line === 'CONNECT cloud.example.org:443')).toBe(true)
  })

  it('one that is not named is an error, with its code', async () => {
    const { one, code, notOk } = await doctor()
    expect(code).toBe(2)
    expect(notOk.filter((line) => line.startsWith('error'))).toEqual(['error reachable', 'error TLS'])
    expect(one('TLS').found).toContain('(DEPTH_ZERO_SELF_SIGNED_CERT)')
  })
})

describe('as a process', () => {
  it('needs no deployment, and ends by itself', async () => {
    const { code, stdout } = await run(['doctor', '-o', 'json'], environment)
    expect([code, doctorSchema.parse(JSON.parse(stdout)).level]).toEqual([0, 'warning'])
  })

  it('without settings says which, one line each, and exits 1', async () => {
    const { code, stdout, stderr } = await run(['doctor'], {})
    expect([code, stdout]).toEqual([1, ''])
    expect(
      stderr
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[1]),
    ).toEqual(['CLOUDSTACK_API_URL', 'CLOUDSTACK_API_KEY', 'CLOUDSTACK_SECRET_KEY'])
  })

  it('ends while a server hangs in the middle of an answer', async () => {
    const hanging = createServer((_request, response) => void response.writeHead(200).write('{'))
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
    const address = hanging.address()
    environment.CLOUDSTACK_API_URL = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/client/api`
    const { output, written } = capture()
    const code = await doctorCommand({ output: 'table' }, [{ name: 'default', environment }], output, 300)
    hanging.closeAllConnections()
    hanging.close()
    expect([code, written().stdout]).toEqual([2, expect.stringContaining('did not answer listApis within 0.3 s')])
  })
})
