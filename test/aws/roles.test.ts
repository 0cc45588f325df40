/**
 * Each function's role is what the function does, and nothing more: every handler is run against DynamoDB, SQS and Secrets Manager on this
 * machine, through what it does in its life, and each call is held against infra/aws/roles.yml; so is what Lambda does with the role. Every
 * mistake that a role could have is then planted in every role.
 */
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { networkInterfaceActions, networkInterfaceStatements } from '../../infra/aws/vpc.ts'
import { deploymentOf } from '../../infra/local/cloud/deployment.ts'
import { readServerless } from '../../infra/local/cloud/serverlessFile.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { newKeyPair } from '../../infra/local/hostSimulator/keyPair.ts'
import { issue } from '../../shared/certificate/issue.ts'
import { createCloudStack } from '../../shared/cloudstack/client.ts'
import type { Create } from '../../shared/runtime/lambda.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { type RecordedAws, startRecordedAws } from './recordedAws.ts'
import {
  type Call,
  callsOfLambda,
  callsOfLambdaInVpc,
  differences,
  type Named,
  rolesFile,
  type Statement,
  statementsOf,
  statementsShape,
  text,
  unbounded,
} from './role.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string): unknown => parse(readFileSync(join(root, file), 'utf8'), { merge: true })
const roles = statementsOf(rolesFile.parse(read('infra/aws/roles.yml')))
const serverless = z
  .object({ params: z.object({ default: z.record(z.string(), z.unknown()) }) })
  .parse(read('serverless.yml'))
const parameters = Object.fromEntries(
  Object.entries(serverless.params.default).map(([name, value]) => [name, String(value)]),
)
const deployment = deploymentOf(readServerless(root, 'test'))
const functions = deployment.functions.map(({ name }) => name)

const day = 24 * 60 * 60_000
const hypervisors = ['KVM', 'LXC', 'XenServer', 'VMware', 'Other']
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
      BRIDGEKEEPER_CLOUDSTACK_SECRET: parameters.cloudstackSecret ?? '',
      BRIDGEKEEPER_DRIVERS: 'KVM=kvm-agent,LXC=kvm-ssh,XenServer=xenserver,VMware=vmware,Other=cloudstack',
      BRIDGEKEEPER_AGENT_SECRET: parameters.agentSecret ?? '',
      BRIDGEKEEPER_WEBHOOK_SECRET: parameters.webhookSecret ?? '',
      BRIDGEKEEPER_XAPI_SECRET: parameters.xapiSecret ?? '',
      BRIDGEKEEPER_VCENTER_SECRET: parameters.vcenterSecret ?? '',
      BRIDGEKEEPER_SSH_SECRET: parameters.sshSecret ?? '',
      BRIDGEKEEPER_AGENT_PORT: '1',
      BRIDGEKEEPER_SSH_PORT: '1',
      BRIDGEKEEPER_LIST_SECONDS: '1',
    }
    const handler = create(environment, { logger: silent, now, sleep })
    handlers.set(name, (event) => handler(event, context))
  }
  aws.secrets.set(`${parameters.cloudstackSecret}/default`, JSON.stringify({ url, apiKey, secretKey }))
  aws.secrets.set(`${parameters.sshSecret}/default`, newKeyPair().privateKey)
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
  const queued = functions.filter((name) => !['backfill', 'webhook', 'status', 'housekeeping'].includes(name))
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
  await invoke('status', { rawPath: '/', requestContext: { http: { method: 'GET' } }, headers: {} })
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

const named: Named = { ...deployment, stage: 'test', parameters }

/** What a function did, and what Lambda does for it. */
function doneBy(name: string): readonly Call[] {
  const deployed = deployment.functions.find((each) => each.name === name)
  if (deployed === undefined) throw new Error(`there is no function ${name}`)
  const all = [...aws.calls(name), ...callsOfLambda(deployed, named)]
  return [...new Map(all.map((call) => [text(call), call])).values()]
}

/** Of every role: what one could be given by mistake. */
const everyAction = [
  ...new Set([...roles.values()].flat().flatMap(({ Action }) => Action)),
  ...['dynamodb:Scan', 'dynamodb:DeleteTable', 'sqs:PurgeQueue', 'secretsmanager:DeleteSecret', 'iam:PassRole'],
]
const everyResource = [...new Set([...roles.values()].flat().flatMap(({ Resource }) => Resource))]

const allow = (action: string, ...Resource: string[]): Statement => ({ Effect: 'Allow', Action: [action], Resource })

describe.each(functions)('the role of %s', (name) => {
  const statements = roles.get(name) ?? []
  const check = (changed: readonly Statement[]) => differences(changed, doneBy(name), named)
  const granted = statements.flatMap(({ Action, Resource }) =>
    Action.flatMap((action) => Resource.map((one) => ({ action, resource: one }))),
  )
  /** All but one action on one resource. */
  const without = (left: Call) =>
    granted.filter((each) => each !== left).map(({ action, resource }) => allow(action, resource))

  it('allows what it does, and nothing that it does not do', () => {
    expect(aws.calls(name).length).toBeGreaterThan(0)
    expect(check(statements)).toEqual({ missing: [], excess: [] })
    expect(unbounded(statements)).toEqual([])
  })

  it.each(granted.map((each) => [text(each), each] as const))('is caught without %s', (_told, each) => {
    const { missing, excess } = check(without(each))
    expect(missing.length).toBeGreaterThan(0)
    expect(missing.every((one) => one.startsWith(`${each.action} `))).toBe(true)
    expect(excess).toEqual([])
  })

  it('is caught with any other action on anything that a role is for', () => {
    const has = new Set(granted.map(text))
    const others = everyAction.flatMap((action) => everyResource.map((resource) => ({ action, resource })))
    const planted = others.filter((each) => !has.has(text(each)))
    expect(planted.length).toBeGreaterThan(100)
    for (const { action, resource } of planted)
      expect(check([...statements, allow(action, resource)])).toEqual({
        missing: [],
        excess: [`${action} ${resource}`],
      })
  })

  it('is caught with each of its actions on another resource instead', () => {
    const has = new Set(granted.map(text))
    for (const each of granted)
      for (const resource of [...everyResource, 'SomebodysTable'].filter((one) => !has.has(`${each.action} ${one}`))) {
        const { missing, excess } = check([...without(each), allow(each.action, resource)])
        expect(missing.length).toBeGreaterThan(0)
        expect(excess).toEqual([`${each.action} ${resource}`])
      }
  })

  it('is caught with each of its actions on everything', () => {
    for (const { action, resource } of granted)
      for (const wide of ['*', `${resource}*`, 'arn:aws:dynamodb:*:*:table/bridgekeeper-*'])
        expect(unbounded([...statements, allow(action, wide)])).toEqual([`${action} ${wide}`])
  })

  it('allows in a VPC what Lambda needs for it, on everything, since there is nothing to name', () => {
    const attached = [...statements, ...statementsShape.parse(networkInterfaceStatements)]
    const done = [...doneBy(name), ...callsOfLambdaInVpc]
    expect(differences(attached, done, named)).toEqual({ missing: [], excess: [] })
    expect(unbounded(attached)).toEqual([])
    expect(differences(attached, doneBy(name), named).excess).toHaveLength(networkInterfaceActions.length)
    expect(differences(statements, done, named).missing).toHaveLength(networkInterfaceActions.length)
  })
})

it('there is a role for each function, and none beside', () => {
  expect([...roles.keys()].sort()).toEqual([...functions].sort())
})
