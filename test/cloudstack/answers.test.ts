import { describe, expect, it } from 'vitest'
import { eventRow, hostRow, networkRow, pageOf, trafficTypeRow } from '../../shared/cloudstack/answers.ts'
import { captureBody, capturedHosts, captureRows, captures } from './fixtures.ts'

describe('captured hosts', () => {
  it.each([
    ['listHosts.one.Up-Enabled.json', 'Up', 'Enabled', true],
    ['listHosts.one.Connecting-Enabled.json', 'Connecting', 'Enabled', true],
    ['listHosts.one.Disconnected-Enabled.json', 'Disconnected', 'Enabled', false],
    ['listHosts.one.Alert-Enabled.json', 'Alert', 'Enabled', false],
    ['listHosts.one.Alert-Maintenance.json', 'Alert', 'Maintenance', false],
    ['listHosts.one.Up-Maintenance.json', 'Up', 'Maintenance', true],
    ['listHosts.one.Up-PrepareForMaintenance.json', 'Up', 'PrepareForMaintenance', true],
    ['listHosts.one.newly-added.json', 'Up', 'Enabled', true],
  ])('%s is %s, %s, and has a management server: %s', (file, state, resourceState, connected) => {
    const [host] = capturedHosts(file)
    expect([host?.state, host?.resourceState, host?.managementServer !== undefined]).toEqual([
      state,
      resourceState,
      connected,
    ])
  })

  it.each([
    ['listHosts.routing.all-up.json', 9],
    ['listHosts.after-server-restart.json', 9],
    ['listHosts.routing.one-alert-maintenance.json', 10],
    ['listHosts.notype.json', 10],
  ])('%s holds %i of them', (file, count) => {
    expect(capturedHosts(file)).toHaveLength(count)
  })

  it('are the same in short as in full', () => {
    expect(capturedHosts('listHosts.details-min.json')).toEqual(capturedHosts('listHosts.details-all.json'))
  })

  it('may lack a cluster, a hypervisor and an address, and nothing else', () => {
    const row = { id: 'h', name: 'n', zoneid: 'z', state: 'Connecting', resourcestate: 'Enabled' }
    expect(hostRow.parse(row)).toMatchObject({ cluster: '', hypervisor: '', address: '' })
    for (const field of Object.keys(row)) {
      expect(hostRow.safeParse({ ...row, [field]: undefined }).success, field).toBe(false)
    }
  })
})

describe('other captured rows', () => {
  it('networks keep the URI where there is one, and no vlan', () => {
    const networks = captureRows('listNetworks.listall.json', 'network', networkRow)
    expect(networks).toHaveLength(27)
    expect(networks.filter(({ broadcastUri }) => broadcastUri === undefined).map(({ name }) => name)).toEqual([
      'ison-2',
      'ison-1',
    ])
    expect(networks.find(({ name }) => name === 'l2pvlan-1')?.broadcastUri).toBe('pvlan://3601-i3602')
  })

  it('traffic types have the labels that are set, by hypervisor', () => {
    const [guest] = captureRows('listTrafficTypes.pn-guest.json', 'traffictype', trafficTypeRow)
    expect(guest?.labels).toEqual({ KVM: 'cloudbr1', XenServer: 'xen-cloudbr1', VMware: 'vSwitch-cloudbr1' })
    const [unlabelled] = captureRows('listTrafficTypes.z2-mgmt.json', 'traffictype', trafficTypeRow)
    expect(unlabelled?.labels).toEqual({})
  })

  it('events have the instant of their creation', () => {
    const [event] = captureRows('listEvents.startdate.json', 'event', eventRow)
    expect(event?.created).toBe(Date.UTC(2026, 10, 22, 18, 48, 53))
  })

  it('instants keep their offset', () => {
    const row = { id: 'e', type: 'ZONE.EDIT', created: '2026-11-22T18:44:22+0900' }
    expect(eventRow.parse(row).created).toBe(Date.UTC(2026, 10, 22, 9, 44, 22))
  })
})

describe('pages', () => {
  const page = pageOf('host', hostRow)

  it.each([
    ['paging.listHosts.p1-3.json', 9, 3],
    ['paging.listHosts.p4-3.json', 9, 0],
    ['error.listHosts-bad-type.json', 0, 0],
  ])('%s counts %i and shows %i', (file, count, shown) => {
    const { count: found, rows } = page.parse(captureBody(file))
    expect([found, rows.length]).toEqual([count, shown])
  })

  it.each(['text', null, 7, { count: -1 }, { count: 'many' }, { host: {} }, { host: [{}] }])('%j is none', (answer) => {
    expect(page.safeParse(answer).success).toBe(false)
  })

  it('every captured host list is one', () => {
    const lists = captures.filter(({ command, httpStatus }) => command === 'listHosts' && httpStatus === 200)
    expect(lists.length).toBeGreaterThan(20)
    for (const { file } of lists) expect(page.safeParse(captureBody(file)).success, file).toBe(true)
  })
})
