/**
 * Each function's role is what the function does, and nothing more: every handler is run against DynamoDB, SQS and Secrets Manager on this
 * machine, through what it does in its life, and each call is held against infra/aws/roles.yml.
 */
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { issue } from '../../shared/certificate/issue.ts'
import { createCloudStack } from '../../shared/cloudstack/client.ts'
import type { Create } from '../../shared/runtime/lambda.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { type RecordedAws, startRecordedAws } from './recordedAws.ts'
import { differences, rolesFile, type Statement, statementsOf } from './role.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string): unknown => parse(readFileSync(join(root, file), 'utf8'), { merge: true })
const roles = statementsOf(rolesFile.parse(read('infra/aws/roles.yml')))
const serverless = z
  .object({
    params: z.object({ default: z.record(z.string(), z.unknown()) }),
    functions: z.record(z.string(), z.unknown()),
  })
  .parse(read('serverless.yml'))
const parameters = Object.fromEntries(
  Object.entries(serverless.params.default).map(([name, value]) => [name, String(value)]),
)
const functions = Object.keys(serverless.functions)

const day = 24 * 60 * 60_000
const hypervisors = ['KVM', 'XenServer', 'VMware', 'Other']
const zone = {
  name: 'zone-1',
  physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1', XenServer: 'guest', VMware: 'vSwitch0' } }],
  clusters: hypervisors.map((hypervisor) => ({
    name: hypervisor,
    hypervisor,
    // Nobody listens there: what a function does with AWS is the same for a run that fails.
    hosts: [1, 2].map((n) => ({ name: `${hypervisor}-${n}`.toLowerCase(), address: '127.0.0.1' })),
  })),
  networks: [100, 101, 102].map((id) => ({ name: `n${id}`, uri: `vlan://${id}` })),
}

let aws: RecordedAws
let simulator: CloudStackSimulator
let clock: number
const context = { getRemainingTimeInMillis: () => 20_000 } as Parameters<ReturnType<Create>>[1]
const handlers = new Map<string, (event: unknown) => Promise<unknown>>()

beforeAll(async () => {
  clock = Date.now()
  const now = (): number => clock
  const sleep = async (milliseconds: number): Promise<void> => {
    clock += milliseconds
  }
  aws = await startRecordedAws()
  simulator = await startCloudStackSimulator({ seed: seedCloud([zone]), now })
  const { url, apiKey, secretKey } = simulator
  for (const name of functions) {
    const { create }: { create: Create } = await import(join(root, 'functions', name, 'handler.ts'))
    const environment = {
      ...(await aws.environment(name)),
      CLOUDSTACK_API_URL: url,
      CLOUDSTACK_API_KEY: apiKey,
      CLOUDSTACK_SECRET_KEY: secretKey,
      BRIDGEKEEPER_DRIVERS: 'KVM=kvm-agent,XenServer=xenserver,VMware=vmware,Other=cloudstack',
      BRIDGEKEEPER_AGENT_SECRET: parameters.agentSecret ?? '',
      BRIDGEKEEPER_WEBHOOK_SECRET: parameters.webhookSecret ?? '',
      BRIDGEKEEPER_XAPI_SECRET: parameters.xapiSecret ?? '',
      BRIDGEKEEPER_VCENTER_SECRET: parameters.vcenterSecret ?? '',
      BRIDGEKEEPER_AGENT_PORT: '1',
      BRIDGEKEEPER_LIST_SECONDS: '1',
    }
    const handler = create(environment, { logger: silent, now, sleep })
    handlers.set(name, (event) => handler(event, context))
  }
  const login = { username: 'u', password: 'p' }
  aws.secrets.set(`${parameters.xapiSecret}/default`, JSON.stringify({ default: login }))
  aws.secrets.set(
    `${parameters.vcenterSecret}/default`,
    JSON.stringify({ default: { ...login, url: 'https://127.0.0.1:1', datacenter: 'DC0' } }),
  )
  aws.secrets.set(`${parameters.webhookSecret}/default`, 'a-secret-of-the-webhook')
  clock -= 61 * day
  const client = createCloudStack({ url, apiKey, secretKey, now })
  const certificate = await issue(client, undefined, { commonName: 'bk', days: 90 }, { now, sleep: async () => {} })
  aws.secrets.set(`${parameters.agentSecret}/default`, JSON.stringify(certificate))
  clock += 61 * day
  await life()
}, 60_000)
afterAll(async () => {
  await aws?.stop()
  await simulator?.stop()
})

