import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { policyOf } from '../../shared/flow/policy.ts'
import { publish } from '../../shared/flow/publish.ts'
import { readDesired } from '../../shared/flow/read.ts'
import type { NetworkFact } from '../../shared/reconcile/model.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { revisionKey } from '../../shared/store/items.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import { hostFact } from '../factories.ts'

const zones = ['zone-1', 'zone-2']
const network = (zone: string, id: string): NetworkFact => ({
  id: `${zone}-${id}`,
  name: randomBytes(60).toString('hex'),
  zone,
  offering: 'o',
  guestType: 'L2',
  state: 'Implemented',
  broadcastUri: `vlan://${id}`,
})
const factsOf = (networks: readonly NetworkFact[]) => ({
  zones: zones.map((id) => ({ id, name: id })),
  physicalNetworks: zones.map((zone) => ({ id: `pn-${zone}`, name: 'pn', zone })),
  guestLabels: zones.map((zone) => ({ physicalNetwork: `pn-${zone}`, labels: { KVM: 'cloudbr1' } })),
  offerings: [{ id: 'o', name: 'o', guestType: 'L2', persistent: true }],
  networks,
})

function publisher() {
  const store = createMemoryStore()
  const queues = { send: () => Promise.reject(new Error('publishing sends nothing')) }
  const ports = { store, queues, logger: silent, now: () => 1_000, random: () => 0, newId: () => 'id' }
  const hosts = zones.map((zone) => hostFact({ id: zone, zone }))
  const put = (tick: number, networks: readonly NetworkFact[]) =>
    publish(ports, policyOf(parseConfiguration({})), tick, factsOf(networks), hosts, undefined)
  return { store, put }
}

it('a zone whose networks do not fit keeps what it had, and stops no other zone', async () => {
  const { store, put } = publisher()
  await put(1, [network('zone-1', '100')])
  const many = Array.from({ length: 6_000 }, (_, id) => network('zone-1', `${id}`))
  expect(await put(2, [...many, network('zone-1', '100'), network('zone-2', '200')])).toMatchObject({ whole: false })
  expect((await readDesired(store, 'default', 'zone-1', 'KVM'))?.networks).toHaveLength(1)
  expect((await readDesired(store, 'default', 'zone-2', 'KVM'))?.networks).toHaveLength(1)
})

it('a damaged revision is written anew by the next listing', async () => {
  const { store, put } = publisher()
  const networks = [network('zone-1', '100')]
  await put(1, networks)
  const { revision = '' } = (await readDesired(store, 'default', 'zone-1', 'KVM')) ?? {}
  await store.update({ key: revisionKey('default', 'zone-1', 'KVM', revision), set: { body: new Uint8Array([1]) } })
  expect(await readDesired(store, 'default', 'zone-1', 'KVM')).toBeUndefined()
  expect(await put(2, networks)).toEqual({ refusal: undefined, whole: true })
  expect((await readDesired(store, 'default', 'zone-1', 'KVM'))?.networks).toHaveLength(1)
})
