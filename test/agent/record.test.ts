/** What is remembered of an agent: on its host's record, and in the history. */
import { beforeEach, expect, it } from 'vitest'
import { readHistory, recordRepair } from '../../shared/flow/history.ts'
import { outcome } from '../../shared/reconcile/outcome.ts'
import type { AgentSeen } from '../../shared/reconcile/record.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { hostKey, readHost } from '../../shared/store/items.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import { reportDone } from '../../shared/store/writes.ts'
import { hostRecord } from '../factories.ts'

const policy = { mode: 'apply', baseMilliseconds: 1_000, maxMilliseconds: 60_000 }
const result = {
  verdict: 'InSync',
  devices: 4,
  created: 0,
  findings: [],
  pending: [],
  readiness: [],
  orphans: [],
} as const
const keeping = { cloud: 'default', historyMilliseconds: 1_000_000 }

let store: ReturnType<typeof createMemoryStore>
let ports: Parameters<typeof recordRepair>[0]
beforeEach(async () => {
  store = createMemoryStore()
  let serial = 0
  ports = {
    store,
    queues: { send: async () => {} },
    logger: silent,
    now: () => 5_000,
    random: () => 0,
    newId: () => `id-${serial++}`,
  }
  const { id, zone, name, cluster, hypervisor, address, state, resourceState, tick } = hostRecord()
  const facts = { name, cluster, hypervisor, address, state, resourceState, tick }
  await store.update({ key: hostKey('default', zone, id), set: { v: 1, ...facts, wanted: 1, tried: 1 } })
})

async function report(agent?: AgentSeen) {
  const record = hostRecord()
  await store.update({ key: hostKey('default', record.zone, record.id), set: { runId: 'run-1' } })
  const done = outcome(record, agent === undefined ? result : { ...result, agent }, 'r1', policy, 5_000, 0.5)
  return readHost(await store.update(reportDone('default', record, 'run-1', done, 5_000)))
}

it('a run by an agent leaves its release and its repairs on the record, and one without takes them away', async () => {
  const agent = { version: '0.1.0', repairs: 2, repairedAt: 4_000 }
  expect((await report(agent))?.agent).toEqual(agent)
  expect(await report()).not.toHaveProperty('agent')
})

it('repairs since the last run are one line of the history, and none where there were none', async () => {
  const before = hostRecord({ agent: { version: '0.1.0', repairs: 2 } })
  const after = hostRecord({ agent: { version: '0.1.0', repairs: 5, repairedAt: 4_000 } })
  await recordRepair(ports, keeping, before, before, 'run-1', ['eth1.100'])
  await recordRepair(ports, keeping, before, after, 'run-2', ['breth1-100', 'eth1.100'])
  const lines = await readHistory(store, 'default', { zone: before.zone, host: before.id }, 10)
  expect(lines).toMatchObject([{ what: 'repair', detail: '3 times by itself, last: breth1-100, eth1.100' }])
})