const invoke = async (name: string, event: unknown): Promise<unknown> => {
  const handler = handlers.get(name)
  if (handler === undefined) throw new Error(`there is no function ${name}`)
  return handler(event)
}

/** Whatever waits in the queues, until nothing does. */
async function drain(): Promise<void> {
  const queued = functions.filter((name) => !['backfill', 'webhook', 'housekeeping'].includes(name))
  for (let round = 0; round < 40; round += 1) {
    let some = false
    for (const name of queued)
      for (let event = await aws.next(name); event !== undefined; event = await aws.next(name)) {
        some = true
        await invoke(name, withMore(event))
      }
    if (!some) return
  }
  throw new Error('the queues are not empty after forty rounds')
}

/** Each job as the last one of a wave that the rollout share cut short: whoever ends it asks for the next wave. */
function withMore(event: unknown): unknown {
  const { Records } = z.object({ Records: z.tuple([z.looseObject({ body: z.string() })]) }).parse(event)
  const job = JSON.parse(Records[0].body)
  const isFirst = 'host' in job && !asked.has(job.host)
  if (isFirst) asked.add(job.host)
  return isFirst ? { Records: [{ ...Records[0], body: JSON.stringify({ ...job, more: true }) }] } : event
}
const asked = new Set<string>()

/** Everything that a deployment goes through. */
async function life(): Promise<void> {
  const tick = async (after: number): Promise<void> => {
    clock += after
    await invoke('snapshot', {})
    await drain()
  }
  await tick(0)
  await invoke('backfill', {})
  await drain()
  const body = JSON.stringify({ event: 'NETWORK.CREATE', status: 'Completed' })
  const signature = createHmac('sha256', 'a-secret-of-the-webhook').update(body).digest('base64')
  await invoke('webhook', {
    requestContext: { http: { method: 'POST' } },
    headers: { 'x-cs-signature': signature },
    body,
  })
  await drain()
  // A network goes, which leaves a tombstone, and comes back, which takes it away.
  await simulator.cloud.deleteNetwork('n102')
  for (const seconds of [2, 2, 2]) await tick(seconds * 1000)
  await simulator.cloud.createNetwork({ name: 'n102', zone: 'zone-1', vlan: '102', offering: 'l2-persistent-vlan' })
  for (const seconds of [2, 2]) await tick(seconds * 1000)
  // The certificate is due; and what was written expires.
  await invoke('housekeeping', {})
  clock += 61 * day
  await invoke('housekeeping', {})
}

describe.each(functions)('the role of %s', (name) => {
  const statements = (): readonly Statement[] => roles.get(name) ?? []

  it('allows what it does, and nothing that it does not do', () => {
    expect(aws.calls(name).length).toBeGreaterThan(0)
    expect(differences(statements(), aws.calls(name), parameters)).toEqual({ missing: [], excess: [] })
  })

  it('is caught with each action taken away, and with each one added', () => {
    const own = statements().filter(({ Action }) => !/^(logs|sqs:(Receive|Delete|Get))/.test(Action[0] ?? ''))
    for (const statement of own)
      for (const action of statement.Action) {
        const without = own.map((one) =>
          one === statement ? { ...one, Action: one.Action.filter((each) => each !== action) } : one,
        )
        expect(differences(without, aws.calls(name), parameters).missing.join()).toContain(action)
      }
    for (const action of ['dynamodb:Scan', 'dynamodb:DeleteTable', 'sqs:PurgeQueue', 'secretsmanager:DeleteSecret']) {
      const more = [...own, { Effect: 'Allow' as const, Action: [action], Resource: ['Table'] }]
      expect(differences(more, aws.calls(name), parameters).excess).toEqual([`${action} Table`])
    }
  })

  it('is caught with another resource', () => {
    const elsewhere = statements().map((one) => ({ ...one, Resource: ['SomebodysTable'] }))
    expect(differences(elsewhere, aws.calls(name), parameters).missing).not.toEqual([])
  })
})

it('there is a role for each function, and none beside', () => {
  expect([...roles.keys()].sort()).toEqual([...functions].sort())
})
