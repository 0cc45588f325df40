/** An updateHost without an answer, and then a reconnect: the function's own code over a store in memory and a CloudStack that is played. */
import { expect, it } from 'vitest'
import { create } from '../../functions/provisionCloudstack/handler.ts'
import type { CloudStack } from '../../shared/cloudstack/client.ts'
import { NoAnswer } from '../../shared/cloudstack/errors.ts'
import { readHistory } from '../../shared/flow/history.ts'
import { encodeRevision } from '../../shared/reconcile/revision.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { hostKey, readHost } from '../../shared/store/items.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import * as writes from '../../shared/store/writes.ts'
import { desiredOf, hostFact, hostRecord, vlan } from '../factories.ts'

const [cloud, zone, host] = ['default', 'zone-1', 'host-1']
const day = 86_400_000

/** @param reconnect as the setting has it */
async function played(reconnect: string) {
  const store = createMemoryStore()
  const asked: string[] = []
  const warned: string[] = []
  let [now, tick, ids] = [1_000 * day, 0, 0]
  let away = 0
  const unused = () => Promise.reject(new Error('nobody asks this here'))
  const cloudstack: CloudStack = {
    ...{ listHosts: unused, listFacts: unused, changedSince: unused, network: unused, networksOn: unused },
    hostsNow: async (which) => {
      const state = away-- > 0 ? 'Disconnected' : 'Up'
      const own = hostFact({ id: host, state })
      return 'id' in which ? [own] : [own, hostFact({ id: 'host-2', name: 'kvm2' })]
    },
    updateHost: async (id, before) => {
      before?.()
      asked.push(`updateHost ${id}`)
      throw new NoAnswer('no answer within 10 minutes', true)
    },
    reconnectHost: async (id, before) => {
      before?.()
      asked.push(`reconnectHost ${id}`)
      away = 2
      return 'job-1'
    },
    call: async (command, parameters, schema) => {
      if (command === 'queryAsyncJobResult') asked.push(`${command} ${parameters.jobid}`)
      return schema.parse(
        command === 'listCapabilities' ? { capability: { cloudstackversion: '4.20.0.0' } } : { jobstatus: 1 },
      )
    },
  }
  const body = encodeRevision(desiredOf([vlan(100)]))
  await store.update(writes.revisionBody(cloud, zone, 'KVM', body.revision, body.body, 4_000_000_000))
  await store.update(writes.pointer(cloud, zone, 'KVM', body.revision, 1))
  await store.update(writes.state(cloud, hostFact(), 1, 'hostAdded', now))
  const handler = create(
    { BRIDGEKEEPER_DRIVERS: 'KVM=cloudstack', BRIDGEKEEPER_CLOUDSTACK_RECONNECT: reconnect },
    {
      ...{ store, cloudstack: () => cloudstack, now: () => now, newId: () => `id-${++ids}`, random: () => 0.5 },
      queues: { send: async () => {} },
      logger: { ...silent, warn: (message) => void warned.push(message) },
      sleep: async (wait) => {
        now += wait
      },
    },
  )
  const nothing = (): void => {}
  const context = {
    ...{ callbackWaitsForEmptyEventLoop: false, functionName: 'provisionCloudstack', functionVersion: '1' },
    ...{ invokedFunctionArn: 'arn', memoryLimitInMB: '512', awsRequestId: 'id', logGroupName: 'g', logStreamName: 's' },
    ...{ getRemainingTimeInMillis: () => 300_000, done: nothing, fail: nothing, succeed: nothing },
  }
  return {
    store,
    asked,
    warned,
    later: (milliseconds: number) => {
      now += milliseconds
    },
    run: async () => {
      const job = { v: 1, cloud, zone, host, tick: ++tick, why: 'edge' }
      await store.update(writes.want(cloud, hostRecord({ zone, id: host }), 'backfill', now))
      await handler(
        { Records: [{ messageId: 'm', body: JSON.stringify(job), attributes: { ApproximateReceiveCount: '1' } }] },
        context,
      )
      return readHost(await store.get(hostKey(cloud, zone, host)))
    },
  }
}

it('a host whose updateHost got no answer is reconnected by its next job, once a day, with the warning in log, status and history', async () => {
  const { run, asked, warned, later, store } = await played('allowed')
  expect(await run()).toMatchObject({ request: { call: 'updateHost', answered: false }, verdict: 'Unknown' })
  expect(warned).toEqual([])
  const after = await run()
  expect(asked).toEqual([`updateHost ${host}`, `reconnectHost ${host}`, 'queryAsyncJobResult job-1'])
  expect(after).toMatchObject({
    reason: 'RequestedUnverified',
    detail: expect.stringMatching(
      /^reconnectHost was answered; commands in flight to the host were cancelled; it is Up \d+ s later$/,
    ),
    done: after?.wanted,
  })
  expect(warned).toEqual(['a host is reconnected: CloudStack cancels the commands that are in flight to it'])
  expect(await store.list(`Z#${cloud}#${zone}`, 'L#')).toMatchObject([{ sk: 'L#reconnect', fence: 1 }])
  expect((await store.list(`Z#${cloud}#${zone}`, 'L#'))[0]).not.toHaveProperty('holder')
  const [line] = await readHistory(store, cloud, { zone, host }, 5)
  expect(line).toMatchObject({ what: 'run', detail: expect.stringMatching(/in flight to the host were cancelled/) })
  await run()
  await run()
  expect(asked.slice(3)).toEqual([`updateHost ${host}`, `updateHost ${host}`])
  later(day)
  await run()
  expect(asked.at(5)).toBe(`reconnectHost ${host}`)
})

it('never, unless the setting allows it', async () => {
  const { run, asked } = await played('never')
  for (let times = 0; times < 3; times++) await run()
  expect(asked).toEqual(Array(3).fill(`updateHost ${host}`))
})
