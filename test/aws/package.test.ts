import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { tracingStatement } from '../../infra/aws/tracingPlugin.ts'
import { networkInterfaceStatements } from '../../infra/aws/vpc.ts'
import { circumstances } from './clone.ts'
import { packaged, templateIn } from './packaged.ts'
import { role, type Statement, statementsShape, unbounded } from './role.ts'

const root = join(import.meta.dirname, '../..')
const functions = [
  'snapshot',
  'diff',
  'provisionKvm',
  'provisionXenserver',
  'provisionVmware',
  'provisionCloudstack',
  'backfill',
  'webhook',
  'status',
  'housekeeping',
]
const queued = functions.filter((name) => !['backfill', 'webhook', 'status', 'housekeeping'].includes(name))
/** Tombstones of networks that are back; expired items. */
const deleting = ['snapshot', 'housekeeping']
/** The keys of CloudStack, the certificate for agents, what events of the webhook are signed with, who logs in to XAPI and vCenter: one secret a cloud. */
const readingSecrets: Readonly<Record<string, readonly string[]>> = {
  snapshot: ['GetSecretValue'],
  provisionKvm: ['GetSecretValue'],
  provisionXenserver: ['GetSecretValue'],
  provisionVmware: ['GetSecretValue'],
  provisionCloudstack: ['GetSecretValue'],
  webhook: ['GetSecretValue'],
  housekeeping: ['GetSecretValue', 'PutSecretValue', 'GetSecretValue'],
}
/** Seconds. */
const day = 86_400
const logical = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1)

const templateSchema = z.object({
  Resources: z.record(z.string(), z.looseObject({ Type: z.string(), Properties: z.record(z.string(), z.unknown()) })),
})
type Resource = z.infer<typeof templateSchema>['Resources'][string]

const statementsIn = (resources: Readonly<Record<string, Resource>>, name: string): readonly Statement[] =>
  role.parse(resources[`${logical(name)}Role`]).Properties.Policies[0].PolicyDocument.Statement

