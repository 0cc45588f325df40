/** The commands that speak to CloudStack and no deployment, with the settings of a stage on AWS. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { settingsOfStage } from '../../infra/cli/stage.ts'
import type { CloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { runInProcess } from '../rights/inProcess.ts'
import { startScene } from '../rights/scene.ts'
import { type FakeSecretsManager, startFakeSecretsManager } from '../runtime/fakeSecretsManager.ts'

let simulator: CloudStackSimulator
let aws: FakeSecretsManager
beforeEach(async () => {
  simulator = await startScene({ version: '4.20.0.0' })
  aws = await startFakeSecretsManager()
})
afterEach(async () => {
  await simulator.stop()
  await aws.stop()
})

const onStage = (...args: readonly string[]) =>
  runInProcess([...args, '--stage', 'prod', '--region', 'eu-central-1'], {
    CLOUDSTACK_API_URL: simulator.url,
    CLOUDSTACK_API_KEY: simulator.apiKey,
    CLOUDSTACK_SECRET_KEY: simulator.secretKey,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.endpoint,
    AWS_ACCESS_KEY_ID: 'id',
    AWS_SECRET_ACCESS_KEY: 'key',
  })

describe('with --stage', () => {
  it('certificate keeps it in the secret that the functions of the stage read', async () => {
    const place = 'the secret bridgekeeper/agent/default of AWS Secrets Manager'
    expect(await onStage('certificate', 'status')).toMatchObject({ code: 2, stdout: `none is kept in ${place}.\n` })
    expect(await onStage('certificate', 'issue', '--days', '90')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`kept in      ${place}`),
    })
    expect([...aws.secrets.keys()]).toEqual(['bridgekeeper/agent/default'])
    expect(await onStage('certificate', 'renew')).toMatchObject({ code: 0 })
    expect(await onStage('certificate', 'status')).toMatchObject({ code: 0 })
  })

  it('webhook signs with the secret that the function of the stage reads', async () => {
    expect(await onStage('webhook', 'install', '--url', 'https://hook.example.org/')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('kept in the secret bridgekeeper/webhook/default of AWS Secrets Manager'),
    })
    expect([...aws.secrets.keys()]).toEqual(['bridgekeeper/webhook/default'])
    expect(await onStage('webhook', 'status')).toMatchObject({ code: 0 })
    expect(await onStage('webhook', 'remove')).toMatchObject({ code: 0 })
  })

  it.each([
    ['role', 'show'],
    ['doctor', '-o', 'json'],
  ])('%s asks the CloudStack that is named', async (...args) => {
    const { stderr, stdout } = await onStage(...args)
    expect(stderr).not.toContain('is not set')
    expect(stdout).not.toBe('')
  })

  it('CloudStack’s address and keys are read from its secret, where the environment has none', async () => {
    const { url, apiKey, secretKey } = simulator
    aws.secrets.set('bridgekeeper/cloudstack/default', JSON.stringify({ url, apiKey, secretKey }))
    const environment = {
      AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.endpoint,
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: 'key',
    }
    const at = ['--stage', 'prod', '--region', 'eu-central-1']
    expect(await runInProcess(['certificate', 'issue', ...at], environment)).toMatchObject({ code: 0, stderr: '' })
    const install = ['webhook', 'install', '--url', 'https://hook.example.org/', ...at]
    expect(await runInProcess(install, environment)).toMatchObject({ code: 0, stderr: '' })
  })

  it('what AWS refuses is told with the region and the secret', async () => {
    aws.refuse('AccessDeniedException')
    const { code, stderr } = await onStage('certificate', 'status')
    expect(code).toBe(1)
    expect(stderr).toContain('AWS eu-central-1 does not allow this (GetSecretValue on bridgekeeper/agent/default: no)')
  })

  it.each([['doctor'], ['role', 'show'], ['certificate', 'status'], ['webhook', 'status']])(
    '%s takes no stage that is none, and no region alone',
    async (...args) => {
      expect(await runInProcess([...args, '--stage', 'a b'], {})).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('--stage "a b" is no stage'),
      })
      expect(await runInProcess([...args, '--region', 'eu-central-1'], {})).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('--region "eu-central-1" needs --stage'),
      })
    },
  )
})

describe('the settings of a stage', () => {
  it('are those of serverless.yml, all functions together, and nothing that only CloudFormation knows', () => {
    const settings = settingsOfStage('prod', {})
    expect(settings).toMatchObject({
      BRIDGEKEEPER_CLOUD: 'default',
      BRIDGEKEEPER_MODE: 'apply',
      BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh',
      BRIDGEKEEPER_AGENT_SECRET: 'bridgekeeper/agent',
      BRIDGEKEEPER_WEBHOOK_SECRET: 'bridgekeeper/webhook',
    })
    expect(JSON.stringify(settings)).not.toContain('resolve:')
  })

  it('are the operator’s where the operator sets them', () => {
    const set = { BRIDGEKEEPER_AGENT_SECRET: 'mine', BRIDGEKEEPER_DRIVERS: 'KVM=kvm-agent', BRIDGEKEEPER_MODE: '' }
    expect(settingsOfStage('prod', set)).toMatchObject({ ...set, BRIDGEKEEPER_MODE: 'apply' })
  })

  it.each([
    ['BRIDGEKEEPER_AGENT_SECRET', 'BRIDGEKEEPER_AGENT_CERT_FILE'],
    ['BRIDGEKEEPER_XAPI_SECRET', 'BRIDGEKEEPER_XAPI_CREDENTIALS_FILE'],
    ['BRIDGEKEEPER_SSH_SECRET', 'BRIDGEKEEPER_SSH_KEY_FILE'],
    ['BRIDGEKEEPER_CLOUDSTACK_SECRET', 'CLOUDSTACK_API_KEY'],
  ])('have no %s where the operator sets %s', (secret, instead) => {
    expect(settingsOfStage('prod', { [instead]: 'x' })).not.toHaveProperty(secret)
  })
})
