/** The same host as several versions of iproute2 show it (test/fixtures/iproute2). */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../../../shared/hypervisors/kvm/digest.ts'
import type { HostFacts } from '../../../shared/hypervisors/kvm/facts.ts'
import { readListing, readObservation } from '../../../shared/hypervisors/kvm/observe.ts'
import { plan } from '../../../shared/hypervisors/kvm/plan.ts'
import { network } from './factory.ts'

const recorded = (version: string, what: 'observation' | 'compared'): string =>
  readFileSync(new URL(`../../fixtures/iproute2/${version}.${what}.txt`, import.meta.url), 'utf8')

const newest = '7.0.0'
const versions = ['4.18.0', '5.3.0', '5.15.0', '6.1.0', '6.11.0', newest]

/** Without what moves by itself, and what versions before 5.4 cannot show. */
const comparable = (facts: HostFacts): HostFacts => ({
  ...facts,
  kernel: { ...facts.kernel, uptime: 0 },
  links: facts.links.map((link) => ({ ...link, alternativeNames: [] })),
})

describe.each(versions)('iproute2 %s', (version) => {
  const output = recorded(version, 'observation')
  const facts = readObservation(output)

  it('shows the same host as every other version', () => {
    expect(comparable(facts)).toEqual(comparable(readObservation(recorded(newest, 'observation'))))
  })

  it('prints the link groups that the kernel says, where none has a name', () => {
    const unnamed = output.replace(/(@@bridgekeeper:kernel@@\n)(.*\/netdev_group:\d+\n)+/, '$1without group names\n')
    expect(unnamed).not.toContain('netdev_group')
    expect(readObservation(unnamed).links).toEqual(facts.links)
  })

  it('gives the digest that the host made of itself', () => {
    expect(digestOf(readListing(output))).toBe(createHash('sha256').update(recorded(version, 'compared')).digest('hex'))
  })

  it('gives this plan, if its bridges are Linux’s', () => {
    const desired = ['vlan://101', 'vlan://102', 'vlan://105', 'vlan://200', 'vxlan://70000', 'vxlan://70002']
    const onBond = network('vlan://101', 'cloudbr2')
    const result = plan([...desired.map((uri) => network(uri)), onBond], { ...facts, openVswitch: null })
    expect(result.changes.map(({ devices, steps }) => [...devices, steps.length])).toEqual([
      ['breth1-102', 'eth1.102', 5],
      ['breth1-105', 'eth1.105', 6],
      ['brbond0-101', 'bond0.101', 6],
    ])
    expect(result.findings.map(({ uri, reason }) => [uri, reason])).toEqual([
      ['vlan://200', 'Conflict'],
      ['vxlan://70002', 'Conflict'],
    ])
    expect(result.devices).toBe(4)
  })
})

describe('the recorded host', () => {
  const facts = readObservation(recorded(newest, 'observation'))
  const link = (name: string) => facts.links.find((one) => one.name === name)

  it('has what each device is', () => {
    const marked = { group: 4814, up: true, ipv6: false }
    expect(link('eth1.101')).toMatchObject({ ...marked, kind: 'vlan', parent: 'eth1', master: 'breth1-101' })
    expect(link('s105')).toMatchObject({ vlan: { id: 105, protocol: '802.1ad' }, up: false, ipv6: true })
    expect(link('bond0')).toMatchObject({ kind: 'bond', master: 'cloudbr2' })
    expect(link('vxlan70000')).toMatchObject({ ...marked, parent: 'cloudbr1', mtu: 1450 })
    expect(link('vxlan70002')?.vxlan).toEqual({ vni: 70002, group: null, port: 4789 })
    expect(link('away0')).toMatchObject({ kind: 'veth', parent: null })
    expect(link('ovs0')).toMatchObject({ kind: 'openvswitch' })
    expect(link('eth1')?.alternativeNames).toEqual(['enp9s0'])
    expect(facts.routes).toEqual([{ destination: '239.1.17.112', device: 'cloudbr1', ours: true }])
  })

  it('has its bridges of Open vSwitch, one of them for one tag, with the uplink that they share', () => {
    expect(facts.openVswitch).toEqual({
      bridges: [
        { name: 'ovs0', up: true, uplinks: ['up0'] },
        { name: 'ovs0-7', up: false, uplinks: ['up0'] },
        { name: 'ovs1', up: false, uplinks: [] },
      ],
    })
  })

  it.each([
    ['ovs0', []],
    ['ovs0-7', ['BridgeDown']],
    ['ovs1', ['UplinkMissing']],
    ['cloudbr1', ['BridgeMissing']],
  ])('lacks on the label %s: %j', (label, reasons) => {
    const { findings, changes } = plan([network('vlan://100', label), network('pvlan://1-i2', label)], facts)
    expect(changes).toEqual([])
    expect(findings.map(({ reason }) => reason)).toEqual(reasons)
  })
})

it.each([
  ['ends without a word', 'unreadable', { unreadable: '' }],
  ['says how it ended', 'ovs-vsctl ended with 127\nunreadable', { unreadable: 'ovs-vsctl ended with 127' }],
  ['is silent', '', { unreadable: '' }],
])('ovs-vsctl that %s is unreadable, and no other part is lost', (_says, printed, openVswitch) => {
  expect(withOvs(printed)).toMatchObject({ hostname: 'kvm1', openVswitch })
})

it.each(['{}', '[]\n[]\n[]', '{"data":[["x"]]}\n{"data":[]}\n{"data":[]}', 'ovs-vsctl: unix:/run/db.sock'])(
  'an answer of ovs-vsctl that is not understood is misread: %s',
  (printed) => expect(() => withOvs(printed)).toThrow(/ovs-vsctl did not answer as it should/),
)

function withOvs(printed: string): HostFacts {
  const output = recorded(newest, 'observation')
  const [from, to] = ['@@bridgekeeper:openVswitch@@\n', '@@bridgekeeper:end@@']
  return readObservation(
    `${output.slice(0, output.indexOf(from) + from.length)}${printed}\n${output.slice(output.indexOf(to))}`,
  )
}
