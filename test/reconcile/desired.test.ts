import { describe, expect, it } from 'vitest'
import { desiredSets, unplacedNetworks } from '../../shared/reconcile/desired.ts'
import type { CloudFacts, HostFact, NetworkFact, OfferingFact } from '../../shared/reconcile/model.ts'

const offering = (id: string, guestType: string, persistent = true): OfferingFact => ({
  id,
  name: id,
  guestType,
  persistent,
})

const network = (id: string, change: Partial<NetworkFact> = {}): NetworkFact => ({
  id,
  name: `name-${id}`,
  zone: 'z1',
  offering: 'l2',
  guestType: 'L2',
  state: 'Implemented',
  physicalNetwork: 'p1',
  broadcastUri: `vlan://${id}`,
  ...change,
})

const without = (one: NetworkFact, field: 'physicalNetwork' | 'broadcastUri'): NetworkFact => {
  const { [field]: _left, ...rest } = one
  return rest
}

const facts = (...networks: readonly NetworkFact[]): CloudFacts => ({
  zones: [
    { id: 'z1', name: 'one' },
    { id: 'z2', name: 'two' },
  ],
  physicalNetworks: [
    { id: 'p1', name: 'p1', zone: 'z1' },
    { id: 'p2', name: 'p2', zone: 'z2' },
    { id: 'management', name: 'management', zone: 'z1' },
  ],
  guestLabels: [
    { physicalNetwork: 'p1', labels: { KVM: 'cloudbr1', VMware: 'vSwitch1' } },
    { physicalNetwork: 'p2', labels: {} },
  ],
  offerings: [offering('l2', 'L2'), offering('isolated', 'Isolated'), offering('passing', 'L2', false)],
  networks,
})

const host = (zone: string, hypervisor = 'KVM'): HostFact => ({
  id: `${zone}-${hypervisor}`,
  name: 'h',
  zone,
  cluster: 'c',
  hypervisor,
  address: '192.0.2.1',
  state: 'Up',
  resourceState: 'Enabled',
})

const kvmUris = (...networks: readonly NetworkFact[]): readonly string[] =>
  desiredSets(facts(...networks), [host('z1')]).flatMap((set) => set.networks.map(({ uri }) => uri))

describe('the desired set', () => {
  it.each([
    ['an L2 network', network('1'), true],
    ['an Isolated network', network('1', { offering: 'isolated', guestType: 'Isolated' }), true],
    ['a network in state Setup', network('1', { state: 'Setup' }), true],
    ['an Allocated network', network('1', { state: 'Allocated' }), false],
    ['a network that shuts down', network('1', { state: 'Shutdown' }), false],
    ['a Shared network', network('1', { guestType: 'Shared' }), false],
    ['a network of an offering that is not persistent', network('1', { offering: 'passing' }), false],
    ['a network of an unknown offering', network('1', { offering: 'gone' }), false],
    ['a network without a URI', without(network('1'), 'broadcastUri'), false],
    ['a network of another zone', network('1', { zone: 'z2', physicalNetwork: 'p2' }), false],
    ['a network without physical network where one has guest traffic', without(network('1'), 'physicalNetwork'), true],
    ['a network on a physical network of another zone', network('1', { physicalNetwork: 'p2' }), false],
    ['a network on a physical network without guest traffic', network('1', { physicalNetwork: 'management' }), false],
  ])('knows whether %s counts', (_what, one, counts) => {
    expect(kvmUris(one)).toEqual(counts ? ['vlan://1'] : [])
  })

  it('keeps what a driver may have to refuse', () => {
    const odd = ['vlan://untagged', 'vxlan://50047', 'pvlan://3601-i3602', 'vlan://100-200']
    expect(kvmUris(...odd.map((broadcastUri, index) => network(`${index}`, { broadcastUri })))).toEqual([...odd].sort())
  })

  it('merges the networks that share a URI into one entry that names them all', () => {
    const shared = [network('b', { broadcastUri: 'vlan://7' }), network('a', { broadcastUri: 'vlan://7' })]
    expect(desiredSets(facts(...shared), [host('z1')])[0]?.networks).toEqual([
      {
        physicalNetwork: 'p1',
        label: 'cloudbr1',
        uri: 'vlan://7',
        networks: [
          { id: 'a', name: 'name-a' },
          { id: 'b', name: 'name-b' },
        ],
      },
    ])
  })

  it.each([
    ['KVM', 'cloudbr1'],
    ['VMware', 'vSwitch1'],
    ['XenServer', null],
    ['Simulator', null],
    ['constructor', null],
  ])('labels for %s with %s', (hypervisor, label) => {
    expect(desiredSets(facts(network('1')), [host('z1', hypervisor)])[0]?.networks[0]?.label).toBe(label)
  })

  it('has one set for each zone and hypervisor with hosts, sorted, empty ones too', () => {
    const hosts = [host('z2'), host('z1', 'XenServer'), host('z1'), host('z1')]
    const sets = desiredSets(facts(network('1')), hosts)
    expect(sets.map(({ zone, hypervisor, networks }) => [zone, hypervisor, networks.length])).toEqual([
      ['z1', 'KVM', 1],
      ['z1', 'XenServer', 1],
      ['z2', 'KVM', 0],
    ])
  })

  it('is the same text for the same facts in any order', () => {
    const [a, b, c] = [network('1'), network('2'), network('3', { broadcastUri: 'vlan://2' })]
    const hosts = [host('z1'), host('z2')]
    const text = JSON.stringify(desiredSets(facts(a, b, c), hosts))
    expect(JSON.stringify(desiredSets(facts(c, b, a), [...hosts].reverse()))).toBe(text)
  })
})

describe('unplaced networks', () => {
  it('are those that would count but have no sure physical network', () => {
    const lost = without(network('1', { zone: 'z2' }), 'physicalNetwork')
    const two = {
      ...facts(lost, network('2'), network('3', { physicalNetwork: 'p2' }), network('4', { state: 'Allocated' })),
    }
    const physicalNetworks = [...two.physicalNetworks, { id: 'p3', name: 'p3', zone: 'z2' }]
    const guestLabels = [...two.guestLabels, { physicalNetwork: 'p3', labels: {} }]
    expect(unplacedNetworks({ ...two, physicalNetworks, guestLabels }).map(({ id }) => id)).toEqual(['1', '3'])
  })
})

describe('rates of offerings', () => {
  const many = {
    ...facts(
      network('1', { broadcastUri: 'vlan://7', offering: 'slow' }),
      network('2', { broadcastUri: 'vlan://7' }),
      network('3', { broadcastUri: 'vlan://7', offering: 'slow' }),
    ),
    offerings: [offering('l2', 'L2'), { ...offering('slow', 'L2'), rate: 200 }],
  }
  const rates = (hypervisor: string) =>
    desiredSets(many, [host('z1', hypervisor)]).flatMap((set) => set.networks.map((one) => one.rates))

  it('are listed for VMware, where each takes a group of its own, each once and 0 for none', () =>
    expect(rates('VMware')).toEqual([[0, 200]]))

  it('are left out elsewhere, so that a rate makes no new revision there', () =>
    expect(rates('KVM')).toEqual([undefined]))
})
