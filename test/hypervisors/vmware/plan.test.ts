import { describe, expect, it } from 'vitest'
import type {
  DatacenterFacts,
  HostNetworks,
  PrivateVlans,
  VimNetwork,
} from '../../../shared/hypervisors/vmware/facts.ts'
import { plan, type Seen } from '../../../shared/hypervisors/vmware/plan.ts'
import type { DesiredNetwork } from '../../../shared/reconcile/model.ts'

const host = {
  ref: { kind: 'HostSystem', id: 'host-1' },
  name: 'esx1',
  networkSystem: { kind: 'HostNetworkSystem', id: 'networkSystem-1' },
  isConnected: true,
}
const dvs = {
  ref: { kind: 'DistributedVirtualSwitch', id: 'dvs-1' },
  name: 'dv1',
  hosts: new Set(['host-1']),
  version: '8.0.0',
}
const shaping200 = { average: 209_715_200, peak: 314_572_800, burst: 131_072_000 }

const network = (uri: string, label: string, rates?: readonly number[]): DesiredNetwork => ({
  physicalNetwork: 'pn1',
  label,
  uri,
  ...(rates === undefined ? {} : { rates }),
  networks: [{ id: uri, name: uri }],
})
const onDv = 'dv1,,vmwaredvs'

const group = (name: string, given: Partial<VimNetwork['group'] & object> = {}): VimNetwork => ({
  ref: { kind: 'DistributedVirtualPortgroup', id: `of ${name}` },
  name,
  fields: {},
  vms: 0,
  group: { on: 'dvs-1', vlan: { is: 'id', id: 100 }, shaping: undefined, configVersion: '7', ...given },
})

function seen(given: {
  own?: Partial<HostNetworks>
  networks?: readonly VimNetwork[]
  switches?: DatacenterFacts['switches']
  privateVlans?: PrivateVlans
}): Seen {
  const { own = {}, networks = [], switches = [dvs], privateVlans } = given
  return {
    datacenter: { hosts: [host], switches, networks, fields: [] },
    host,
    own: { switches: ['vSwitch0'], groups: [], ...own },
    privateVlans: new Map(privateVlans === undefined ? [] : [['dvs-1', privateVlans]]),
  }
}

const told = (desired: readonly DesiredNetwork[], what: Seen) => {
  const { steps, findings, devices } = plan(desired, what)
  return {
    actions: steps.flatMap(({ name, here, shared }) => [...shared, ...here].map((action) => `${action.do} ${name}`)),
    reasons: findings.map(({ reason }) => reason),
    devices,
  }
}

const name = 'cloud.guest.100.0.1-vSwitch0'
const dvName = 'cloud.guest.100.0.1-dv1'
const ownGroup = (given: object = {}) => ({ name, on: 'vSwitch0', vlan: 100, shaping: undefined, ...given })
const standard = network('vlan://100', 'vSwitch0')
const spread = network('vlan://100', onDv)

