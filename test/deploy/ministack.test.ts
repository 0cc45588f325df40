/**
 * The whole life of a deployment, as an operator leads it, on ministack: it runs the very bundles, fires the schedule and polls the queues. In
 * order: each test goes on where the one before it ended. The CloudStack and the hosts are simulators; the SSH between is real.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { ListQueuesCommand, SendMessageCommand, SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import * as z from 'zod'
import { jobsSchema } from '../../infra/cli/jobsJson.ts'
import { statusSchema } from '../../infra/cli/statusJson.ts'
import { start } from '../cli/program.ts'
import { type Emulator, region, startEmulator } from './emulator.ts'
import { changeSource, hostNames, openSite, type Site, stage, vlans } from './site.ts'

let emulator: Emulator
let site: Site
let sqs: SQSClient
let dynamoDb: DynamoDBClient
beforeAll(async () => {
  emulator = await startEmulator('ministack')
  site = await openSite(emulator)
  const { endpoint } = emulator
  const client = { endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }
  sqs = new SQSClient(client)
  dynamoDb = new DynamoDBClient(client)
})
afterAll(async () => {
  sqs?.destroy()
  dynamoDb?.destroy()
  await site?.stop()
  await emulator?.stop()
})

const status = async () => {
  const { code, stdout, stderr } = await site.bridgekeeper('status', '-o', 'json')
  expect(stderr).toBe('')
  return { code, ...statusSchema.parse(JSON.parse(stdout)) }
}
const jobs = async () => jobsSchema.parse(JSON.parse((await site.bridgekeeper('jobs', '-o', 'json')).stdout))
const queueUrl = (name: string): string => `${emulator.endpoint}/000000000000/bridgekeeper-${stage}-${name}.fifo`

/** What the function answers, among what Serverless prints. */
const answerOf = (printed: string): unknown =>
  JSON.parse(printed.slice(printed.indexOf('{'), printed.lastIndexOf('}') + 1))
const backfilled = z.object({ hosts: z.array(z.object({ name: z.string() })) })

const withAlarms = ['--param=alarms=arn:aws:sns:us-east-1:000000000000:pager', '--param=dashboard=true']

/** Longer than the schedule of a minute. */
const aTick = { timeout: 100_000, interval: 2000 }

describe('a deployment', () => {
  it('is made by one command', async () => {
    const printed = await site.serverless('deploy', ...withAlarms)
    expect(printed).toContain(`Service deployed to stack bridgekeeper-${stage}`)
    expect(printed).toMatch(/snapshot: bridgekeeper-trial-snapshot/)
  })

  it('begins by itself, and tells of hosts whose keys nobody has vouched for', async () => {
    await vi.waitFor(async () => {
      const { hosts } = await status()
      expect(hosts.map(({ name, reason }) => [name, reason])).toEqual(hostNames.map((name) => [name, 'HostKeyUnknown']))
    }, aTick)
    expect(site.hosts.hosts.flatMap((host) => host.links().filter(({ kind }) => kind === 'vlan'))).toEqual([])
  })

  it('converges once their keys are imported: every network on every host, in sync and verified', async () => {
    const file = join(site.folder, 'known_hosts')
    writeFileSync(file, site.hosts.knownHosts())
    expect((await site.bridgekeeper('hostkeys', 'import', file)).code).toBe(0)
    await vi.waitFor(async () => expect((await status()).code).toBe(0), aTick)
    for (const host of site.hosts.hosts) {
      const names = host.links().map(({ name }) => name)
      expect(names).toEqual(expect.arrayContaining(vlans.flatMap((id) => [`eth1.${id}`, `breth1-${id}`])))
    }
  })

  it('shows its page to whoever may see it, by a proxy on this machine', async () => {
    const page = start(['page', '--stage', stage, '--region', region, '--port', '0', '--quiet'], emulator.environment)
    try {
      await vi.waitFor(() => expect(page.stdout()).toMatch(/^http:\S+\n$/), aTick)
      const answer = await fetch(page.stdout().trim())
      const shown = await answer.text()
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
      expect(shown).toContain('6 hosts: <b class="InSync">6 in sync</b>')
      for (const name of hostNames) expect(shown).toContain(`<th scope="row">${name}</th>`)
    } finally {
      page.interrupt()
      await page.ended
    }
  })

  it('has a host that lost its devices run again by "serverless invoke -f backfill"', async () => {
    const [host] = site.hosts.hosts
    await host?.reboot()
    const printed = await site.serverless('invoke', '-f', 'backfill', '--data', JSON.stringify({ host: host?.name }))
    const { hosts } = backfilled.parse(answerOf(printed))
    expect(hosts.map(({ name }) => name)).toEqual([host?.name])
    await vi.waitFor(() => expect(host?.links().map(({ name }) => name)).toContain('breth1-102'), aTick)
  })

  it('lets a message that nobody can read go to the dead letters, where "jobs" shows it, and works on', async () => {
    // A message is tried three times, two minutes apart: here two seconds.
    const QueueUrl = queueUrl('diff')
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { VisibilityTimeout: '2' } }))
    const MessageBody = 'not { a message \u202e <script>'
    const message = { QueueUrl, MessageBody, MessageGroupId: 'stranger', MessageDeduplicationId: '1' }
    await sqs.send(new SendMessageCommand(message))
    await vi.waitFor(async () => {
      const { queues } = await jobs()
      const dead = queues.find(({ queue }) => queue === 'diff')
      expect(dead).toMatchObject({
        waiting: 0,
        running: 0,
        dead: 1,
        letters: [{ group: 'stranger', body: MessageBody }],
      })
    }, aTick)
    const { stdout } = await site.bridgekeeper('jobs')
    expect(stdout).toMatch(/diff +\d+s ago +stranger +not \{ a message \ufffd <script>/)
    expect((await status()).code).toBe(0)
  })

  it('is not changed by the same deployment again', async () => {
    expect(await site.serverless('deploy', ...withAlarms)).toContain('No changes to deploy. Deployment skipped.')
  })

  it('keeps its records over a deployment of other code', async () => {
    const before = await status()
    changeSource(site.folder)
    expect(await site.serverless('deploy', ...withAlarms)).toContain(`Service deployed to stack bridgekeeper-${stage}`)
    const after = await status()
    const lasting = ({ hosts }: typeof before) => hosts.map(({ name, readySeconds }) => [name, readySeconds])
    expect([after.code, lasting(after)]).toEqual([0, lasting(before)])
  })

  it('is removed, all but the table, and the hosts stay as they are', async () => {
    const before = site.hosts.hosts.map((host) => host.links())
    await site.serverless('remove')
    const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({}))
    expect(QueueUrls).toEqual([])
    const { Table } = await dynamoDb.send(new DescribeTableCommand({ TableName: `bridgekeeper-${stage}` }))
    expect(Table?.TableStatus).toBe('ACTIVE')
    expect((await status()).hosts.map(({ name }) => name)).toEqual(hostNames)
    expect(site.hosts.hosts.map((host) => host.links())).toEqual(before)
  })
})
