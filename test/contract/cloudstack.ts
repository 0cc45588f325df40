/**
 * What every server that speaks CloudStack's protocol must do, the captured one and the simulator alike, as seen by raw
 * requests and by our client. Both hold the captured cloud. In: how to start one. Out: a suite.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { expectedSignature } from '../../infra/local/cloudstackSimulator/authentication.ts'
import { type CloudStack, createCloudStack } from '../../shared/cloudstack/client.ts'
import { desiredSets } from '../../shared/reconcile/desired.ts'
import { capturedUris } from './cloudstackExpected.ts'

export interface Server {
  readonly url: string
  readonly admin: Keys
  /** An account with the role User, named user1. */
  readonly user: Keys
  stop(): Promise<void>
}

export interface Keys {
  readonly apiKey: string
  readonly secretKey: string
}

type Parameters = Readonly<Record<string, string>>

const outer = z.record(z.string(), z.record(z.string(), z.unknown()))
const rowsOf = z.array(z.looseObject({ id: z.string() }))

export function cloudstackContract(name: string, start: () => Promise<Server>): void {
  describe(`a CloudStack server: ${name}`, () => {
    let server: Server
    let client: CloudStack

    beforeAll(async () => {
      server = await start()
      client = createCloudStack({ url: server.url, ...server.admin })
    })
    afterAll(() => server.stop())

    const ask = async (pairs: readonly (readonly [string, string])[], method: 'GET' | 'POST' = 'POST') => {
      const form = new URLSearchParams(pairs.map(([key, value]): [string, string] => [key, value]))
      const response =
        method === 'POST'
          ? await fetch(server.url, { method, body: form })
          : await fetch(`${server.url}?${form}`, { method })
      const [[key, answer] = ['', {}]] = Object.entries(outer.parse(await response.json()))
      return { status: response.status, key, answer }
    }

    const signed = (parameters: Parameters, keys: Keys = server.admin): readonly [string, string][] => {
      const pairs = Object.entries({ ...parameters, apikey: keys.apiKey, response: 'json' })
      return [...pairs, ['signature', expectedSignature(pairs, keys.secretKey)]]
    }

    const call = (parameters: Parameters, keys?: Keys) => ask(signed(parameters, keys))

    describe('signatures', () => {
      it.each(['GET', 'POST'] as const)('takes a signed %s', async (method) => {
        const { status, key, answer } = await ask(signed({ command: 'listZones' }), method)
        expect([status, key, answer.count]).toEqual([200, 'listzonesresponse', 2])
      })

      it.each(['a*b', 'a~b', 'a b', '[a]', "a!'()b", 'é네트', 'a+b&c=d/e'])(
        'takes the value %s, encoded as Java does',
        async (nosuchparam) => {
          expect((await call({ command: 'listZones', nosuchparam })).status).toBe(200)
        },
      )

      it.each([
        ['a wrong secret key', () => signed({ command: 'listZones' }, { ...server.admin, secretKey: 'wrong' })],
        ['an unknown api key', () => signed({ command: 'listZones' }, { ...server.admin, apiKey: 'unknown' })],
        ['no signature', () => signed({ command: 'listZones' }).filter(([field]) => field !== 'signature')],
        ['an unsigned extra parameter', () => [...signed({ command: 'listZones' }), ['page', '1'] as const]],
        ['a repeated parameter', () => [...signed({ command: 'listZones' }), ['response', 'json'] as const]],
        ['version 3 without expires', () => signed({ command: 'listZones', signatureversion: '3' })],
        [
          'a past expires',
          () => signed({ command: 'listZones', signatureversion: '3', expires: '2020-01-01T00:00:00+0000' }),
        ],
        [
          'an expires that cannot be parsed',
          () => signed({ command: 'listZones', signatureversion: '3', expires: 'yesterday' }),
        ],
      ])('refuses %s with 401', async (_what, pairs) => {
        const { status, key, answer } = await ask(pairs())
        expect([status, key, answer.errorcode]).toEqual([401, 'listzonesresponse', 401])
      })

      it.each(['2199-01-01T00:00:00+0000', '2199-01-01T00:00:00+00:00', '2199-01-01T00:00:00Z'])(
        'takes version 3 until %s',
        async (expires) => {
          expect((await call({ command: 'listZones', signatureversion: '3', expires })).status).toBe(200)
        },
      )

      it('ignores expires without version 3', async () => {
        expect((await call({ command: 'listZones', expires: 'yesterday' })).status).toBe(200)
      })
    })

    describe('errors', () => {
      const nobody = '00000000-0000-0000-0000-000000000000'
      it.each<[string, Parameters, number, string]>([
        ['no command', {}, 401, 'null'],
        ['an unknown command', { command: 'listNoSuchThing' }, 401, 'errorresponse'],
        ['a command in capitals', { command: 'LISTZONES' }, 401, 'errorresponse'],
        ['a missing parameter', { command: 'listTrafficTypes' }, 431, 'listtraffictypesresponse'],
        ['an unknown host', { command: 'listHosts', id: nobody }, 431, 'listhostsresponse'],
        ['an empty id', { command: 'listHosts', zoneid: '' }, 431, 'listhostsresponse'],
        ['unknown details', { command: 'listHosts', details: 'bogus' }, 431, 'listhostsresponse'],
        ['an unknown job', { command: 'queryAsyncJobResult', jobid: nobody }, 431, 'queryasyncjobresultresponse'],
        ['a host to reconnect that is none', { command: 'reconnectHost', id: nobody }, 431, 'reconnecthostresponse'],
        [
          'system networks',
          { command: 'listNetworks', listall: 'true', issystem: 'true' },
          530,
          'listnetworksresponse',
        ],
        ['a page without a size', { command: 'listHosts', page: '1' }, 431, 'listhostsresponse'],
        ['a size without a page', { command: 'listHosts', pagesize: '2' }, 431, 'listhostsresponse'],
        ['pages of 501', { command: 'listHosts', page: '1', pagesize: '501' }, 431, 'listhostsresponse'],
        [
          'an endless page with a number',
          { command: 'listHosts', page: '1', pagesize: '-1' },
          431,
          'listhostsresponse',
        ],
        ['a page that is no number', { command: 'listHosts', page: 'one', pagesize: '2' }, 431, 'listhostsresponse'],
      ])('answers %s as captured', async (_what, parameters, code, expected) => {
        const { status, key, answer } = await call(parameters)
        expect([status, key, answer.errorcode, answer.uuidList]).toEqual([code, expected, code, []])
      })

      it('answers 432 to a role without the command', async () => {
        const { status, key, answer } = await call({ command: 'listHosts' }, server.user)
        expect([status, key, answer.errorcode]).toEqual([432, 'errorresponse', 432])
      })
    })

    describe('lists', () => {
      const page = (number: string) => call({ command: 'listHosts', type: 'Routing', page: number, pagesize: '3' })

      it('shows the same hosts in pages as at once, in no order to rely on', async () => {
        const pages = [await page('1'), await page('2'), await page('3')]
        const whole = await call({ command: 'listHosts', type: 'Routing' })
        const ids = pages.flatMap(({ answer }) => rowsOf.parse(answer.host).map(({ id }) => id))
        expect(ids.sort()).toEqual(
          rowsOf
            .parse(whole.answer.host)
            .map(({ id }) => id)
            .sort(),
        )
      })

      it.each(['4', '99'])('shows the count and no list on page %s, past the end', async (number) => {
        expect((await page(number)).answer).toEqual({ count: 9 })
      })

      it.each(['0', '-1'])('takes page %s for the first', async (number) => {
        const { answer } = await call({ command: 'listHosts', page: number, pagesize: '2' })
        expect([answer.count, rowsOf.parse(answer.host).length]).toEqual([10, 2])
      })

      it('shows the count alone for hosts on pages of none', async () => {
        expect((await call({ command: 'listHosts', page: '1', pagesize: '0' })).answer).toEqual({ count: 10 })
      })

      it.each<[string, Parameters]>([
        ['a type that is none', { command: 'listHosts', type: 'Bogus' }],
        ['a state that is none', { command: 'listHosts', state: 'Bogus' }],
        ['a deleted network', { command: 'listNetworks', id: 'b155b622-b1f2-48c0-854f-5cf3f41c53ce', listall: 'true' }],
      ])('answers {} for %s', async (_what, parameters) => {
        expect(await call(parameters)).toMatchObject({ status: 200, answer: {} })
        expect((await call(parameters)).answer).toEqual({})
      })

      it('shows system VMs unless the type is asked for, and they have no cluster', async () => {
        const { answer } = await call({ command: 'listHosts' })
        const systemVms = rowsOf.parse(answer.host).filter((row) => row.type !== 'Routing')
        expect(systemVms.map((row) => [row.type, row.clusterid, row.hypervisor])).toEqual([
          ['SecondaryStorageVM', undefined, undefined],
        ])
      })
    })

    describe('what rows hold', () => {
      const network = async (wanted: string, keys?: Keys) => {
        const { answer } = await call({ command: 'listNetworks', listall: 'true' }, keys)
        return rowsOf.parse(answer.network).find((row) => row.name === wanted)
      }

      it('hosts have these fields, and no more in short', async () => {
        const { answer } = await call({ command: 'listHosts', type: 'Routing', details: 'min' })
        const fields = rowsOf.parse(answer.host).map((row) => Object.keys(row).sort().join(' '))
        expect(new Set(fields)).toEqual(
          new Set([
            'capabilities clusterid cpunumber cpuspeed created hasannotations hostha hypervisor id ipaddress ' +
              'islocalstorageactive lastpinged managementserverid memoryallocated name outofbandmanagement podid ' +
              'resourcestate state tpmCapabilty type ueficapability version zoneid',
          ]),
        )
      })

      it.each([
        ['l2p-1', 'L2', 'Implemented', 'vlan://3001', '3001'],
        ['l2pvlan-1', 'L2', 'Implemented', 'pvlan://3601-i3602', 'N/A'],
        ['l2untagged-1', 'L2', 'Implemented', 'vlan://untagged', 'untagged'],
        ['l2vx-1', 'L2', 'Implemented', 'vxlan://50047', '50047'],
        ['isonv-1', 'Isolated', 'Setup', 'vlan://3401', '3401'],
        ['ison-1', 'Isolated', 'Allocated', undefined, undefined],
      ])('%s is %s, %s, and has its URI', async (wanted, type, state, uri, vlan) => {
        const row = await network(wanted)
        expect([row?.type, row?.state, row?.broadcasturi, row?.vlan]).toEqual([type, state, uri, vlan])
      })

      it('a user sees a network without its URI', async () => {
        const row = await network('shared-1', server.user)
        expect([row?.state, row?.broadcasturi, row?.vlan]).toEqual(['Setup', undefined, undefined])
      })

      it('projectid=-1 replaces: it shows the networks of projects and the shared ones only', async () => {
        const { answer } = await call({ command: 'listNetworks', listall: 'true', projectid: '-1' })
        expect(rowsOf.parse(answer.network).map((row) => row.name)).toEqual(['proj1-l2p', 'shared-1'])
      })

      it('labels that are not set are absent', async () => {
        const physicalnetworkid = '27c79c1d-fc3d-4639-9cf4-3e6f86378858'
        const { answer } = await call({ command: 'listTrafficTypes', physicalnetworkid })
        const [row] = rowsOf.parse(answer.traffictype)
        expect(Object.keys(row ?? {}).sort()).toEqual(['id', 'kvmnetworklabel', 'physicalnetworkid', 'traffictype'])
      })
    })

    describe('through the client', () => {
      it('lists the hypervisor hosts, all nine', async () => {
        const hosts = await client.listHosts()
        expect(hosts.map(({ state, resourceState }) => `${state} ${resourceState}`)).toEqual(
          Array(9).fill('Up Enabled'),
        )
        expect(hosts.map(({ address }) => address)).toContain('172.17.1.2')
      })

      it('gives the desired set that was derived by hand', async () => {
        const facts = await client.listFacts()
        const hosts = (await client.listHosts()).map((host) => ({ ...host, hypervisor: 'KVM' }))
        const zones = new Map(facts.zones.map(({ id, name }) => [id, name]))
        const physicals = new Map(facts.physicalNetworks.map(({ id, name }) => [id, name]))
        const found = desiredSets(facts, hosts).flatMap(({ zone, networks }) =>
          networks.map((one) => [zones.get(zone), physicals.get(one.physicalNetwork), one.label, one.uri].join(' ')),
        )
        expect([...found].sort()).toEqual([...capturedUris].sort())
      })
    })
  })
}
