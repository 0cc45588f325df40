/** Who logs in to XenServer pools and vCenters, kept in AWS Secrets Manager: one secret for each cloud, read once a minute. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { secretsOf } from '../../shared/runtime/awsSecret.ts'
import { ConfigurationError, parseConfiguration } from '../../shared/runtime/configuration.ts'
import { vcenterCredentials } from '../../shared/runtime/vmwareDriver.ts'
import { xapiCredentials } from '../../shared/runtime/xenserverDriver.ts'
import { type FakeSecretsManager, startFakeSecretsManager } from './fakeSecretsManager.ts'

let fake: FakeSecretsManager
let clock: number
beforeEach(async () => {
  fake = await startFakeSecretsManager()
  clock = 1_000_000
})
afterEach(() => fake.stop())

const environment = (more: Readonly<Record<string, string>> = {}) => ({
  ...{ AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
  AWS_ENDPOINT_URL_SECRETS_MANAGER: fake.endpoint,
  BRIDGEKEEPER_CLOUD: 'eu',
  ...more,
})
const xen = JSON.stringify({ default: { username: 'root', password: 'hunter2' } })
const vmware = JSON.stringify({
  clusters: { c1: { url: 'https://vc.example.org', datacenter: 'DC0', username: 'u', password: 'hunter2' } },
})

const reader = (more: Readonly<Record<string, string>>) => {
  const given = environment(more)
  const [settings, secret] = [parseConfiguration(given), secretsOf(given)]
  const now = (): number => clock
  return { xen: () => xapiCredentials(settings, secret, now), vmware: () => vcenterCredentials(settings, secret, now) }
}

describe('credentials in a secret', () => {
  it('are those of the cloud, for either driver, as a file holds them', async () => {
    fake.secrets.set('bridgekeeper/xapi/eu', xen)
    fake.secrets.set('bridgekeeper/vcenter/eu', vmware)
    const read = reader({
      BRIDGEKEEPER_XAPI_SECRET: 'bridgekeeper/xapi',
      BRIDGEKEEPER_VCENTER_SECRET: 'bridgekeeper/vcenter',
    })
    expect((await read.xen()).default).toEqual({ username: 'root', password: 'hunter2' })
    expect((await read.vmware()).clusters.c1?.datacenter).toBe('DC0')
  })

  it('are read once a minute, whatever many runs ask at once, and are new after it', async () => {
    fake.secrets.set('bridgekeeper/xapi/eu', xen)
    const read = reader({ BRIDGEKEEPER_XAPI_SECRET: 'bridgekeeper/xapi' })
    await Promise.all(Array.from({ length: 50 }, () => read.xen()))
    fake.secrets.set('bridgekeeper/xapi/eu', xen.replace('hunter2', 'another'))
    clock += 59_999
    expect((await read.xen()).default?.password).toBe('hunter2')
    expect(fake.actions).toEqual(['GetSecretValue'])
    clock += 1
    expect((await read.xen()).default?.password).toBe('another')
  })

  it.each<readonly [string, string | undefined, RegExp]>([
    [
      'that is not there',
      undefined,
      /^BRIDGEKEEPER_XAPI_SECRET="b\/x": the secret b\/x\/eu of AWS Secrets Manager does not exist/,
    ],
    ['that is no JSON', 'hunter2', /: it is not JSON: write it as docs\/xenserver\.md shows\.$/],
    ['without a password', '{"default":{"username":"root"}}', /: default\.password: /],
  ])('%s are a mistake of the configuration, and nothing of them is shown', async (_what, text, words) => {
    if (text !== undefined) fake.secrets.set('b/x/eu', text)
    const error: unknown = await reader({ BRIDGEKEEPER_XAPI_SECRET: 'b/x' })
      .xen()
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(error).toHaveProperty('message', expect.stringMatching(words))
    expect(String(error)).not.toContain('hunter2')
  })

  it('and in a file too are refused', async () => {
    const both = { BRIDGEKEEPER_XAPI_SECRET: 'b/x', BRIDGEKEEPER_XAPI_CREDENTIALS_FILE: '/x' }
    await expect(reader(both).xen()).rejects.toThrow(
      'BRIDGEKEEPER_XAPI_CREDENTIALS_FILE and BRIDGEKEEPER_XAPI_SECRET are both set: keep them in one place.',
    )
  })

  it('that AWS refuses are a mistake of the configuration, which names the setting and what AWS said', async () => {
    fake.refuse('AccessDeniedException')
    const error: unknown = await reader({ BRIDGEKEEPER_XAPI_SECRET: 'b/x' })
      .xen()
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(error).toHaveProperty(
      'message',
      'BRIDGEKEEPER_XAPI_SECRET="b/x": the secret b/x/eu of AWS Secrets Manager was refused (AccessDeniedException: GetSecretValue on b/x/eu: no).',
    )
  })

  it('are no mistake of the configuration where AWS only has no time for them', async () => {
    fake.refuse('ThrottlingException')
    const error: unknown = await reader({ BRIDGEKEEPER_XAPI_SECRET: 'b/x' })
      .xen()
      .catch((thrown: unknown) => thrown)
    expect(error).not.toBeInstanceOf(ConfigurationError)
    expect(error).toHaveProperty('name', 'ThrottlingException')
  })

  it('are asked for again by the next run where AWS did not answer', async () => {
    const read = reader({ BRIDGEKEEPER_XAPI_SECRET: 'b/x' })
    await fake.stop()
    await expect(read.xen()).rejects.toThrow()
    fake = await startFakeSecretsManager()
    await expect(read.xen()).rejects.toThrow(/ECONNREFUSED|connect/)
  })
})
