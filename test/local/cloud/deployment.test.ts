import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { deploymentOf } from '../../../infra/local/cloud/deployment.ts'
import { readServerless, type ServerlessDocument } from '../../../infra/local/cloud/serverlessFile.ts'

const root = join(import.meta.dirname, '../../..')
const real = readServerless(root, 'local')
const wired = readServerless(join(import.meta.dirname, 'wired'), 'local')

describe('the deployment of serverless.yml', () => {
  test('has the functions, their source, their timeouts and what starts them', () => {
    const functions = deploymentOf(real).functions.map(({ name, source, timeout, schedules, sources }) => ({
      [`${name} ${source} ${timeout} s`]: [
        ...schedules.map(({ every }) => `every ${every} s`),
        ...sources.map(({ queue, batchSize, maximumConcurrency }) => `${queue} ${batchSize} ${maximumConcurrency}`),
      ],
    }))
    expect(Object.assign({}, ...functions)).toEqual({
      'snapshot functions/snapshot/handler.ts 120 s': ['every 60 s', 'SnapshotQueue 1 2'],
      'diff functions/diff/handler.ts 90 s': ['DiffQueue 1 10'],
      'provisionKvm functions/provisionKvm/handler.ts 300 s': ['ProvisionKvmQueue 1 50'],
      'provisionXenserver functions/provisionXenserver/handler.ts 300 s': ['ProvisionXenserverQueue 1 10'],
      'provisionVmware functions/provisionVmware/handler.ts 300 s': ['ProvisionVmwareQueue 1 10'],
      'provisionCloudstack functions/provisionCloudstack/handler.ts 300 s': ['ProvisionCloudstackQueue 1 2'],
      'backfill functions/backfill/handler.ts 60 s': [],
      'webhook functions/webhook/handler.ts 10 s': [],
      'status functions/status/handler.ts 30 s': [],
      'housekeeping functions/housekeeping/handler.ts 300 s': ['every 86400 s'],
    })
  })

  test('has one table with its key', () => {
    expect(deploymentOf(real).tables).toEqual([
      {
        id: 'Table',
        name: 'bridgekeeper-local',
        key: [
          { name: 'pk', kind: 'HASH', type: 'S' },
          { name: 'sk', kind: 'RANGE', type: 'S' },
        ],
      },
    ])
  })

  test('hides a message for its function’s timeout and 30 s, also for a timeout that was changed', () => {
    const visibility = (changes: Parameters<typeof deploymentOf>[1]) =>
      deploymentOf(real, changes).queues.find(({ id }) => id === 'ProvisionKvmQueue')?.visibility
    expect(visibility({})).toBe(330)
    expect(visibility({ timeouts: { provisionKvm: 5 } })).toBe(35)
    expect(visibility({ timeouts: { provisionKvm: 5 }, visibilityBeyondTimeout: 1 })).toBe(6)
  })

  test('takes another interval for what runs often, and leaves a day a day', () => {
    const every = deploymentOf(real, { interval: 1 }).functions.flatMap(({ name, schedules }) =>
      schedules.map((schedule) => `${name} ${schedule.every}`),
    )
    expect(every).toEqual(['snapshot 1', 'housekeeping 86400'])
  })

  test('refuses a timeout for a function that does not exist', () => {
    expect(() => deploymentOf(real, { timeouts: { provisionKVM: 5 } })).toThrow(
      'timeouts: there is no function "provisionKVM"',
    )
  })

  type Functions = ServerlessDocument['functions']
  const withWorker = (change: Partial<Functions[string]>): ServerlessDocument => {
    const functions: Functions = Object.fromEntries(
      Object.entries(wired.functions).map(([name, it]) => [name, name === 'worker' ? { ...it, ...change } : it]),
    )
    return { ...wired, functions }
  }

  test.each([
    ['a queue that does not exist', { events: [{ sqs: { arn: 'NoQueue', batchSize: 1 } }] }, 'NoQueue is not among'],
    ['a reference that leads nowhere', { environment: { X: { Ref: 'Nothing' } } }, 'X: Nothing is not among'],
    ['a handler elsewhere', { handler: 'src/x.handler' }, '"src/x.handler" is not dist/functions/NAME.handler'],
    [
      'a schedule of another form',
      { events: [{ schedule: { rate: 'cron(0 0 * * ? *)', enabled: true } }] },
      'the schedule "cron(0 0 * * ? *)" is not of the form rate(1 minute)',
    ],
  ])('refuses %s', (_, change, message) => {
    expect(() => deploymentOf(withWorker(change))).toThrow(message)
  })

  test('says which file is missing', () => {
    expect(() => readServerless('/nowhere', 'local')).toThrow(/serverless\.yml cannot be read: ENOENT/)
  })
})
