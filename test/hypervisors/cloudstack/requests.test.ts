/** What the driver sends, to the letter: to the simulator, and to a server that answers with what a real one answered. */
import { afterEach, describe, expect, it } from 'vitest'
import { maintenanceStates } from '../../../infra/local/cloudstackSimulator/hostStates.ts'
import { seedCloud } from '../../../infra/local/cloudstackSimulator/seed.ts'
import {
  type CloudStackSimulator,
  startCloudStackSimulator,
} from '../../../infra/local/cloudstackSimulator/simulator.ts'
import { createCloudStack } from '../../../shared/cloudstack/client.ts'
import { createHttp, type Http } from '../../../shared/cloudstack/http.ts'
import { createCloudStackDriver } from '../../../shared/hypervisors/cloudstack/driver.ts'
import type { Reconnecting } from '../../../shared/hypervisors/cloudstack/reconnect.ts'
import type { Target } from '../../../shared/hypervisors/driver.ts'
import { run } from '../../../shared/hypervisors/run.ts'
import type { Logger } from '../../../shared/runtime/logger.ts'
import { captureText } from '../../cloudstack/fixtures.ts'
import { recorded, type Sent } from '../../cloudstack/recordedHttp.ts'
import { desiredOf, vlan } from '../../factories.ts'

const never = new AbortController().signal
const desired = desiredOf([vlan(100), vlan(200)])
const unanswered = { call: 'updateHost', answered: false, at: 1 } as const
const page = { page: '1', pagesize: '500' }

const warned: string[] = []
const logger: Logger = { debug() {}, info() {}, error() {}, warn: (message) => void warned.push(message) }
const reconnecting = (free = true): Reconnecting => ({
  lease: async () => (free ? { release: async () => {} } : undefined),
  logger,
  sleep: () => new Promise((resolve) => setTimeout(resolve, 5)),
})

let simulator: CloudStackSimulator
afterEach(async () => {
  warned.length = 0
  await simulator?.stop()
})

/** A cluster of so many hosts; the first is the target. */
async function start(hosts: number): Promise<{ target: Target; http: Http; sent: Sent[] }> {
  const seed = seedCloud([
    {
      name: 'zone',
      physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' } }],
      clusters: [
        {
          name: 'cluster',
          hosts: Array.from({ length: hosts }, (_, n) => ({ name: `kvm${n + 1}`, address: `192.0.2.${n + 1}` })),
        },
      ],
      networks: [100, 200].map((id) => ({ name: `net${id}`, uri: `vlan://${id}` })),
    },
  ])
  simulator = await startCloudStackSimulator({ seed, reconnectMs: 20 })
  const { id, zone, cluster = '', address } = simulator.cloud.host('kvm1')
  const target = { cloud: 'default', zone, cluster, id, name: 'kvm1', address, resourceState: 'Enabled' }
  return { target, ...recorded(createHttp(new URL(simulator.url), {})) }
}

const ask = (target: Target, http: Http, how?: Reconnecting) =>
  run(
    createCloudStackDriver(
      createCloudStack({ url: simulator.url, apiKey: simulator.apiKey, secretKey: simulator.secretKey, http }),
      how === undefined ? {} : { reconnecting: how },
    ),
    target,
    desired,
    'apply',
    never,
  )

