/**
 * `serverless invoke local` for every function: on a clean clone with nothing around, and on a DynamoDB, an SQS, a Secrets Manager, a
 * CloudStack and KVM hosts that its environment names, where each function gets the messages that the one before it sent.
 */
import { createHmac } from 'node:crypto'
import { appendFile, cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { deploymentOf } from '../../infra/local/cloud/deployment.ts'
import { type Parts, startParts } from '../../infra/local/cloud/parts.ts'
import { readServerless } from '../../infra/local/cloud/serverlessFile.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { type DemoHosts, startHosts } from '../../infra/local/demo/hosts.ts'
import { type FakeSecretsManager, startFakeSecretsManager } from '../runtime/fakeSecretsManager.ts'
import { circumstances, cloned, type Run, serverless } from './clone.ts'

const root = join(import.meta.dirname, '../..')
const deployment = deploymentOf(readServerless(root, 'dev'))
const functions = deployment.functions.map(({ name }) => name)

let clone = ''
beforeAll(async () => {
  clone = await cloned()
})
afterAll(() => rm(clone, { recursive: true, force: true }))

/** What it returned: behind its log, whose entries have a line each. */
async function invoked(name: string, event?: unknown, run?: Run): Promise<unknown> {
  const data = event === undefined ? [] : ['--data', JSON.stringify(event)]
  const printed = await serverless(clone, ['invoke', 'local', '--function', name, ...data], run)
  const lines = printed.split('\n')
  return JSON.parse(lines.slice(lines.findIndex((line) => /^[{[]$/.test(line))).join('\n'))
}

describe(`on a clean clone ${circumstances}`, () => {
  const results: Readonly<Record<string, object>> = {
    snapshot: { tick: 1, hosts: 2, edges: 2, zonesDue: 1 },
    diff: { jobs: 0 },
    backfill: { hosts: [{ wanted: 2 }, { wanted: 2 }] },
    housekeeping: { complete: true },
    webhook: { statusCode: 401 },
    status: { statusCode: 200 },
  }
  const ofProvisioner = { host: 'host-1', acknowledged: 'the host has no record that this version reads' }

  it.each(functions)('%s runs on an event of its own', async (name) => {
    expect(await invoked(name)).toMatchObject(results[name] ?? ofProvisioner)
  })

  it('what an operator sets, and what a command line does, wins over serverless.yml', async () => {
    const environment = { BRIDGEKEEPER_DRIVERS: 'KVM=kvm-shh' }
    await expect(invoked('diff', undefined, { environment })).rejects.toMatchObject({
      stdout: expect.stringContaining('names the driver "kvm-shh", which does not exist'),
    })
    const command = ['invoke', 'local', '--function', 'diff', '--param=drivers=KVM=kvm-ssj']
    await expect(serverless(clone, command)).rejects.toMatchObject({
      stdout: expect.stringContaining('names the driver "kvm-ssj", which does not exist'),
    })
  })

  it('a bundle that cannot be made ends it', async () => {
    const file = join(clone, 'functions/webhook/handler.ts')
    await appendFile(file, 'const')
    await expect(invoked('snapshot')).rejects.toMatchObject({ stderr: expect.stringContaining('functions/webhook') })
    await cp(join(root, 'functions/webhook/handler.ts'), file)
  })

  it('a function that does not exist is told by Serverless', async () => {
    await expect(invoked('snapshop')).rejects.toMatchObject({ stdout: expect.stringContaining('snapshop') })
  })
})

describe('on parts that the environment names', () => {
  let parts: Parts
  let secrets: FakeSecretsManager
  let cloudstack: CloudStackSimulator
  let hosts: DemoHosts
  let run: Run

  beforeAll(async () => {
    parts = await startParts(deployment, undefined)
    secrets = await startFakeSecretsManager()
    secrets.secrets.set('of/webhook/default', 'a-secret-of-the-webhook')
    hosts = await startHosts('simulated', ['kvm-1'])
    const others = ['XenServer', 'VMware', 'Other'].map((hypervisor) => ({
      name: hypervisor,
      hypervisor,
      hosts: [{ name: hypervisor.toLowerCase(), address: '127.0.0.1' }],
    }))
    cloudstack = await startCloudStackSimulator({
      seed: seedCloud([
        {
          name: 'zone-1',
          physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1', XenServer: 'guest', VMware: 'vSwitch0' } }],
          clusters: [{ name: 'KVM', hosts: hosts.hosts.map(({ name, address }) => ({ name, address })) }, ...others],
          networks: [{ name: 'network-100', uri: 'vlan://100' }],
        },
      ]),
    })
    const environment = {
      AWS_REGION: parts.addresses.region,
      AWS_ENDPOINT_URL_DYNAMODB: parts.addresses.dynamoDb,
      AWS_ENDPOINT_URL_SQS: parts.addresses.sqs,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.endpoint,
      AWS_ACCESS_KEY_ID: parts.addresses.key.accessKeyId,
      AWS_SECRET_ACCESS_KEY: parts.addresses.key.secretAccessKey,
      CLOUDSTACK_API_URL: cloudstack.url,
      CLOUDSTACK_API_KEY: cloudstack.apiKey,
      CLOUDSTACK_SECRET_KEY: cloudstack.secretKey,
      BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh,XenServer=xenserver,VMware=vmware,Other=cloudstack',
      BRIDGEKEEPER_WEBHOOK_SECRET: 'of/webhook',
      ...hosts.settings,
    }
    run = { onThisMachine: true, environment }
  })
  afterAll(async () => {
    await cloudstack?.stop()
    await hosts?.stop()
    await secrets?.stop()
    await parts?.stop()
  })

  /** The next message of a function's queue, as Lambda brings it. */
  async function next(name: string): Promise<unknown> {
    const QueueUrl = parts.queues.get(`${name.charAt(0).toUpperCase()}${name.slice(1)}Queue`)?.url
    const { Messages = [] } = await parts.sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }))
    const [message] = Messages
    if (message === undefined) throw new Error(`nothing waits for ${name}`)
    await parts.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }))
    const { MessageId: messageId, Body: body } = message
    return { Records: [{ messageId, body, attributes: { ApproximateReceiveCount: '1' } }] }
  }

  it('a tick leads to a job for each host, and each provisioner to what its host answers', async () => {
    expect(await invoked('snapshot', {}, run)).toMatchObject({ hosts: 4, edges: 4, zonesDue: 1 })
    expect(await invoked('diff', await next('diff'), run)).toEqual({ jobs: 4 })
    const links = (await hosts.hosts[0]?.witness([{ bridge: 'breth1-100', device: 'eth1.100', id: 100 }])) ?? []
    expect(links).toHaveLength(0)
    const outcome = z.looseObject({ host: z.string() })
    const ends = new Map<string, unknown>()
    for (const name of functions.filter((each) => each.startsWith('provision')))
      ends.set(name, outcome.parse(await invoked(name, await next(name), run)))
    expect(Object.fromEntries(ends)).toMatchInlineSnapshot(`
      {
        "provisionCloudstack": {
          "created": 0,
          "devices": 0,
          "host": "4211ff2e-bcc6-4c9b-8879-9e90217066f7",
          "verdict": "Unknown",
        },
        "provisionKvm": {
          "created": 2,
          "devices": 2,
          "host": "7a00ea9f-b232-49f1-892f-0f82862de56d",
          "verdict": "InSync",
        },
        "provisionVmware": {
          "detail": "BRIDGEKEEPER_VCENTER_CREDENTIALS_FILE is not set: name the file of who logs in to vCenter (docs/vmware.md).",
          "failed": "Misconfigured",
          "host": "1b78f3a5-1e89-4ac3-8313-73c037556c58",
        },
        "provisionXenserver": {
          "detail": "BRIDGEKEEPER_XAPI_CREDENTIALS_FILE is not set: name the file of who logs in to XenServer pools (docs/xenserver.md).",
          "failed": "Misconfigured",
          "host": "489ec753-9ef3-4233-819b-0418077a6f7c",
        },
      }
    `)
  }, 90_000)

  it('webhook, backfill and housekeeping do their work', async () => {
    const body = JSON.stringify({ event: 'NETWORK.CREATE', status: 'Completed' })
    const signature = createHmac('sha256', 'a-secret-of-the-webhook').update(body).digest('base64')
    const request = { requestContext: { http: { method: 'POST' } }, headers: { 'x-cs-signature': signature }, body }
    expect(await invoked('webhook', request, run)).toMatchObject({ statusCode: 200 })
    expect(await next('snapshot')).toMatchObject({ Records: [{ body: expect.stringContaining('webhook') }] })
    expect(await invoked('backfill', { host: 'kvm-1' }, run)).toMatchObject({ hosts: [{ name: 'kvm-1' }] })
    expect(await next('snapshot')).toMatchObject({ Records: [{ body: expect.stringContaining('backfill') }] })
    expect(await invoked('housekeeping', {}, run)).toMatchObject({ complete: true })
  }, 60_000)
})
