/**
 * The two policies for people are what the command line does, and nothing more: each command that takes --stage is run against DynamoDB and SQS
 * on this machine, and each call is held against infra/aws/policies.yml. An operator has both policies.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SendMessageCommand } from '@aws-sdk/client-sqs'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { main } from '../../infra/cli/main.ts'
import { outputOf } from '../../infra/cli/output.ts'
import { createProgram } from '../../infra/cli/program.ts'
import { deploymentOf } from '../../infra/local/cloud/deployment.ts'
import { readServerless } from '../../infra/local/cloud/serverlessFile.ts'
import { newKeyPair } from '../../infra/local/hostSimulator/keyPair.ts'
import { partsOf } from '../../shared/hypervisors/kvm/hostKeys.ts'
import type { Hold } from '../../shared/reconcile/holds.ts'
import { dynamoDbClient, sqsClient } from '../../shared/runtime/clients.ts'
import type { Environment } from '../../shared/runtime/configuration.ts'
import { createDynamoDbStore } from '../../shared/store/dynamodb.ts'
import { keyRefused } from '../../shared/store/hostKeyWrites.ts'
import { controlKey, holdKey, sshKeyKey } from '../../shared/store/items.ts'
import type { Store } from '../../shared/store/store.ts'
import { holdIs } from '../../shared/store/writes.ts'
import { cloud, hosts, writeCloud } from '../cli/cloud.ts'
import { type RecordedAws, startRecordedAws } from './recordedAws.ts'
import { type Call, differences, type Named, type Statement, statementsShape, text, unbounded } from './role.ts'

const root = join(import.meta.dirname, '../..')
const policy = z.strictObject({
  Type: z.literal('AWS::IAM::ManagedPolicy'),
  Properties: z.strictObject({
    ManagedPolicyName: z.unknown(),
    Description: z.string(),
    PolicyDocument: z.strictObject({ Version: z.literal('2012-10-17'), Statement: statementsShape }),
  }),
})
const { Resources } = z
  .object({ Resources: z.strictObject({ ViewerPolicy: policy, OperatorPolicy: policy }) })
  .parse(parse(readFileSync(join(root, 'infra/aws/policies.yml'), 'utf8')))
const isOfPage = ({ Action }: Statement): boolean => Action.every((action) => action.startsWith('lambda:'))
const ofViewers = Resources.ViewerPolicy.Properties.PolicyDocument.Statement
const viewer = ofViewers.filter((statement) => !isOfPage(statement))
const operator = Resources.OperatorPolicy.Properties.PolicyDocument.Statement
const named: Named = { ...deploymentOf(readServerless(root, 'test')), stage: 'test', parameters: {} }

const folder = mkdtempSync(join(tmpdir(), 'policies-'))
const file = join(folder, 'known_hosts')
const [mine, refused] = [newKeyPair().publicKey, newKeyPair().publicKey]

const cause = 'KVM/HostUnreachable'
const hold: Hold = { cause, state: 'held', since: 0, failing: 3, tried: 9, tolerated: 0, probes: 0 }

/** Each command in every way that makes it call something else, by its name. */
const looking: Readonly<Record<string, readonly (readonly string[])[]>> = {
  status: [[], ['--host', 'kvm1'], ['--networks'], ['--history'], ['-o', 'json']],
  jobs: [[], ['-o', 'json']],
  'hostkeys list': [[], ['--host', 'kvm1']],
}
const acting: Readonly<Record<string, readonly (readonly string[])[]>> = {
  pause: [[], ['--zone', 'Zürich', '--why', 'w']],
  resume: [['--zone', 'Zürich'], []],
  backfill: [[], ['--host', 'kvm1', '--wait', '--quiet', '--timeout', '1']],
  release: [[], [cause], ['hosts']],
  'hostkeys import': [[file], [file, '--replace']],
  'hostkeys accept': [['--host', 'kvm2', partsOf(refused).fingerprint]],
}

/** They read and write secrets, which have keys in them: those are for whoever deploys (test/cli/stage.test.ts), and neither policy has them. */
const ofAdministrators = [
  'doctor',
  ...['role show', 'role create'],
  ...['certificate status', 'certificate issue', 'certificate renew'],
  ...['webhook status', 'webhook install', 'webhook remove'],
]

/** It asks Lambda, by requests that it signs itself (test/cli/page.test.ts). */
const ofPage = ['page']

let aws: RecordedAws
let store: Store
/** By a command's name; what it printed where it did not end well. */
const failures: string[] = []

beforeAll(async () => {
  aws = await startRecordedAws()
  const setup = await aws.environment('setup')
  store = createDynamoDbStore({ table: 'bridgekeeper-test', client: dynamoDbClient(setup) })
  await writeCloud(store, Date.now())
  writeFileSync(file, `kvm1 ${mine}\n`)
  const sqs = sqsClient(setup)
  for (const name of named.queues.map((each) => each.name).filter((name) => name.endsWith('-dead.fifo')))
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: `${setup.BRIDGEKEEPER_QUEUE_SNAPSHOT}`.replace(/[^/]+$/, name),
        ...{ MessageBody: 'no job', MessageGroupId: 'g', MessageDeduplicationId: 'd' },
      }),
    )
  sqs.destroy()
  for (const [name, ways] of Object.entries({ ...looking, ...acting })) await runAll(name, ways)
}, 60_000)
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await aws?.stop()
})

