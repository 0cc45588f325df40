/** The private key for SSH hosts, kept in AWS Secrets Manager, one for each cloud, as the functions on AWS have no files. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { newKeyPair } from '../../infra/local/hostSimulator/keyPair.ts'
import { secretsOf } from '../../shared/runtime/awsSecret.ts'
import { ConfigurationError, parseConfiguration } from '../../shared/runtime/configuration.ts'
import { sshKeyOf } from '../../shared/runtime/sshKey.ts'
import { type FakeSecretsManager, startFakeSecretsManager } from './fakeSecretsManager.ts'

let fake: FakeSecretsManager
beforeEach(async () => {
  fake = await startFakeSecretsManager()
})
afterEach(() => fake.stop())

function read(more: Readonly<Record<string, string>>): Promise<string> {
  const environment = {
    ...{ AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
    AWS_ENDPOINT_URL_SECRETS_MANAGER: fake.endpoint,
    BRIDGEKEEPER_CLOUD: 'eu',
    ...more,
  }
  return sshKeyOf(parseConfiguration(environment), secretsOf(environment), () => 0)
}

it('the key is the text of the secret of its cloud', async () => {
  const { privateKey } = newKeyPair()
  fake.secrets.set('bridgekeeper/ssh/eu', privateKey)
  expect(await read({ BRIDGEKEEPER_SSH_SECRET: 'bridgekeeper/ssh' })).toBe(privateKey)
})

it('what is no private key is told without showing it', async () => {
  fake.secrets.set('bridgekeeper/ssh/eu', 'hunter2')
  const error: unknown = await read({ BRIDGEKEEPER_SSH_SECRET: 'bridgekeeper/ssh' }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ConfigurationError)
  expect(String(error)).toMatch(
    /BRIDGEKEEPER_SSH_SECRET="bridgekeeper\/ssh": the secret bridgekeeper\/ssh\/eu of AWS Secrets Manager: the SSH private key cannot be used: .*docs\/kvm\.md/,
  )
  expect(String(error)).not.toContain('hunter2')
})

it.each([
  ['neither', {}, /^BRIDGEKEEPER_SSH_KEY_FILE is not set: name the file of the private key/],
  [
    'both',
    { BRIDGEKEEPER_SSH_SECRET: 'b', BRIDGEKEEPER_SSH_KEY_FILE: 'f' },
    /^BRIDGEKEEPER_SSH_KEY_FILE and BRIDGEKEEPER_SSH_SECRET are both set/,
  ],
])('%s of the settings is refused', async (_which, settings, words) => {
  await expect(read(settings)).rejects.toThrow(words)
})