describe('what is sent for a host', () => {
  it('is its version, a reading, and an updateHost with the id and nothing else', async () => {
    const { target, http, sent } = await start(2)
    const { request } = await ask(target, http)
    expect(sent).toEqual([
      { command: 'listCapabilities', parameters: {} },
      { command: 'listHosts', parameters: { id: target.id, ...page } },
      { command: 'updateHost', parameters: { id: target.id } },
    ])
    expect(request).toMatchObject({ call: 'updateHost', answered: true })
  })

  it('is a reconnectHost with the id alone, its job, and readings until it is back, where that is allowed', async () => {
    const { target, http, sent } = await start(2)
    const { request } = await ask({ ...target, request: unanswered }, http, reconnecting())
    expect(sent.slice(0, 4)).toEqual([
      { command: 'listCapabilities', parameters: {} },
      { command: 'listHosts', parameters: { clusterid: target.cluster, ...page } },
      { command: 'reconnectHost', parameters: { id: target.id } },
      { command: 'queryAsyncJobResult', parameters: { jobid: expect.any(String) } },
    ])
    expect(new Set(sent.slice(4).map(({ command }) => command))).toEqual(new Set(['listHosts']))
    expect(request).toMatchObject({
      call: 'reconnectHost',
      answered: true,
      note: expect.stringMatching(/commands in flight to the host were cancelled; it is Up \d+ s later/),
    })
    expect(warned).toEqual(['a host is reconnected: CloudStack cancels the commands that are in flight to it'])
    expect(simulator.cloud.setups.map(({ cause }) => cause)).toEqual(['connect', 'connect'])
  })

  it.each([
    ['it is not allowed', undefined, unanswered, 2, undefined],
    ['the last updateHost was answered', reconnecting(), { ...unanswered, answered: true }, 2, undefined],
    ['nothing was asked before', reconnecting(), undefined, 2, undefined],
    [
      'it was reconnected within a day',
      reconnecting(),
      { ...unanswered, reconnectedAt: Date.now() - 3_600_000 },
      2,
      undefined,
    ],
    ['another host is being reconnected', reconnecting(false), unanswered, 2, /another host of the zone/],
    ['it is the last Up host of its cluster', reconnecting(), unanswered, 1, /last host of its cluster/],
  ])('is an updateHost and no reconnect where %s', async (_why, how, request, hosts, note) => {
    const { target, http, sent } = await start(hosts)
    const ran = await ask({ ...target, ...(request === undefined ? {} : { request }) }, http, how)
    expect(sent.filter(({ command }) => command === 'reconnectHost')).toEqual([])
    expect(sent.at(-1)).toEqual({ command: 'updateHost', parameters: { id: target.id } })
    expect(ran.request?.call).toBe('updateHost')
    if (note !== undefined) expect(ran.request?.note).toMatch(note)
  })

  it('counts for the last Up host those of its cluster that are Up and Enabled, as just read', async () => {
    const { target, http, sent } = await start(3)
    await simulator.cloud.disable('kvm2')
    simulator.cloud.disconnect('kvm3')
    await ask({ ...target, request: unanswered }, http, reconnecting())
    expect(sent.map(({ command }) => command)).not.toContain('reconnectHost')
  })

  it('is no reconnect again where its job failed, but an updateHost with the reason', async () => {
    const { target, http } = await start(2)
    simulator.faults.rewrite = (command, answer) =>
      command === 'queryAsyncJobResult'
        ? { ...answer, jobstatus: 2, jobresult: { errorcode: 530, errortext: 'not now' } }
        : answer
    // The simulated host goes away all the same; a real one stays.
    const ran = await ask({ ...target, request: unanswered }, http, reconnecting()).catch((error: unknown) => error)
    expect(ran).toSatisfy(
      (given: { reason?: string; request?: { note?: string } }) =>
        given.reason === 'HostNotUp' || /not now/.test(given.request?.note ?? ''),
    )
  })

  it.each([
    ...[...maintenanceStates].map((state) => ['Up', state]),
    ...['Disabled', 'Degraded', 'Error', 'AStateOf4.30'].map((state) => ['Up', state]),
    ...['Down', 'Disconnected', 'Alert', 'Connecting', 'Rebalancing', 'Removed'].map((state) => [state, 'Enabled']),
  ])('is nothing to a host that is %s and %s, and the reason says so', async (state, resourcestate) => {
    const { target, http, sent } = await start(2)
    simulator.faults.rewrite = (command, answer) =>
      command !== 'listHosts'
        ? answer
        : {
            ...answer,
            host: [answer.host]
              .flat()
              .map((host) => ({ ...Object(host), ...(Object(host).id === target.id ? { state, resourcestate } : {}) })),
          }
    for (const request of [undefined, unanswered]) {
      const asked = { ...target, ...(request === undefined ? {} : { request }) }
      await expect(ask(asked, http, reconnecting())).rejects.toMatchObject({
        reason: 'HostNotUp',
        message: `a fresh reading shows the host ${state} and ${resourcestate}: nothing was sent`,
      })
    }
    expect(new Set(sent.map(({ command }) => command))).toEqual(new Set(['listCapabilities', 'listHosts']))
  })

  it('is nothing to a host that CloudStack does not list any more', async () => {
    const { target, http, sent } = await start(2)
    simulator.cloud.removeHost('kvm1')
    await expect(ask(target, http)).rejects.toMatchObject({ reason: 'HostNotUp' })
    expect(sent.map(({ command }) => command)).not.toContain('updateHost')
  })
})

