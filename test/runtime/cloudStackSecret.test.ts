/** CloudStack's address and keys in AWS Secrets Manager: read as they are needed, taken anew when they were rotated, told without showing them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { checkClouds } from '../../infra/local/preflight.ts'
import type { CloudStack } from '../../shared/cloudstack/client.ts'
import { RequestRefused } from '../../shared/cloudstack/errors.ts'
import { openGate } from '../../shared/cloudstack/gate.ts'
import { secretsOf } from '../../shared/runtime/awsSecret.ts'
import { readCloudStackSettings } from '../../shared/runtime/cloudStackSecret.ts'
import { ConfigurationError } from '../../shared/runtime/configuration.ts'
import type { Create } from '../../shared/runtime/lambda.ts'
import type { Logger } from '../../shared/runtime/logger.ts'
import { cloudStackIn } from '../../shared/runtime/runtime.ts'
import { startRecordedAws } from '../aws/recordedAws.ts'
import { run } from '../cli/program.ts'
import { type FakeSecretsManager, startFakeSecretsManager } from './fakeSecretsManager.ts'

const seed = seedCloud([
  {
    name: 'zone-1',
    physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' } }],
    clusters: [{ name: 'c1', hosts: ['kvm1', 'kvm2'].map((name) => ({ name, address: '192.0.2.1' })) }],
    networks: [{ name: 'n100', uri: 'vlan://100' }],
  },
])

/** Of one account, before and after somebody generates keys anew. */
const [old, fresh] = ['old', 'fresh'].map((which) => ({ apiKey: `${which}-api-key`, secretKey: `${which}-secret-key` }))
if (old === undefined || fresh === undefined) throw new Error('two pairs of keys')

let account: { id: string; number: number; name: string; role: 'Admin'; apiKey: string; secretKey: string }
let fake: FakeSecretsManager
let simulator: CloudStackSimulator
let clock: number
beforeEach(async () => {
  account = { id: '5b3c7a3e-4c3e-4c3c-9d3f-3a1f6f1b2c3d', number: 9, name: 'bridgekeeper', role: 'Admin', ...old }
  fake = await startFakeSecretsManager()
  simulator = await startCloudStackSimulator({ seed, accounts: [account] })
  clock = Date.now()
})
afterEach(async () => {
  await fake.stop()
  await simulator.stop()
})

