import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Credentials } from '../../shared/certificate/credentials.ts'
import { keptInSecret } from '../../shared/certificate/secret.ts'
import { agentCertificateOf, certificateKept } from '../../shared/runtime/agentCertificate.ts'
import { secretsClient } from '../../shared/runtime/clients.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { type FakeSecretsManager, startFakeSecretsManager } from '../runtime/fakeSecretsManager.ts'
import { day, keptInMemory, startWorld, type World } from './world.ts'

let world: World
let fake: FakeSecretsManager
let first: Credentials
let second: Credentials
beforeAll(async () => {
  world = await startWorld()
  first = await world.issued({ days: 10 })
  second = await world.issued({ days: 30 }, first)
})
afterAll(() => world.stop())
beforeEach(async () => {
  fake = await startFakeSecretsManager()
  return () => fake.stop()
})
const environment = () => ({
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'k',
  AWS_SECRET_ACCESS_KEY: 's',
  AWS_ENDPOINT_URL_SECRETS_MANAGER: fake.endpoint,
})
const secretName = 'bridgekeeper/agent/default'

describe('a certificate in a secret (of a fake Secrets Manager)', () => {
  it('is created at first and replaced later, each time whole', async () => {
    const keeper = keptInSecret(secretsClient(environment()), secretName)
    expect(await keeper.read()).toBeUndefined()
    await keeper.write(first)
    await keeper.write(second)
    expect(await keeper.read()).toEqual(second)
    expect(fake.actions).toEqual([
      'GetSecretValue',
      'PutSecretValue',
      'CreateSecret',
      'PutSecretValue',
      'GetSecretValue',
    ])
    expect([...fake.secrets.keys()]).toEqual([secretName])
  })

  it.each(['x', '{}', '{"certificate":"c","key":"","ca":"a"}'])(
    'is refused where it is %s, which is not quoted',
    async (value) => {
      fake.secrets.set(secretName, value)
      const keeper = keptInSecret(secretsClient(environment()), secretName)
      await expect(keeper.read()).rejects.toThrow(
        `the secret ${secretName} is not {"certificate":"…","key":"…","ca":"…"}`,
      )
    },
  )

  it('is that of each cloud, by the setting', async () => {
    const settings = parseConfiguration({ BRIDGEKEEPER_AGENT_SECRET: 'bridgekeeper/agent', BRIDGEKEEPER_CLOUD: 'eu' })
    await agentCertificateOf(settings, environment(), world.waiting.now).keeper.write(first)
    expect([...fake.secrets.keys()]).toEqual(['bridgekeeper/agent/eu'])
  })
})

describe('the certificate in force', () => {
  it('is held for a while, and read anew when it has ended or somebody asks', async () => {
    const keeper = keptInMemory(first)
    const { now } = world.clock
    const kept = certificateKept(keeper, 300_000, world.waiting.now)
    expect(await kept.current()).toEqual(first)
    keeper.kept = second
    expect(await kept.current()).toEqual(first)
    world.clock.now = now + 300_000
    expect(await kept.current()).toEqual(second)
    keeper.kept = first
    expect(await kept.anew()).toEqual(first)
    const longer = certificateKept(keptInMemory(first), 365 * day, world.waiting.now)
    await longer.current()
    world.clock.now = now
  })

  it('is read anew once it has ended, however long it may be held', async () => {
    const keeper = keptInMemory(first)
    const { now } = world.clock
    const kept = certificateKept(keeper, 365 * day, world.waiting.now)
    await kept.current()
    keeper.kept = second
    world.clock.now = now + 11 * day
    expect(await kept.current()).toEqual(second)
    world.clock.now = now
  })

  it.each([
    ['there is none', undefined, /there is none yet; it is kept in memory\).*certificate issue/],
    [
      'its key is another one’s',
      () => ({ ...first, key: second.key.replace(/A/, 'B') }),
      /the key is (not that of the certificate|no unencrypted)/,
    ],
  ])('is an error of the configuration where %s', async (_says, credentials, says) => {
    await expect(certificateKept(keptInMemory(credentials?.()), 0, world.waiting.now).current()).rejects.toThrow(says)
  })

  it.each([
    [{ BRIDGEKEEPER_AGENT_CERT_FILE: 'a' }, /BRIDGEKEEPER_AGENT_KEY_FILE and BRIDGEKEEPER_AGENT_CA_FILE are not set/],
    [
      { BRIDGEKEEPER_AGENT_CERT_FILE: 'a', BRIDGEKEEPER_AGENT_KEY_FILE: 'a', BRIDGEKEEPER_AGENT_CA_FILE: 'c' },
      /name one file twice/,
    ],
    [
      {
        BRIDGEKEEPER_AGENT_CERT_FILE: 'a',
        BRIDGEKEEPER_AGENT_KEY_FILE: 'b',
        BRIDGEKEEPER_AGENT_CA_FILE: 'c',
        BRIDGEKEEPER_AGENT_SECRET: 's',
      },
      /are both set/,
    ],
  ])('has one place: %o is refused', (given, says) => {
    expect(() => agentCertificateOf(parseConfiguration(given), {}, Date.now)).toThrow(says)
  })
})
