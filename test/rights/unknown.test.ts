/** What a later server may say that this release has never heard of breaks nothing: every enum gets an unknown value. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Answer } from '../../infra/local/cloudstackSimulator/listing.ts'
import type { CloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { readDesired } from '../../shared/flow/read.ts'
import { needOf } from '../../shared/hypervisors/kvm/need.ts'
import { registry } from '../../shared/hypervisors/registry.ts'
import { eligible } from '../../shared/reconcile/candidates.ts'
import { transitions } from '../../shared/reconcile/transitions.ts'
import { hostFact, hostRecord } from '../factories.ts'
import { type Deployment, deploymentOn } from './deployment.ts'
import { startScene } from './scene.ts'

const settings = { BRIDGEKEEPER_DRIVERS: 'KVM=cloudstack', BRIDGEKEEPER_LIST_SECONDS: '60' }

let simulator: CloudStackSimulator
let deployment: Deployment
let zone: string

beforeEach(async () => {
  simulator = await startScene()
  deployment = deploymentOn(simulator, simulator, settings)
  zone = simulator.cloud.host('kvm1').zone
  await deployment.tick()
  await deployment.work()
})
afterEach(() => simulator.stop())

/** From now on, this field of each row that is chosen has a value that nobody knows. */
function change(
  command: string,
  list: string,
  field: string,
  value: unknown,
  chosen = (_row: Answer): boolean => true,
) {
  simulator.faults.rewrite = (asked, answer) => {
    const rows = answer[list]
    if (asked !== command || !Array.isArray(rows)) return answer
    return { ...answer, [list]: rows.map((row: Answer) => (chosen(row) ? { ...row, [field]: value } : row)) }
  }
}

async function nextTick(): Promise<void> {
  deployment.advance(70)
  expect(await deployment.tick()).toMatchObject({ hosts: 2 })
  await deployment.work()
}

const named =
  (name: string) =>
  (row: Answer): boolean =>
    row.name === name
const uris = async (): Promise<readonly string[]> =>
  ((await readDesired(deployment.ports.store, 'default', zone, 'KVM'))?.networks ?? []).map(({ uri }) => uri).sort()
const all = ['vlan://101', 'vlan://102', 'vlan://103']

describe('a tick that meets', () => {
  it.each([
    ['a status', 'listHosts', 'host', 'state', 'Quarantined', all],
    ['a resource state', 'listHosts', 'host', 'resourcestate', 'Hibernating', all],
    ['a zone’s network type', 'listZones', 'zone', 'networktype', 'Quantum', all],
    ['an isolation method', 'listPhysicalNetworks', 'physicalnetwork', 'isolationmethods', 'GENEVE', all],
    ['an offering’s guest type', 'listNetworkOfferings', 'networkoffering', 'guestiptype', 'L7', all],
    ['an event type', 'listEvents', 'event', 'type', 'HOST.TELEPORT', all],
    ['an event level', 'listEvents', 'event', 'level', 'FATAL', all],
  ])('an unknown %s goes on with all networks', async (_what, command, list, field, value, expected) => {
    change(command, list, field, value)
    await nextTick()
    expect(await uris()).toEqual(expected)
    expect((await deployment.control())?.failure).toBeUndefined()
  })

  it.each([
    ['state', 'Migrating', ['vlan://101', 'vlan://103']],
    ['type', 'L7', ['vlan://101', 'vlan://103']],
    ['broadcasturi', 'geneve://7', ['geneve://7', 'vlan://101', 'vlan://103']],
    ['broadcastdomaintype', 'Geneve', all],
    ['acltype', 'Galaxy', all],
  ])('a network with an unknown %s believes the rest', async (field, value, expected) => {
    change('listNetworks', 'network', field, value, named('net102'))
    await nextTick()
    expect(await uris()).toEqual(expected)
  })

  it('an unknown hypervisor keeps the host, without a driver for it', async () => {
    change('listHosts', 'host', 'hypervisor', 'Nutanix', named('kvm2'))
    await nextTick()
    const rows = (await deployment.status()).rows
    expect(rows.map(({ record, reason }) => [record.name, reason])).toContainEqual(['kvm2', 'NoDriver'])
  })

  it('an unknown traffic type has no guest label for it, and does not believe that all its networks are gone', async () => {
    change('listTrafficTypes', 'traffictype', 'traffictype', 'Telepathy')
    await nextTick()
    expect(await uris()).toEqual(all)
    expect((await deployment.control())?.refusals?.networks).toMatchObject({ absentees: 3, known: 3 })
  })

  it('new fields everywhere, of any shape, reads what it knows', async () => {
    const news = { renamed: true, nested: { deep: [1, { a: null }] }, 'with space': '', count2: -1 }
    simulator.faults.rewrite = (_command, answer) => ({
      ...Object.fromEntries(
        Object.entries(answer).map(([key, value]) => [
          key,
          Array.isArray(value) ? value.map((row: Answer) => ({ ...row, ...news })) : value,
        ]),
      ),
      ...news,
    })
    await nextTick()
    expect(await uris()).toEqual(all)
    expect((await deployment.control())?.failure).toBeUndefined()
  })
})

describe('a state that nobody knows', () => {
  const unknown = { state: 'Quarantined' }

  it('is not Up: its host is waited for, and served when it comes back', () => {
    const [up, lost] = [hostFact(), hostFact(unknown)]
    expect([transitions(up, lost), transitions(lost, up)]).toEqual([['hostDisconnected'], ['hostConnect']])
    expect(eligible(hostRecord(unknown), registry['kvm-ssh'])).toBe(false)
  })

  it('of a resource is not Enabled: only drivers that reach the host serve it', () => {
    const frozen = { resourceState: 'Hibernating' }
    expect(transitions(hostFact(frozen), hostFact())).toEqual(['hostEnabled'])
    expect(eligible(hostRecord(frozen), registry['kvm-ssh'])).toBe(true)
    expect(eligible(hostRecord(frozen), registry.cloudstack)).toBe(false)
  })

  it('of a URI’s scheme is said to be unsupported, by name', () => {
    expect(needOf('geneve://7')).toMatchObject({ need: 'unsupported', detail: expect.stringContaining('geneve://7') })
  })
})
