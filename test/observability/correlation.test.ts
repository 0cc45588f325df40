import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readHistory } from '../../shared/flow/history.ts'
import { readStatus } from '../../shared/flow/status.ts'
import { sqsClient } from '../../shared/runtime/clients.ts'
import { correlationOf } from '../../shared/runtime/correlation.ts'
import { type ObservedCloud, startObservedCloud } from './observedCloud.ts'

describe('the id of a tick', () => {
  let world: ObservedCloud
  beforeAll(async () => {
    world = await startObservedCloud({ names: ['kvm1', 'kvm2'] })
  })
  afterAll(() => world?.stop())

  const rows = async () => (await readStatus(world.runtime.ports, world.runtime.policy, {}, false)).rows

  it('is in every line of snapshot, diff and each host’s run, and in the history of the host', async () => {
    await world.tick()
    const functions = new Set(world.entries.map((entry) => entry.function))
    expect([...functions].sort()).toEqual(['diff', 'provisionKvm', 'snapshot'])
    const ids = new Set(world.entries.map(({ correlation }) => correlation))
    expect([...ids]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)])
    const [row] = await rows()
    const place = { zone: row?.record.zone ?? '', host: row?.record.id ?? '' }
    const [line] = await readHistory(world.runtime.ports.store, 'default', place, 1)
    expect(line).toMatchObject({ what: 'run', correlation: [...ids][0] })
  })

  it('is another one with the next tick', async () => {
    const [first] = world.entries
    await world.tick()
    expect(world.entries.at(-1)?.correlation).not.toBe(first?.correlation)
    expect(world.entries.every(({ correlation }) => typeof correlation === 'string')).toBe(true)
  })

  it('is the one of whoever asked for the tick', async () => {
    const before = world.entries.length
    await world.cloud.invoke('backfill', { host: 'kvm1' })
    await world.cloud.idle()
    const later = world.entries.slice(before)
    expect(later.map((entry) => entry.function)).toEqual(expect.arrayContaining(['snapshot', 'diff', 'provisionKvm']))
    expect(new Set(later.map(({ correlation }) => correlation)).size).toBe(1)
  })

  it('is made where a job of an earlier release has none', async () => {
    const before = world.entries.length
    const record = (await rows()).find(({ record: { name } }) => name === 'kvm1')?.record
    const body = { v: 1, cloud: 'default', zone: record?.zone, host: record?.id, tick: 1000, why: 'edge' }
    const client = sqsClient(world.cloud.environment)
    await client.send(
      new SendMessageCommand({
        QueueUrl: String(world.cloud.environment.BRIDGEKEEPER_QUEUE_SNAPSHOT).replace('snapshot', 'provisionKvm'),
        MessageBody: JSON.stringify(body),
        MessageGroupId: 'kvm1',
        MessageDeduplicationId: 'kvm1-1000',
      }),
    )
    client.destroy()
    const run = await vi.waitFor(() => {
      const found = world.entries.slice(before).find(({ message }) => message === 'run')
      expect(found).toMatchObject({ name: 'kvm1', tick: 1000, verdict: 'InSync' })
      return found
    }, 10_000)
    expect(run?.correlation).toMatch(/^[0-9a-f-]{36}$/)
  })

  it.each([
    ['of no message', {}],
    ['of a message that is no JSON', { Records: [{ body: '{' }] }],
    ['of one that is none', { Records: [{ body: '{"correlation":""}' }] }],
    ['of one too long to be one', { Records: [{ body: JSON.stringify({ correlation: 'x'.repeat(201) }) }] }],
  ])('is none %s', (_, event) => {
    expect(correlationOf(event)).toBeUndefined()
  })
})
