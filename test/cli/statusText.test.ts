import stringWidth from 'string-width'
import { expect, it } from 'vitest'
import { networkRows } from '../../infra/cli/networkRows.ts'
import { hostTable, networkTable, nextSteps, summary } from '../../infra/cli/statusText.ts'
import type { CloudStatus, HostRow } from '../../shared/flow/status.ts'
import { count } from '../../shared/reconcile/status.ts'
import { controlKey, readControl } from '../../shared/store/items.ts'
import type { Value } from '../../shared/store/store.ts'
import { hostRecord, vlan } from '../factories.ts'
import { hostileName } from './cloud.ts'

const now = 4_000_000
const cluster = '9f3c1d5e-0f6a-4b7e-8a51-6c1f0f6f2a10'
const desired = [vlan(3001), vlan(3002)]
const row = (given: Partial<HostRow>, record: Parameters<typeof hostRecord>[0]): HostRow => ({
  zone: 'Zürich',
  status: 'InSync',
  desired,
  ...given,
  record: hostRecord({ cluster, verifiedAt: now - 200_000, devices: 4, ...record }),
})
const rows = [
  row({}, { name: 'kvm1', readySeconds: 12.3 }),
  row(
    { status: 'OutOfSync', reason: 'Conflict' },
    {
      name: 'kvm2',
      devices: 2,
      exceptions: [{ physicalNetwork: 'pn-1', uri: 'vlan://3002', reason: 'Conflict', detail: 'taken by\nbr0' }],
    },
  ),
  row({ status: 'Unknown', reason: 'RequestedUnverified' }, { name: '日本語のホスト', reason: 'RequestedUnverified' }),
  row({ status: 'Unknown', reason: 'HostNotUp' }, { name: hostileName, state: 'Down', resourceState: 'Maintenance' }),
]
const controlWith = (given: Readonly<Record<string, Value>>) =>
  readControl({ ...controlKey('default'), v: 1, ...given })
const control = controlWith({ lastGoodAt: now - 42_000 })
const status: CloudStatus = { control, rows, counts: count(rows) }
const look = (width: number) => ({ width, now, paint: (_: string, word: string) => word })

it('fits a terminal of 80 columns', () => {
  expect(hostTable(rows, look(80))).toMatchInlineSnapshot(`
    "ZONE    HOST         STATE         STATUS     REASON          NETWORKS  VERIFIED
    Zürich  kvm1         Up            InSync                     2/2       3m ago
    Zürich  kvm2         Up            OutOfSync  Conflict        1/2       3m ago
    Zürich  日本語のホ…  Up            Unknown    RequestedUnve…  ?/2       3m ago
    Zürich  �[2Jevil�3…  Down, Maint…  Unknown    HostNotUp       ?/2       3m ago"
  `)
  expect(networkTable(networkRows(status, 'vlan://3002'), look(80))).toMatchInlineSnapshot(`
    "ZONE    HOST               URI          NETWORKS  ON THE HOST  DETAIL
    Zürich  kvm1               vlan://3002  net3002   Present
    Zürich  kvm2               vlan://3002  net3002   Exception    Conflict: taken …
    Zürich  日本語のホスト     vlan://3002  net3002   Unknown      RequestedUnverif…
    Zürich  �[2Jevil�31m�lia…  vlan://3002  net3002   Unknown      HostNotUp"
  `)
})

it('shows everything on 160 columns', () => {
  expect(hostTable(rows, look(160))).toMatchInlineSnapshot(`
    "ZONE    CLUSTER                               HOST                      STATE              STATUS     REASON               NETWORKS  DEVICES  VERIFIED  READY IN
    Zürich  9f3c1d5e-0f6a-4b7e-8a51-6c1f0f6f2a10  kvm1                      Up                 InSync                          2/2       4        3m ago    12.3s
    Zürich  9f3c1d5e-0f6a-4b7e-8a51-6c1f0f6f2a10  kvm2                      Up                 OutOfSync  Conflict             1/2       2        3m ago
    Zürich  9f3c1d5e-0f6a-4b7e-8a51-6c1f0f6f2a10  日本語のホスト            Up                 Unknown    RequestedUnverified  ?/2                3m ago
    Zürich  9f3c1d5e-0f6a-4b7e-8a51-6c1f0f6f2a10  �[2Jevil�31m�liam�xxxxx…  Down, Maintenance  Unknown    HostNotUp            ?/2       4        3m ago"
  `)
})

it.each([64, 80, 100, 160])('never writes a line wider than %i columns', (width) => {
  for (const line of hostTable(rows, look(width)).split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(width)
})

it('sums up, with the age of the snapshot, and what failed since', () => {
  expect(summary(status, now)).toBe('4 hosts: 1 in sync, 1 out of sync, 1 unknown, 1 not up · snapshot 42s ago')
  const failed = controlWith({ lastGoodAt: now - 42_000, failure: 'HTTP 401:\n bad key', failureAt: now - 1000 })
  expect(summary({ ...status, control: failed }, now)).toMatch(/\nthe last snapshot failed 1s ago: HTTP 401: bad key$/)
})

it('counts the agents’ releases, where hosts have agents', () => {
  const of = (...versions: readonly string[]) =>
    summary({ ...status, rows: versions.map((version) => row({}, { agent: { version, repairs: 0 } })) }, now)
  expect(of('0.10.0', '0.2.0', '0.10.0')).toMatch(/\nagents: 1 of release 0\.2\.0, 2 of release 0\.10\.0$/)
  expect(summary(status, now)).not.toContain('agents')
})

it('says since when CloudStack is left alone, why, and until when', () => {
  const silent = { noAnswers: 7, noAnswerSince: now - 30_000, noAnswer: 'it refused the connection' }
  const said = (given: Readonly<Record<string, Value>>) => summary({ ...status, control: controlWith(given) }, now)
  const time = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`
  expect(said({ ...silent, leftAloneUntil: now + 30_000 })).toContain(
    `\nCloudStack gave 7 times no answer since ${time(now - 30_000)}: it is asked again at ${time(now + 30_000)} (it refused the connection)`,
  )
  expect(said({ leftAloneUntil: now + 1_000 })).toContain(
    `\nCloudStack asked to be left alone (Retry-After): it is asked again at ${time(now + 1_000)}`,
  )
  expect(said({ leftAloneUntil: now - 1 })).not.toContain('CloudStack')
})

it('names each reason once with its next step, the most frequent first', () => {
  const lines = nextSteps(['HostNotUp', undefined, 'Conflict', 'HostNotUp']).split('\n')
  expect(lines.map((line) => line.slice(0, 20))).toEqual(['HostNotUp (2): Bring', 'Conflict (1): Someth'])
})