describe('the plan of a VMware host', () => {
  it.each([
    ['adds a standard group that is not there', [standard], {}, [`addHostGroup ${name}`], [], 0],
    ['leaves one that is right', [standard], { own: { groups: [ownGroup()] } }, [], [], 1],
    [
      'sets another VLAN right',
      [standard],
      { own: { groups: [ownGroup({ vlan: 7 })] } },
      [`updateHostGroup ${name}`],
      [],
      0,
    ],
    [
      'sets another shaping right',
      [standard],
      { own: { groups: [ownGroup({ shaping: shaping200 })] } },
      [`updateHostGroup ${name}`],
      [],
      0,
    ],
    [
      'never moves one from another switch',
      [standard],
      { own: { switches: ['vSwitch0', 'vSwitch1'], groups: [ownGroup({ on: 'vSwitch1' })] } },
      [],
      ['Conflict'],
      0,
    ],
    ['misses a standard switch', [standard], { own: { switches: [] } }, [], ['UplinkMissing'], 0],
    [
      'never takes a distributed group for a standard one',
      [standard],
      { networks: [group(name)] },
      [],
      ['Conflict'],
      0,
    ],
    ['adds a distributed group that is not there', [spread], {}, [`addGroup ${dvName}`], [], 0],
    ['leaves one that is right', [spread], { networks: [group(dvName)] }, [], [], 1],
    [
      'sets another VLAN right',
      [spread],
      { networks: [group(dvName, { vlan: { is: 'id', id: 7 } })] },
      [`reconfigureGroup ${dvName}`],
      [],
      0,
    ],
    [
      'sets shaping of one direction right',
      [spread],
      { networks: [group(dvName, { shaping: null })] },
      [`reconfigureGroup ${dvName}`],
      [],
      0,
    ],
    [
      'never touches the name on another switch',
      [spread],
      { networks: [group(dvName, { on: 'dvs-2' })] },
      [],
      ['Conflict'],
      0,
    ],
    ['misses a distributed switch', [spread], { switches: [] }, [], ['UplinkMissing'], 0],
    [
      'misses a switch that the host is not on',
      [spread],
      { switches: [{ ...dvs, hosts: new Set(['host-2']) }] },
      [],
      ['UplinkMissing'],
      0,
    ],
    [
      'says what it does not provide',
      [network('vxlan://5', onDv), network('vlan://1-5', 'vSwitch0')],
      {},
      [],
      ['Unsupported', 'Unsupported'],
      0,
    ],
    [
      'makes a group for each rate',
      [network('vlan://100', onDv, [0, 200])],
      { networks: [group(dvName)] },
      ['addGroup cloud.guest.100.200.1-dv1'],
      [],
      1,
    ],
    [
      'leaves id 0 where CloudStack sets a trunk of 0',
      [network('vlan://untagged', onDv)],
      { networks: [group('cloud.guest.untagged.0.1-dv1', { vlan: { is: 'id', id: 0 } })] },
      [],
      [],
      1,
    ],
    [
      'does not take one range for another',
      [network('vlan://5-9', onDv)],
      { networks: [group('cloud.guest.5-9.0.1-dv1', { vlan: { is: 'trunk', ranges: [[5, 8]] } })] },
      ['reconfigureGroup cloud.guest.5-9.0.1-dv1'],
      [],
      0,
    ],
    [
      'counts a group that serves two networks once',
      [standard, { ...standard, physicalNetwork: 'pn2' }],
      { own: { groups: [ownGroup()] } },
      [],
      [],
      1,
    ],
    [
      'goes on beside one that is in the way',
      [standard, network('vlan://101', 'vSwitch9'), spread],
      {},
      [`addHostGroup ${name}`, `addGroup ${dvName}`],
      ['UplinkMissing'],
      0,
    ],
  ] as const)('%s', (_what, desired, given, actions, reasons, devices) => {
    expect(told(desired, seen(given as Parameters<typeof seen>[0]))).toEqual({ actions, reasons, devices })
  })
})

describe('private VLANs', () => {
  const wanted = network('pvlan://100-i200', onDv)
  const right = group('cloud.guest.100.s200.0.1-dv1', { vlan: { is: 'secondary', id: 200 } })
  const entries = (...all: readonly (readonly [number, number])[]): PrivateVlans => ({
    configVersion: '1',
    entries: all.map(([primary, secondary]) => ({ primary, secondary, type: 'isolated' })),
  })
  const pairs = (known: PrivateVlans, networks: readonly VimNetwork[] = [right]) => {
    const { steps, findings } = plan([wanted], seen({ networks, privateVlans: known }))
    const added = steps.flatMap(({ shared }) =>
      shared.flatMap((one) =>
        one.do === 'addPrivateVlan' ? one.entries.map(({ primary, secondary }) => `${primary}/${secondary}`) : [one.do],
      ),
    )
    return [...added, ...findings.map(({ reason }) => reason)]
  }

  it.each([
    ['both are added, the primary first', entries(), ['100/100', '100/200']],
    ['the secondary alone', entries([100, 100]), ['100/200']],
    ['nothing where both are there', entries([100, 100], [100, 200]), []],
    ['a primary that is a secondary of another', entries([50, 50], [50, 100]), ['Conflict']],
    ['a secondary of another primary', entries([50, 50], [50, 200]), ['Conflict']],
  ] as const)('%s', (_what, known, expected) => expect(pairs(known)).toEqual(expected))

  it('come before their group', () => expect(pairs(entries(), [])).toEqual(['100/100', '100/200', 'addGroup']))
})