/** The names in a zip's central directory: entries of 46 bytes, each followed by its name, extra field and comment. */
function zipNames(zip: Buffer): readonly string[] {
  const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  const names: string[] = []
  for (let at = zip.readUInt32LE(end + 16); at < end; ) {
    const length = zip.readUInt16LE(at + 28)
    names.push(zip.toString('utf8', at + 46, at + 46 + length))
    at += 46 + length + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return names
}

/** The functions whose queue is polled. */
async function polledIn(folder: string): Promise<readonly string[]> {
  const { Resources } = templateSchema.parse(JSON.parse(await readFile(templateIn(folder), 'utf8')))
  return queued.filter(
    (name) => Resources[`${logical(name)}EventSourceMappingSQS${logical(name)}Queue`]?.Properties.Enabled === true,
  )
}

describe(`a clean clone is packaged ${circumstances}`, () => {
  let clone = ''
  let resources: Readonly<Record<string, Resource>> = {}
  const properties = (id: string) => resources[id]?.Properties ?? {}

  beforeAll(async () => {
    clone = await packaged()
    const file = templateIn(clone)
    resources = templateSchema.parse(JSON.parse(await readFile(file, 'utf8'))).Resources
  })
  afterAll(() => rm(clone, { recursive: true, force: true }))

  test.each(functions)('%s holds its own bundle and nothing else', async (name) => {
    const names = zipNames(await readFile(join(clone, '.serverless', `${name}.zip`)))
    expect([...names].sort()).toEqual([`dist/functions/${name}.js`, 'dist/package.json'])
  })

  test('there is an artifact for every function of the source', async () => {
    expect((await readdir(join(root, 'functions'))).sort()).toEqual([...functions].sort())
    const files = await readdir(join(clone, '.serverless'))
    expect(files.filter((file) => file.endsWith('.zip')).sort()).toEqual(functions.map((name) => `${name}.zip`).sort())
  })

  test.each(functions)('%s is a function of Node 24 on arm64 with a role of its own', (name) => {
    expect(properties(`${logical(name)}LambdaFunction`)).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      FunctionName: `bridgekeeper-dev-${name}`,
      Role: { 'Fn::GetAtt': [`${logical(name)}Role`, 'Arn'] },
    })
    expect(resources[`${logical(name)}Role`]?.Type).toBe('AWS::IAM::Role')
  })

  test('no function shares a role, and there is no role beside theirs', () => {
    const roles = Object.keys(resources).filter((id) => resources[id]?.Type === 'AWS::IAM::Role')
    expect(roles.sort()).toEqual(functions.map((name) => `${logical(name)}Role`).sort())
  })

  test.each(functions)('%s may do only named things to named resources', (name) => {
    const text = JSON.stringify(properties(`${logical(name)}Role`))
    const secrets = text.match(/secretsmanager:[A-Z]\w+/g) ?? []
    expect(secrets.map((action) => action.slice('secretsmanager:'.length))).toEqual(readingSecrets[name] ?? [])
    expect(unbounded(statementsIn(resources, name))).toEqual([])
    expect(text).not.toMatch(/dynamodb:(Scan|PutItem|Batch)/)
    expect(text.includes('dynamodb:DeleteItem')).toBe(deleting.includes(name))
    expect(text.includes('dynamodb:UpdateItem')).toBe(name !== 'status')
  })

  /** The resources of one kind. */
  const all = (kind: string): readonly string[] => Object.keys(resources).filter((id) => resources[id]?.Type === kind)

  test('there are a queue and its dead letters for each function that messages start, and none beside', () => {
    const ids = queued.flatMap((name) => [`${logical(name)}Queue`, `${logical(name)}DeadQueue`])
    expect([...all('AWS::SQS::Queue')].sort()).toEqual(ids.sort())
  })

  test.each(queued)(
    '%s has a FIFO queue that hides a message for its timeout and 30 s, and gives it up after three',
    (name) => {
      const timeout = z.number().parse(properties(`${logical(name)}LambdaFunction`).Timeout)
      expect(properties(`${logical(name)}Queue`)).toEqual({
        QueueName: `bridgekeeper-dev-${name}.fifo`,
        FifoQueue: true,
        ContentBasedDeduplication: false,
        VisibilityTimeout: timeout + 30,
        MessageRetentionPeriod: day,
        SqsManagedSseEnabled: true,
        RedrivePolicy: {
          deadLetterTargetArn: { 'Fn::GetAtt': [`${logical(name)}DeadQueue`, 'Arn'] },
          maxReceiveCount: 3,
        },
      })
    },
  )

  test.each(queued)('what %s cannot read is kept for two weeks, which is as long as SQS keeps anything', (name) => {
    expect(properties(`${logical(name)}DeadQueue`)).toEqual({
      QueueName: `bridgekeeper-dev-${name}-dead.fifo`,
      FifoQueue: true,
      ContentBasedDeduplication: false,
      MessageRetentionPeriod: 14 * day,
      SqsManagedSseEnabled: true,
    })
  })

  test.each(queued)('%s is started by its queue, one message at a time', (name) => {
    const id = `${logical(name)}EventSourceMappingSQS${logical(name)}Queue`
    expect(properties(id)).toMatchObject({
      BatchSize: 1,
      EventSourceArn: { 'Fn::GetAtt': [`${logical(name)}Queue`, 'Arn'] },
      FunctionName: { 'Fn::GetAtt': [`${logical(name)}LambdaFunction`, 'Arn'] },
      ScalingConfig: { MaximumConcurrency: expect.any(Number) },
    })
  })

  test('no queue starts two functions, and nothing waits to gather a batch', () => {
    const sources = all('AWS::Lambda::EventSourceMapping').map((id) => properties(id))
    expect(sources).toHaveLength(queued.length)
    expect(new Set(sources.map((each) => JSON.stringify(each.EventSourceArn))).size).toBe(queued.length)
    for (const each of sources) expect(each).not.toHaveProperty('MaximumBatchingWindowInSeconds')
  })

  test('what a schedule starts is not tried again, for the schedule comes again', () => {
    const scheduled = functions.filter((name) =>
      all('AWS::Events::Rule').some((id) => JSON.stringify(properties(id).Targets).includes(`"${logical(name)}Lambda`)),
    )
    expect(scheduled).toEqual(['snapshot', 'housekeeping'])
    const configured = all('AWS::Lambda::EventInvokeConfig').map((id) => properties(id))
    expect(configured.map(({ FunctionName }) => JSON.stringify(FunctionName))).toEqual(
      scheduled.map((name) => expect.stringContaining(`${logical(name)}LambdaFunction`)),
    )
    for (const each of configured) expect(each).toMatchObject({ MaximumRetryAttempts: 0, Qualifier: '$LATEST' })
  })

  test('the queue of a driver that is not chosen is not polled', async () => {
    expect(await polledIn(clone)).toEqual(['snapshot', 'diff', 'provisionKvm'])
  })

  const ofWebhook = { Principal: '*', FunctionName: { 'Fn::GetAtt': ['WebhookLambdaFunction', 'Arn'] } }

  test('webhook alone has an address for all, which answers nobody unless it is asked for; that of status asks who calls', () => {
    const addresses = Object.entries(resources).filter(([, { Type }]) => Type === 'AWS::Lambda::Url')
    expect(addresses.map(([id]) => id).sort()).toEqual(['StatusLambdaFunctionUrl', 'WebhookLambdaFunctionUrl'])
    expect(properties('StatusLambdaFunctionUrl')).toMatchObject({ AuthType: 'AWS_IAM' })
    expect(properties('WebhookLambdaFunctionUrl')).toMatchObject({ AuthType: 'NONE' })
    const open = Object.values(resources).filter(
      ({ Type, Properties }) => Type === 'AWS::Lambda::Permission' && Properties.Principal === '*',
    )
    expect(open.map(({ Properties }) => Properties)).toEqual([
      { ...ofWebhook, Action: 'lambda:InvokeFunctionUrl', FunctionUrlAuthType: 'NONE' },
      { ...ofWebhook, Action: 'lambda:InvokeFunction', InvokedViaFunctionUrl: true },
    ])
    expect(properties('WebhookLambdaFunction').ReservedConcurrentExecutions).toBe(0)
    const written = functions.filter(
      (name) => properties(`${logical(name)}LambdaFunction`).ReservedConcurrentExecutions !== undefined,
    )
    expect(written).toEqual(['webhook'])
  })

  test('snapshot is started every minute, housekeeping once a day', () => {
    const rules = Object.values(resources).filter(({ Type }) => Type === 'AWS::Events::Rule')
    const written = rules.map(({ Properties }) => `${Properties.ScheduleExpression} ${Properties.State}`)
    expect(written.sort()).toEqual(['rate(1 day) ENABLED', 'rate(1 minute) ENABLED'])
  })

  test('the table is paid by request, recoverable, encrypted, protected, expires its items and outlives the stack', () => {
    expect(resources.Table).toMatchObject({
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        TableName: 'bridgekeeper-dev',
        BillingMode: 'PAY_PER_REQUEST',
        TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        DeletionProtectionEnabled: true,
        SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
      },
    })
  })

  test.each(functions)('what %s logs is kept for thirty days', (name) => {
    expect(resources[`${logical(name)}LogGroup`]).toMatchObject({
      Type: 'AWS::Logs::LogGroup',
      Properties: { LogGroupName: `/aws/lambda/bridgekeeper-dev-${name}`, RetentionInDays: 30 },
    })
  })

  test('no function is in a VPC, and no role may make a network interface', () => {
    expect(Object.keys(resources).filter((id) => resources[id]?.Properties.VpcConfig !== undefined)).toEqual([])
    expect(JSON.stringify(resources)).not.toContain('ec2:')
  })

  test('nothing is traced', () => {
    expect(JSON.stringify(resources)).not.toMatch(/xray:|TracingConfig/)
  })

  test('the secret of CloudStack is named for whoever asks CloudStack, and no value of one is put into the template', () => {
    const asking = functions.filter((name) =>
      JSON.stringify(properties(`${logical(name)}LambdaFunction`).Environment).includes(
        '"BRIDGEKEEPER_CLOUDSTACK_SECRET":"bridgekeeper/cloudstack"',
      ),
    )
    expect(asking).toEqual(['snapshot', 'provisionCloudstack', 'housekeeping'])
    expect(JSON.stringify(resources)).not.toContain('{{resolve:')
  })
})

