/** `jobs`: what waits, what runs, and what lies dead; on the embedded SQS, which keeps FIFO's promises. */
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type JobsJson, jobsSchema } from '../../infra/cli/jobsJson.ts'
import { hostKey } from '../../shared/store/items.ts'
import { cloud, hostileName, writeCloud } from './cloud.ts'
import { type Parts, startParts } from './parts.ts'
import { run } from './program.ts'

let parts: Parts
const names = ['diff', 'provisionKvm', 'provisionXenserver', 'provisionVmware', 'provisionCloudstack']
const url = (name: string): string => parts.queueUrl.replace('-snapshot.', `-${name}.`)
const now = Date.now()

beforeAll(async () => {
  parts = await startParts()
  await writeCloud(parts.store, now)
  for (const name of names) {
    const dead = `bridgekeeper-test-${name}-dead.fifo`
    await parts.sqs.send(new CreateQueueCommand({ QueueName: dead, Attributes: { FifoQueue: 'true' } }))
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: `arn:aws:sqs:us-east-1:000000000000:${dead}`,
      maxReceiveCount: 3,
    })
    const QueueName = `bridgekeeper-test-${name}.fifo`
    await parts.sqs.send(new CreateQueueCommand({ QueueName, Attributes: { FifoQueue: 'true', RedrivePolicy } }))
  }
})
afterAll(() => parts.stop())

const send = (name: string, group: string, body: string) =>
  parts.sqs.send(
    new SendMessageCommand({
      ...{ QueueUrl: url(name), MessageBody: body },
      ...{ MessageGroupId: group, MessageDeduplicationId: `${group}-1` },
    }),
  )
const json = async (...args: readonly string[]): Promise<JobsJson> => {
  const { code, stdout, stderr } = await run(['jobs', '--stage', 'test', '-o', 'json', ...args], parts.environment)
  expect([code, stderr]).toEqual([0, ''])
  return jobsSchema.parse(JSON.parse(stdout))
}
const queue = ({ queues }: JobsJson, name: string) => queues.find((one) => one.queue === name)
const text = async (...args: readonly string[]) =>
  (await run(['jobs', '--stage', 'test', ...args], parts.environment)).stdout

describe('jobs', () => {
  it('says so where nothing is under way, and that a queue without dead letters has none', async () => {
    expect(await text()).toMatch(
      /^no job of any host waits or runs\n\nQUEUE +WAITING +RUNNING +DEAD\nsnapshot +0 +0 +-\n/,
    )
    expect((await json()).jobs).toEqual([])
  })

  it('tells of each host what its job does, and until when', async () => {
    const set = (host: string, values: Readonly<Record<string, string | number>>) =>
      parts.store.update({ key: hostKey(cloud, 'zone-1', host), set: values })
    await set('host-1', { queued: 7, queuedWhy: 'edge', outstandingUntil: now + 300_000 })
    await set('host-2', { queued: 7, queuedWhy: 'retry', runId: 'r', runUntil: now + 120_000 })
    await set('host-4', { queued: 6, queuedWhy: 'revision', runId: 'r', runUntil: now - 60_000 })
    const { jobs } = await json()
    expect(jobs.map(({ host, state, why, tick }) => [host.name, state, why, tick])).toEqual([
      [hostileName, 'lost', 'revision', 6],
      ['kvm1', 'waiting', 'edge', 7],
      ['kvm2', 'running', 'retry', 7],
    ])
    expect(await text('--host', 'kvm1')).toMatch(/kvm1 +waiting +edge +7 +in [234]m\n\nQUEUE/)
  })

  it('counts what waits and what is at work', async () => {
    await send('provisionKvm', 'host-1', '{"v":1}')
    await send('provisionKvm', 'host-2', '{"v":1}')
    await parts.sqs.send(new ReceiveMessageCommand({ QueueUrl: url('provisionKvm'), VisibilityTimeout: 60 }))
    expect(queue(await json(), 'provisionKvm')).toMatchObject({ waiting: 1, running: 1, dead: 0, letters: [] })
  })

  it('shows dead letters as text that no terminal obeys, leaves them where they are, and says what to do', async () => {
    await send('diff-dead', 'stranger', `\u2028\u202e${'x'.repeat(5000)}`)
    for (const _twice of [1, 2]) {
      const diff = queue(await json(), 'diff')
      expect(diff).toMatchObject({ dead: 1, letters: [{ group: 'stranger' }] })
      expect(diff?.letters[0]?.body).toHaveLength(2000)
    }
    const shown = await text()
    expect(shown).toMatch(/diff +\d+s ago +stranger +\ufffdxxx/)
    expect(shown).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u)
    expect(shown).toMatch(/aws sqs purge-queue --queue-url http.*bridgekeeper-test-diff-dead\.fifo/)
    expect(await text('--quiet')).not.toContain('purge-queue')
  })

  it('names the queue that is missing', async () => {
    const { code, stderr } = await run(['jobs', '--stage', 'empty'], parts.environment)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^bridgekeeper: the queue bridgekeeper-empty-snapshot\.fifo does not exist/)
  })
})