async function runAll(name: string, ways: readonly (readonly string[])[]): Promise<void> {
  const given = await aws.environment(name)
  const environment: Environment = Object.fromEntries(
    Object.entries(given).filter(([variable]) => variable.startsWith('AWS_')),
  )
  for (const way of ways) {
    // What there is to release and to accept is there again for each of them.
    await store.delete(holdKey(cloud, hosts.kvm1.zone, cause))
    await store.update(holdIs(cloud, hosts.kvm1.zone, hold, undefined))
    const refusal = { digest: 'd', absentees: 8, known: 9, since: Date.now(), times: 2 }
    await store.update({ key: controlKey(cloud), set: { refusals: { hosts: refusal } } })
    await store.update(keyRefused(sshKeyKey(cloud, 'zone-1', 'host-2'), refused, Date.now()))
    const [printed, errors]: [string[], string[]] = [[], []]
    const code = await main([...name.split(' '), '--stage', 'test', ...way], {
      environment,
      output: { ...outputOf(process.stdout, process.stderr, {}), print: (line) => void printed.push(line) },
      writeError: (line) => void errors.push(line),
      interruption: () => new AbortController().signal,
    })
    if (code === 1 || errors.length > 0) failures.push(`${name} ${way.join(' ')}: ${code} ${errors.join('')}`)
  }
}

const done = (commands: Readonly<Record<string, unknown>>): readonly Call[] => {
  const all = Object.keys(commands).flatMap((name) => aws.calls(name))
  return [...new Map(all.map((call) => [text(call), call])).values()]
}
const everyone = (): readonly Call[] => [...done(looking), ...done(acting)]
const granted = (statements: readonly Statement[]) =>
  statements.flatMap(({ Action, Resource }) =>
    Action.flatMap((action) => Resource.map((resource) => ({ action, resource }))),
  )
const allow = (action: string, ...Resource: string[]): Statement => ({ Effect: 'Allow', Action: [action], Resource })
const without = (statements: readonly Statement[], left: Call): readonly Statement[] =>
  granted(statements)
    .filter(({ action, resource }) => action !== left.action || resource !== left.resource)
    .map(({ action, resource }) => allow(action, resource))

/** Of the grammar: what is typed, of every command that takes --stage. */
function withStage(command: Command, before: readonly string[] = []): readonly string[] {
  return command.commands.flatMap((each) => {
    const name = [...before, each.name()]
    const own = each.options.some(({ long }) => long === '--stage') ? [name.join(' ')] : []
    return [...own, ...withStage(each, name)]
  })
}

describe('the policies for people', () => {
  it('are held against every command that takes --stage, and each of them ended well', () => {
    const surroundings = {
      environment: {},
      output: outputOf(process.stdout, process.stderr, {}),
      writeError: () => undefined,
      interruption: () => new AbortController().signal,
    }
    const program = createProgram('0', surroundings, { found: () => undefined, exit: () => undefined })
    expect([...Object.keys(looking), ...Object.keys(acting), ...ofAdministrators, ...ofPage].sort()).toEqual(
      [...withStage(program)].sort(),
    )
    expect(failures).toEqual([])
  })

  it('let a viewer do what only looks, and nothing that no such command does', () => {
    expect(done(looking).length).toBeGreaterThan(10)
    expect(differences(viewer, done(looking), named)).toEqual({ missing: [], excess: [] })
  })

  it('let a viewer find and ask the page, and nothing else of Lambda', () => {
    expect(granted(ofViewers.filter(isOfPage))).toEqual(
      ['GetFunctionUrlConfig', 'InvokeFunctionUrl', 'InvokeFunction'].map((action) => ({
        ...{ action: `lambda:${action}`, resource: 'StatusLambdaFunction' },
      })),
    )
    const [invoke] = ofViewers.filter(({ Action }) => Action.includes('lambda:InvokeFunction'))
    expect(invoke?.Condition).toEqual({ Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } })
  })

  it('let an operator act, by nothing but what a viewer lacks', () => {
    const both = [...viewer, ...operator]
    expect(differences(both, everyone(), named)).toEqual({ missing: [], excess: [] })
    const twice = new Set(granted(viewer).map(text))
    expect(
      granted(operator)
        .map(text)
        .filter((each) => twice.has(each)),
    ).toEqual([])
  })

  it('name what they are for, and no secret', () => {
    expect(unbounded([...viewer, ...operator])).toEqual([])
    expect(granted([...viewer, ...operator]).filter(({ action }) => action.startsWith('secretsmanager:'))).toEqual([])
  })

  it('are caught without any one action', () => {
    for (const each of granted(viewer))
      expect(differences(without(viewer, each), done(looking), named).missing, text(each)).not.toEqual([])
    for (const each of granted(operator)) {
      const left = [...viewer, ...without(operator, each)]
      expect(differences(left, everyone(), named).missing, text(each)).not.toEqual([])
    }
  })

  it('are caught with any action more on anything', () => {
    const actions = [
      ...new Set(granted([...viewer, ...operator]).map(({ action }) => action)),
      'dynamodb:Scan',
      'sqs:PurgeQueue',
    ]
    const resources = [...new Set(granted(viewer).map(({ resource }) => resource))]
    const all = actions.flatMap((action) => resources.map((resource) => ({ action, resource })))
    const planted = (statements: readonly Statement[], calls: readonly Call[]): number => {
      const has = new Set(granted(statements).map(text))
      const more = all.filter((each) => !has.has(text(each)))
      for (const { action, resource } of more)
        expect(differences([...statements, allow(action, resource)], calls, named).excess).toEqual([
          `${action} ${resource}`,
        ])
      return more.length
    }
    expect(planted(viewer, done(looking))).toBeGreaterThan(80)
    expect(planted([...viewer, ...operator], everyone())).toBeGreaterThan(80)
  })
})
