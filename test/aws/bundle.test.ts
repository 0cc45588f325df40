import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bundle, bundle, sizes } from '../../infra/aws/bundle.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'

const root = join(import.meta.dirname, '../..')
const functions = [
  'backfill',
  'diff',
  'housekeeping',
  'provisionCloudstack',
  'provisionKvm',
  'provisionVmware',
  'provisionXenserver',
  'snapshot',
  'status',
  'webhook',
]
const run = promisify(execFile)

/** One tick of the bundled snapshot, on a store that holds nothing: how many hosts CloudStack told it of. */
const tick = `
  const { create } = require(process.argv[1])
  const item = (write) => ({ ...write.key, ...write.first, ...write.set, ...write.add })
  const store = { get: async () => undefined, list: async () => [], update: async (write) => item(write) }
  const queues = { send: async () => {} }
  const logger = { debug() {}, info() {}, warn() {}, error() {} }
  create(process.env, { store, queues, logger })({}, { getRemainingTimeInMillis: () => 10000 }).then(
    (report) => console.log('REPORT ' + JSON.stringify(report)),
    (error) => console.log('ENDED WITH ' + error.name + ': ' + error.message),
  )`

/** What Lambda does: `require` with its own SDK found beside, then one call. Prints the error that the call ended in. */
const call = `
  const { handler } = require(process.argv[1])
  handler(JSON.parse(process.argv[2]), { getRemainingTimeInMillis: () => 1000 }).then(
    () => console.log('ENDED WITH nothing'),
    (error) => console.log('ENDED WITH ' + error.name + ': ' + error.message),
  )`

/** As its queue starts it, or as one starts it by hand. */
const eventOf = (name: string): unknown => {
  if (name === 'backfill' || name === 'housekeeping') return {}
  if (name === 'status') return { rawPath: '/', requestContext: { http: { method: 'GET' } }, headers: {} }
  if (name === 'webhook') return { requestContext: { http: { method: 'POST' } }, headers: {}, body: '{}' }
  const body = JSON.stringify({ v: 1, cloud: 'default', zone: 'z', host: 'h', tick: 1, why: 'edge' })
  return { Records: [{ messageId: 'm', body, attributes: { ApproximateReceiveCount: '1' } }] }
}

describe('the bundles', () => {
  let out = ''
  let bundles: readonly Bundle[] = []

  beforeAll(async () => {
    out = await mkdtemp(join(tmpdir(), 'bridgekeeper-bundle-'))
    bundles = await bundle(out)
  })
  afterAll(() => rm(out, { recursive: true, force: true }))

  test('are one for each function, in a table of sizes', () => {
    expect(bundles.map(({ name }) => name)).toEqual(functions)
    expect(sizes(bundles).split('\n')).toHaveLength(functions.length)
    expect(sizes([{ name: 'diff', bytes: 46_049 }])).toBe('diff                        46.0 kB')
  })

  /** kB: a driver's library is the most of a provisioner. */
  const budgets: Readonly<Record<string, number>> = { provisionKvm: 580, provisionVmware: 350, provisionXenserver: 310 }
  test.each(functions)('%s keeps to its budget', (name) => {
    const budget = (budgets[name] ?? 290) * 1000
    expect(bundles.find((each) => each.name === name)?.bytes).toBeLessThanOrEqual(budget)
  })

  /** Whoever does not sign learns nothing, also where nothing is configured. */
  const endOf = (name: string): RegExp =>
    name === 'webhook' ? /ENDED WITH nothing/ : /ENDED WITH ConfigurationError: BRIDGEKEEPER_TABLE is not set/

  test.each(functions)('%s loads, and asks for its configuration at the first call', async (name) => {
    const environment = { NODE_PATH: join(root, 'node_modules'), AWS_REGION: 'us-east-1' }
    const file = join(out, 'functions', `${name}.js`)
    const args = ['-e', call, file, JSON.stringify(eventOf(name))]
    const { stdout } = await run(process.execPath, args, { env: environment, timeout: 20_000 })
    expect(stdout).toMatch(endOf(name))
  })

  test.each([
    [
      'a message',
      'diff',
      { Records: [{ messageId: 'm', body: '{"v":1}', attributes: { ApproximateReceiveCount: '1' } }] },
    ],
    ['what is no message', 'provisionKvm', { Records: [{ messageId: 1 }] }],
  ])('what is wrong with %s is told in words', async (_what, name, event) => {
    const environment = { NODE_PATH: join(root, 'node_modules'), AWS_REGION: 'us-east-1', BRIDGEKEEPER_TABLE: 't' }
    const args = ['-e', call, join(out, 'functions', `${name}.js`), JSON.stringify(event)]
    const { stdout } = await run(process.execPath, args, { env: environment, timeout: 20_000 })
    expect(stdout).toMatch(/MalformedMessage: .*: Invalid input: expected string, received (undefined|number)/)
  })

  test('snapshot speaks to CloudStack, although parts of its HTTP library are left out', async () => {
    const zone = {
      name: 'zone',
      physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' } }],
      clusters: [{ name: 'cluster', hosts: [{ name: 'kvm1', address: '192.0.2.1' }] }],
    }
    const simulator = await startCloudStackSimulator({ seed: seedCloud([zone]) })
    const environment = {
      NODE_PATH: join(root, 'node_modules'),
      CLOUDSTACK_API_URL: simulator.url,
      CLOUDSTACK_API_KEY: simulator.apiKey,
      CLOUDSTACK_SECRET_KEY: simulator.secretKey,
    }
    const file = join(out, 'functions', 'snapshot.js')
    const { stdout } = await run(process.execPath, ['-e', tick, file], { env: environment, timeout: 20_000 })
    await simulator.stop()
    expect(stdout).toContain('"hosts":1,"edges":1')
  })
})
