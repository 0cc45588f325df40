/**
 * The same template on moto, the other emulator, as far as that goes: it keeps what ministack drops, and runs nothing. What it cannot is held
 * here as well, so that the list in docs/aws.md stays true.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
} from '@aws-sdk/client-dynamodb'
import {
  GetFunctionUrlConfigCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  ListFunctionsCommand,
} from '@aws-sdk/client-lambda'
import { GetQueueAttributesCommand, ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Emulator, region, startEmulator } from './emulator.ts'
import { openSite, type Site, stage } from './site.ts'

let emulator: Emulator
let site: Site
let sqs: SQSClient
let dynamoDb: DynamoDBClient
let lambda: LambdaClient
beforeAll(async () => {
  emulator = await startEmulator('moto')
  site = await openSite(emulator)
  const { endpoint } = emulator
  const client = { endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }
  sqs = new SQSClient(client)
  dynamoDb = new DynamoDBClient(client)
  lambda = new LambdaClient(client)
})
afterAll(async () => {
  for (const client of [sqs, dynamoDb, lambda]) client?.destroy()
  await site?.stop()
  await emulator?.stop()
})

const table = { TableName: `bridgekeeper-${stage}` }

describe('on moto a deployment', () => {
  it('is refused at first, since moto takes each warning of cfn-lint for an error', async () => {
    await expect(site.serverless('deploy')).rejects.toThrow(/SnapshotRole. dependency already enforced/)
  })

  it('is made without the dependencies that Serverless writes twice, and not changed by the same again', async () => {
    passOverWarning(site.folder)
    expect(await site.serverless('deploy')).toContain(`Service deployed to stack bridgekeeper-${stage}`)
    expect(await site.serverless('deploy')).toContain('No changes to deploy. Deployment skipped.')
  })

  it('has the table, protected and paid by request', async () => {
    const { Table } = await dynamoDb.send(new DescribeTableCommand(table))
    expect(Table).toMatchObject({
      DeletionProtectionEnabled: true,
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
    })
  })

  it('has each queue with its dead letters, hidden for longer than its function may take, and polls only those of chosen drivers', async () => {
    const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({}))
    const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}))
    const live = QueueUrls.filter((url) => !url.includes('-dead'))
    expect([live.length, QueueUrls.length]).toEqual([6, 12])
    for (const QueueUrl of live) {
      const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))
      const name = QueueUrl.slice(QueueUrl.lastIndexOf('/') + 1).replace('.fifo', '')
      const of = Functions.find(({ FunctionName }) => FunctionName === name)
      expect(Number(Attributes.VisibilityTimeout)).toBe((of?.Timeout ?? 0) + 30)
      expect(JSON.parse(Attributes.RedrivePolicy ?? '{}')).toMatchObject({
        deadLetterTargetArn: expect.stringMatching(new RegExp(`:${name}-dead\\.fifo$`)),
        maxReceiveCount: 3,
      })
    }
    const { EventSourceMappings = [] } = await lambda.send(new ListEventSourceMappingsCommand({}))
    const polled = EventSourceMappings.filter(({ State }) => State === 'Enabled').map(({ FunctionArn, BatchSize }) => [
      FunctionArn?.slice(FunctionArn.lastIndexOf('-') + 1),
      BatchSize,
    ])
    expect(polled.sort()).toEqual([
      ['diff', 1],
      ['provisionKvm', 1],
      ['snapshot', 1],
    ])
  })

  it('lacks what moto does not make of a template: expiry, recovery, the processor, addresses', async () => {
    const { TimeToLiveDescription } = await dynamoDb.send(new DescribeTimeToLiveCommand(table))
    expect(TimeToLiveDescription?.TimeToLiveStatus).toBe('DISABLED')
    const { ContinuousBackupsDescription: backups } = await dynamoDb.send(new DescribeContinuousBackupsCommand(table))
    expect(backups?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus).toBe('DISABLED')
    const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}))
    expect(new Set(Functions.flatMap(({ Architectures = [] }) => Architectures))).toEqual(new Set(['x86_64']))
    const FunctionName = `bridgekeeper-${stage}-webhook`
    await expect(lambda.send(new GetFunctionUrlConfigCommand({ FunctionName }))).rejects.toThrow(/does not exist/)
  })

  it('runs no function, since moto asks Docker for that', async () => {
    await expect(site.serverless('invoke', '-f', 'backfill', '--data', '{}')).rejects.toThrow(/error runn/)
  })

  it('is removed, all but the table', async () => {
    await site.serverless('remove')
    expect((await sqs.send(new ListQueuesCommand({}))).QueueUrls ?? []).toEqual([])
    expect((await dynamoDb.send(new DescribeTableCommand(table))).Table?.TableStatus).toBe('ACTIVE')
  })
})

/** W3005: a dependency that is written and would be there anyway. Serverless writes one for each function's role. */
function passOverWarning(folder: string): void {
  writeFileSync(join(folder, 'onceOnly.cjs'), onceOnly)
  const file = join(folder, 'serverless.yml')
  writeFileSync(file, readFileSync(file, 'utf8').replace('\nplugins:\n', '\nplugins:\n  - ./onceOnly.cjs\n'))
}

const onceOnly = `module.exports = class {
  constructor({ service }) {
    const run = () => {
      for (const resource of Object.values(service.provider.compiledCloudFormationTemplate.Resources))
        if (resource.DependsOn) resource.DependsOn = [resource.DependsOn].flat().filter((name) => !name.endsWith('Role'))
    }
    this.hooks = { 'before:package:finalize': run }
  }
}
`