const secretText = (keys = old): string => JSON.stringify({ url: simulator.url, ...keys })
const environment = (more: Readonly<Record<string, string>> = {}) => ({
  ...{ AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
  AWS_ENDPOINT_URL_SECRETS_MANAGER: fake.endpoint,
  BRIDGEKEEPER_CLOUD: 'eu',
  BRIDGEKEEPER_CLOUDSTACK_SECRET: 'b/c',
  ...more,
})

function client(): CloudStack {
  const given = environment()
  return cloudStackIn(given, { gate: openGate }, secretsOf(given), () => clock)
}

const thrownBy = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
const asked = (): number => simulator.requests.listHosts ?? 0

describe('the keys', () => {
  it('are read once a minute, however many ask', async () => {
    fake.secrets.set('b/c/eu', secretText())
    const cloudstack = client()
    const all = await Promise.all(Array.from({ length: 20 }, () => cloudstack.listHosts()))
    expect(all.map((hosts) => hosts.length)).toEqual(Array.from({ length: 20 }, () => 2))
    expect(fake.actions).toEqual(['GetSecretValue'])
    clock += 60_000
    await cloudstack.listHosts()
    expect(fake.actions).toEqual(['GetSecretValue', 'GetSecretValue'])
  })

  it('that were rotated in the middle of a run are taken at once, by all who are refused, with one reading', async () => {
    fake.secrets.set('b/c/eu', secretText())
    const cloudstack = client()
    await cloudstack.listHosts()
    Object.assign(account, fresh)
    fake.secrets.set('b/c/eu', secretText(fresh))
    clock += 1
    const all = await Promise.all(Array.from({ length: 20 }, () => cloudstack.listHosts()))
    expect(all.every((hosts) => hosts.length === 2)).toBe(true)
    expect(fake.actions).toHaveLength(2)
    await cloudstack.listHosts()
    expect(asked()).toBe(1 + 40 + 1)
  })

  it('that CloudStack refuses and the secret still has are told with the secret, and neither is asked in vain', async () => {
    fake.secrets.set('b/c/eu', secretText())
    const cloudstack = client()
    Object.assign(account, fresh)
    const error = await thrownBy(cloudstack.listHosts())
    expect(error).toBeInstanceOf(RequestRefused)
    expect(error).toHaveProperty(
      'message',
      expect.stringMatching(/401: bad key.*the keys are those of BRIDGEKEEPER_CLOUDSTACK_SECRET="b\/c", cloud eu$/),
    )
    expect(asked()).toBe(1)
    for (let second = 0; second < 9; second += 1) {
      clock += 1000
      expect(await thrownBy(cloudstack.listHosts())).toHaveProperty('code', 401)
    }
    expect([asked(), fake.actions.length]).toEqual([10, 2])
    fake.secrets.set('b/c/eu', secretText(fresh))
    clock += 1000
    expect(await cloudstack.listHosts()).toHaveLength(2)
    expect(fake.actions).toHaveLength(3)
  })

  it('that are new and wrong as well are told after one more question', async () => {
    fake.secrets.set('b/c/eu', secretText())
    const cloudstack = client()
    await cloudstack.listHosts()
    Object.assign(account, { apiKey: 'nobody-knows-it' })
    fake.secrets.set('b/c/eu', secretText(fresh))
    const error = await thrownBy(cloudstack.listHosts())
    expect(error).toHaveProperty('code', 401)
    expect(String(error)).toContain('BRIDGEKEEPER_CLOUDSTACK_SECRET')
    expect([asked(), fake.actions.length]).toEqual([3, 2])
  })

  it('are not read anew for any other refusal', async () => {
    fake.secrets.set('b/c/eu', secretText())
    simulator.faults.denied = ['listHosts']
    expect(await thrownBy(client().listHosts())).toHaveProperty('code', 432)
    expect(fake.actions).toHaveLength(1)
  })
})

describe('a secret', () => {
  it.each<readonly [string, string | undefined, RegExp]>([
    [
      'that is not there',
      undefined,
      /AWS Secrets Manager does not exist, or holds no text: make it as docs\/aws\.md shows\.$/,
    ],
    ['that is no JSON', 'hunter2', /: it is not JSON: write it as docs\/aws\.md shows\.$/],
    ['without a key', '{"url":"https://c.example.org/client/api","apiKey":"hunter2"}', /: secretKey: .*docs\/aws\.md/],
    [
      'with another address',
      '{"url":"ftp://hunter2","apiKey":"a","secretKey":"b"}',
      /: url: is not an http or https address/,
    ],
    [
      'with more than that',
      '{"url":"https://c.example.org","apiKey":"a","secretKey":"b","hunter2":"c"}',
      /: it: has a name that is not known/,
    ],
  ])('%s is a mistake of the configuration, and nothing of it is shown', async (_what, text, words) => {
    if (text !== undefined) fake.secrets.set('b/c/eu', text)
    const error = await thrownBy(client().listHosts())
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(String(error)).toMatch(/BRIDGEKEEPER_CLOUDSTACK_SECRET="b\/c": the secret b\/c\/eu of AWS Secrets Manager/)
    expect(error).toHaveProperty('message', expect.stringMatching(words))
    expect(String(error)).not.toContain('hunter2')
  })

  it('that AWS refuses is told with what AWS said', async () => {
    fake.refuse('AccessDeniedException')
    const error = await thrownBy(client().listHosts())
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(String(error)).toContain('was refused (AccessDeniedException: GetSecretValue on b/c/eu: no)')
  })

  it.each(['CLOUDSTACK_API_URL', 'CLOUDSTACK_API_KEY', 'CLOUDSTACK_SECRET_KEY'])(
    'beside %s is refused',
    async (name) => {
      const given = environment({ [name]: 'https://c.example.org' })
      const words = `${name} and BRIDGEKEEPER_CLOUDSTACK_SECRET are both set: keep them in one place.`
      await expect(readCloudStackSettings(given, secretsOf(given), () => clock)).rejects.toThrow(words)
      expect(fake.actions).toEqual([])
    },
  )

  it('is not for a service on one machine, which says so before it starts', async () => {
    await expect(checkClouds([{ name: 'eu', environment: environment() }], true)).rejects.toThrow(
      /^BRIDGEKEEPER_CLOUDSTACK_SECRET="b\/c" is for functions on AWS: give a service on this machine CLOUDSTACK_API_URL/,
    )
    expect(fake.actions).toEqual([])
  })

  it('serves a command that speaks to CloudStack', async () => {
    fake.secrets.set('b/c/eu', secretText())
    const { code, stdout } = await run(['role', 'show', '-o', 'json'], environment())
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ cloud: 'eu' })
  })
})

it('neither key is ever in a log line or an answer of a function that takes them, refused or not', async () => {
  const aws = await startRecordedAws()
  try {
    const { create }: { create: Create } = await import('../../functions/snapshot/handler.ts')
    const lines: string[] = []
    const log = (message: string, fields = {}): void => void lines.push(JSON.stringify([message, fields]))
    const logger: Logger = { debug: log, info: log, warn: log, error: log }
    const given = { ...(await aws.environment('snapshot')), BRIDGEKEEPER_CLOUDSTACK_SECRET: 'b/c' }
    const snapshot = create(given, { logger, now: () => clock })
    const tick = async (): Promise<string> => {
      clock += 61_000
      return JSON.stringify(
        await snapshot({}, { getRemainingTimeInMillis: () => 20_000 } as Parameters<typeof snapshot>[1]),
      )
    }
    aws.secrets.set('b/c/default', secretText())
    lines.push(await tick())
    Object.assign(account, fresh)
    lines.push(await tick())
    aws.secrets.set('b/c/default', secretText(fresh))
    lines.push(await tick())
    const all = lines.join('\n')
    expect(all).toContain('"hosts":2')
    expect(all).toContain('the keys are those of BRIDGEKEEPER_CLOUDSTACK_SECRET')
    for (const { apiKey, secretKey } of [old, fresh])
      for (const key of [apiKey, secretKey]) expect(all).not.toContain(key)
  } finally {
    await aws.stop()
  }
})