describe('a deployment with other drivers', () => {
  test('has the queues of these polled, and of what one falls back to', async () => {
    const folder = await packaged({ drivers: 'KVM=kvm-agent|cloudstack,VMware=vmware' })
    expect(await polledIn(folder)).toEqual([
      'snapshot',
      'diff',
      'provisionKvm',
      'provisionVmware',
      'provisionCloudstack',
    ])
    await rm(folder, { recursive: true, force: true })
  })

  test('is not packaged where one of them does not exist', async () => {
    await expect(packaged({ drivers: 'KVM=kvm-shh' })).rejects.toMatchObject({
      stdout: expect.stringContaining('names the driver "kvm-shh", which does not exist'),
    })
  })
})

describe('a deployment that is traced', () => {
  test('has traces of every function, and nothing more in each role than to write them', async () => {
    const folder = await packaged({ tracing: 'true' })
    const { Resources } = templateSchema.parse(JSON.parse(await readFile(templateIn(folder), 'utf8')))
    for (const name of functions) {
      expect(Resources[`${logical(name)}LambdaFunction`]?.Properties.TracingConfig).toEqual({ Mode: 'Active' })
      const statements = statementsIn(Resources, name)
      expect(statements.slice(-1)).toEqual(statementsShape.parse([tracingStatement]))
      expect(unbounded(statements)).toEqual([])
    }
    await rm(folder, { recursive: true, force: true })
  })
})

describe('a deployment in a VPC', () => {
  const parameters = { subnets: 'subnet-0123abcd,subnet-0123abce', securityGroups: 'sg-0123abcd' }
  test('has every function in it, and every role the right to an interface for Lambda alone', async () => {
    const folder = await packaged(parameters)
    const { Resources } = templateSchema.parse(JSON.parse(await readFile(templateIn(folder), 'utf8')))
    for (const name of functions) {
      expect(Resources[`${logical(name)}LambdaFunction`]?.Properties.VpcConfig).toEqual({
        SubnetIds: ['subnet-0123abcd', 'subnet-0123abce'],
        SecurityGroupIds: ['sg-0123abcd'],
      })
      const statements = statementsIn(Resources, name)
      expect(statements.slice(-2)).toEqual(statementsShape.parse(networkInterfaceStatements))
      expect(unbounded(statements)).toEqual([])
    }
    await rm(folder, { recursive: true, force: true })
  })

  test('is not packaged where the VPC is told by halves', async () => {
    await expect(packaged({ subnets: parameters.subnets })).rejects.toMatchObject({
      stdout: expect.stringContaining('the parameter securityGroups is empty'),
    })
  })
})