describe('with what a real server answered', () => {
  const id = 'd78f35f7-7e2d-4a96-93b5-c58f6c9b5452'
  const target = {
    cloud: 'default',
    zone: 'z',
    cluster: '8d89b5a7-058b-4699-b6ce-205d9f36415d',
    id,
    name: 'h',
    address: '',
    resourceState: 'Enabled',
  }
  const replay = (files: Readonly<Record<string, string>>) =>
    recorded({
      post: async (form) => {
        const file = files[new URLSearchParams(form).get('command') ?? ''] ?? 'error.unknown-command.json'
        const none = { retryAfter: undefined, location: undefined, date: undefined }
        return { status: file.startsWith('error.') ? 401 : 200, body: Buffer.from(captureText(file)), ...none }
      },
      renew: () => {},
    })
  const asked = async (files: Readonly<Record<string, string>>, request?: Target['request']) => {
    const { http, sent } = replay({ listCapabilities: 'listCapabilities.json', ...files })
    const cloudstack = createCloudStack({ url: 'http://127.0.0.1/client/api', apiKey: 'k', secretKey: 's', http })
    const ran = run(
      createCloudStackDriver(cloudstack, { reconnecting: { ...reconnecting(), sleep: async () => {} } }),
      { ...target, ...(request === undefined ? {} : { request }) },
      desired,
      'apply',
      AbortSignal.timeout(300),
    )
    return {
      ran: await ran.catch((error: unknown) => error),
      sent: sent.map(({ command, parameters }) => [command, parameters.id]),
    }
  }

  it('updates a host that is Up and Enabled', async () => {
    const { ran, sent } = await asked({
      listHosts: 'listHosts.routing.all-up.json',
      updateHost: 'updateHost.enable.json',
    })
    expect(ran).toMatchObject({ verdict: 'Unknown', request: { call: 'updateHost', answered: true } })
    expect(sent.slice(1)).toEqual([
      ['listHosts', id],
      ['updateHost', id],
    ])
  })

  it('reconnects it, and knows the job that ended', async () => {
    const files = { listHosts: 'listHosts.routing.all-up.json', reconnectHost: 'reconnectHost.submit.json' }
    const { ran, sent } = await asked({ ...files, queryAsyncJobResult: 'reconnectHost.poll-done.json' }, unanswered)
    expect(ran).toMatchObject({ request: { call: 'reconnectHost', answered: true } })
    expect(sent.slice(1, 4)).toEqual([
      ['listHosts', undefined],
      ['reconnectHost', id],
      ['queryAsyncJobResult', undefined],
    ])
  })

  it('updates it where the reconnect’s job failed', async () => {
    const files = { listHosts: 'listHosts.routing.all-up.json', reconnectHost: 'reconnectHost.submit.json' }
    const failed = {
      queryAsyncJobResult: 'reconnectHost.of-alert-host.poll-done.json',
      updateHost: 'updateHost.enable.json',
    }
    const { ran } = await asked({ ...files, ...failed }, unanswered)
    expect(ran).toMatchObject({
      request: {
        call: 'updateHost',
        note: expect.stringMatching(/^reconnectHost failed: /),
        reconnectedAt: expect.any(Number),
      },
    })
  })

  it.each(['listHosts.one.Up-Maintenance.json', 'listHosts.one.Up-PrepareForMaintenance.json'])(
    'sends nothing on %s',
    async (listHosts) => {
      for (const request of [undefined, unanswered]) {
        const { ran, sent } = await asked({ listHosts }, request)
        expect(ran).toMatchObject({ reason: 'HostNotUp' })
        expect(sent.map(([command]) => command)).toEqual(['listCapabilities', 'listHosts'])
      }
    },
  )
})
