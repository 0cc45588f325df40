/** What the simulator's commands that change something answer has the shape of what was captured. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as z from 'zod'
import { managementServerId, seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { type CloudStack, createCloudStack } from '../../shared/cloudstack/client.ts'
import { anyCommand } from './anyCommand.ts'
import { captureBody } from './fixtures.ts'

const seed = seedCloud([
  {
    name: 'zone1',
    physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' }, vlans: '1000-1001' }],
    clusters: [{ name: 'c1', hosts: [{ name: 'h1', address: '192.0.2.1' }] }],
    networks: [{ name: 'one', uri: 'vlan://1' }],
  },
])

const record = z.record(z.string(), z.unknown())
const job = z.looseObject({ jobid: z.string(), jobstatus: z.number() })

let simulator: CloudStackSimulator
let client: CloudStack
let awake: () => void

beforeEach(async () => {
  const asleep = Promise.withResolvers<void>()
  awake = asleep.resolve
  simulator = await startCloudStackSimulator({ seed, sleep: () => asleep.promise })
  client = createCloudStack({ ...simulator, timeoutMs: 5_000 })
})
afterEach(async () => {
  awake()
  await simulator.stop()
})

const call = (command: string, parameters: Readonly<Record<string, string>> = {}) =>
  anyCommand(simulator)(command, parameters, record)

const keysOf = (answer: Readonly<Record<string, unknown>>): readonly string[] => Object.keys(answer).sort()

const hostId = (): string => simulator.cloud.host('h1').id

/** Starts a job and asks until it is settled, as an operator's script does. */
async function settle(command: string, parameters: Readonly<Record<string, string>>) {
  const { jobid } = z.object({ jobid: z.string() }).parse(await call(command, parameters))
  const query = () => anyCommand(simulator)('queryAsyncJobResult', { jobid }, job)
  await vi.waitUntil(async () => (await query()).jobstatus !== 0)
  return query()
}

describe('jobs', () => {
  it('answer their id', async () => {
    expect(keysOf(await call('reconnectHost', { id: hostId() }))).toEqual(
      keysOf(captureBody('reconnectHost.submit.json')),
    )
  })

  it('reconnectHost says Up while the host is gone, and it comes back by itself', async () => {
    const done = await settle('reconnectHost', { id: hostId() })
    expect(keysOf(done)).toEqual(keysOf(captureBody('reconnectHost.poll-done.json')))
    expect(simulator.cloud.host('h1').state).toBe('Disconnected')
    awake()
    await simulator.cloud.settled()
    expect(simulator.cloud.host('h1')).toMatchObject({ state: 'Up', managementServer: managementServerId })
    expect(simulator.cloud.setups).toHaveLength(1)
  })

  it('reconnectHost of a host in Alert whose agent is gone fails as captured', async () => {
    simulator.cloud.disconnect('h1', 'PingTimeout')
    const failed = await settle('reconnectHost', { id: hostId() })
    expect(keysOf(failed)).toEqual(keysOf(captureBody('reconnectHost.of-alert-host.poll-done.json')))
    expect(failed).toMatchObject({ jobstatus: 2, jobresultcode: 530, jobresult: { errorcode: 530 } })
  })

  it('reconnectHost takes the internal number of a host', async () => {
    expect((await settle('reconnectHost', { id: '1' })).jobstatus).toBe(1)
  })

  it('maintenance is prepared by the job, and reached after it', async () => {
    const done = await settle('prepareHostForMaintenance', { id: hostId() })
    expect(done).toMatchObject({
      jobstatus: 1,
      jobresult: { host: { state: 'Up', resourcestate: 'PrepareForMaintenance' } },
    })
    awake()
    await simulator.cloud.settled()
    expect(simulator.cloud.host('h1').resourceState).toBe('Maintenance')
    expect(await settle('cancelHostMaintenance', { id: hostId() })).toMatchObject({
      jobresult: { host: { resourcestate: 'Enabled' } },
    })
  })

  it('a network is deleted by one', async () => {
    const done = await settle('deleteNetwork', { id: simulator.cloud.network('one').id })
    expect(done).toMatchObject({ jobstatus: 1, jobresult: { success: true } })
    expect(simulator.cloud.networks()).toEqual([])
  })
})

describe('calls that answer at once', () => {
  it('updateHost disables, and sets the host up all the same', async () => {
    const answer = await call('updateHost', { id: hostId(), allocationstate: 'Disable' })
    expect(keysOf(answer)).toEqual(keysOf(captureBody('updateHost.enable.json')))
    expect(simulator.cloud.host('h1').resourceState).toBe('Disabled')
    expect(simulator.cloud.setups.map(({ cause }) => cause)).toEqual(['updateHost'])
  })

  it('addHost answers a list of the one that it added', async () => {
    const { zone, pod, cluster = '' } = simulator.cloud.host('h1')
    const place = { zoneid: zone, podid: pod, clusterid: cluster, hypervisor: 'KVM', username: 'root', password: 'p' }
    const answer = await call('addHost', { ...place, url: 'http://192.0.2.7' })
    expect(keysOf(answer)).toEqual(keysOf(captureBody('addHost.new.json')))
    expect(simulator.cloud.host('192.0.2.7')).toMatchObject({ state: 'Up', number: 2 })
  })

  it('deleteHost refuses a host outside maintenance as captured, and takes it when forced', async () => {
    const refused = call('deleteHost', { id: hostId() })
    await expect(refused).rejects.toMatchObject({ code: 530 })
    await expect(refused).rejects.toThrow('cannot be deleted as it is not in maintenance mode')
    await call('deleteHost', { id: hostId(), forced: 'true' })
    expect(await client.listHosts()).toEqual([])
  })

  it('createNetwork answers the network with its URI, and listApis knows the command', async () => {
    const { offering, zone } = simulator.cloud.network('one')
    const plan = { name: 'new', displaytext: 'new', zoneid: zone, networkofferingid: offering }
    const answer = await call('createNetwork', { ...plan, vlan: '3601', isolatedpvlan: '3602' })
    expect(answer).toMatchObject({ network: { state: 'Implemented', broadcasturi: 'pvlan://3601-i3602', vlan: 'N/A' } })
    expect(await call('listApis', { name: 'createNetwork' })).toMatchObject({ count: 1, api: [{ isasync: false }] })
  })

  it('XML is what comes without response=json', async () => {
    const response = await fetch(`${simulator.url}?command=listZones`)
    expect(response.headers.get('content-type')).toBe('text/xml;charset=utf-8')
    expect(await response.text()).toContain('<errorcode>401</errorcode>')
  })

  it.each(['PUT', 'DELETE'])('%s is 405', async (method) => {
    expect((await fetch(simulator.url, { method })).status).toBe(405)
  })
})
