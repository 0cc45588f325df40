import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { HostError } from '../../../shared/hypervisors/driver.ts'
import { readObservation } from '../../../shared/hypervisors/kvm/observe.ts'
import { plan } from '../../../shared/hypervisors/kvm/plan.ts'
import { network } from './factory.ts'

/** Recorded on a user-mode-linux guest, kernel 6.1, iproute2 6.1.0. */
const recorded = (name: string): string =>
  readFileSync(new URL(`../../fixtures/kvm/observation.${name}.iproute2-6.1.txt`, import.meta.url), 'utf8')

const bootId = '28072913-87e6-4979-8f01-bedc2ebf0bad'

function printed(
  parts: {
    host?: string
    links?: string
    ipv6?: string
    kernel?: string
    routes?: string
    vxlanScript?: string
    agent?: string
    openVswitch?: string
  } = {},
): string {
  const {
    host = `kvm1\n${bootId}`,
    links = '[{"ifname":"lo","flags":[]}]',
    ipv6 = 'all/disable_ipv6:0',
    kernel = '/proc/uptime:12.34 5.67',
    routes = '[ ]',
    vxlanScript = 'absent',
    agent = '',
    openVswitch = '',
  } = parts
  const at = (section: string, body: string): string => `@@bridgekeeper:${section}@@\n${body}\n`
  return `\n${at('host', host)}${at('links', links)}${at('kernel', `${ipv6}\n${kernel}`)}${at('routes', routes)}${at('vxlanScript', vxlanScript)}${at('agent', agent)}${at('openVswitch', openVswitch)}@@bridgekeeper:end@@\n`
}

describe('a recorded host without any of our devices', () => {
  const found = readObservation(recorded('empty-host'))

  test('is read with its links, and without an agent', () => {
    expect(found).toMatchObject({ hostname: 'kvm1', bootId, agent: null })
    expect(found.links.map((link) => link.name)).toEqual(['lo', 'mgmt0', 'eth1', 'cloudbr1'])
  })

  test('shows its label bridge, the port of it and that IPv6 is on', () => {
    expect(found.links[2]).toMatchObject({ name: 'eth1', kind: null, master: 'cloudbr1', up: true, ipv6: true })
    expect(found.links[3]).toMatchObject({ name: 'cloudbr1', kind: 'bridge', master: null, up: true, ipv6: true })
  })
})

describe('a recorded host with everything', () => {
  const found = readObservation(recorded('busy-host'))
  const link = (name: string) => found.links.find((one) => one.name === name)

  test('is read although its .bashrc prints', () => {
    expect(recorded('busy-host').startsWith('a banner of .bashrc\n')).toBe(true)
    expect(found.hostname).toBe('kvm1')
  })

  test('shows what each device is', () => {
    expect(link('eth1.101')).toEqual({
      name: 'eth1.101',
      alternativeNames: [],
      kind: 'vlan',
      parent: 'eth1',
      master: 'breth1-101',
      vlan: { id: 101, protocol: '802.1Q' },
      vxlan: null,
      group: 4814,
      mtu: 1500,
      up: true,
      ipv6: false,
    })
    expect(link('s105')).toMatchObject({
      parent: 'eth1',
      vlan: { id: 105, protocol: '802.1ad' },
      up: false,
      ipv6: true,
    })
    expect(link('dummy0')).toMatchObject({ kind: 'dummy', alternativeNames: ['enp9s0'], master: 'cloudbr0' })
    expect(link('bond0.20')).toMatchObject({ parent: 'bond0', master: 'cloudbr2' })
  })

  test('shows marks, the boot clock and limits', () => {
    expect(found.links.filter(({ group }) => group !== 0).map(({ name }) => name)).toEqual(['breth1-101', 'eth1.101'])
    expect(found.kernel).toEqual({ uptime: 4127, igmpMaxMemberships: 20, optmemMax: 20480, ipv6: true })
  })

  test('takes three keys of agent.properties, and no secret leaves the host', () => {
    expect(found.agent).toEqual({ guest: 'cloudbr1', private: 'cloudbr0', public: 'cloudbr1' })
    expect(recorded('busy-host')).not.toContain('passphrase')
  })

  test('gives this plan', () => {
    const ids = [101, 102, 103, 104, 105, 200]
    const { changes, findings, devices } = plan(
      [...ids.map((id) => network(`vlan://${id}`)), network('vlan://20', null), network('vlan://21', 'cloudbr2')],
      found,
    )
    expect(changes.map(({ uri, devices: names, steps }) => [uri, ...names, steps.length])).toEqual([
      ['vlan://102', 'breth1-102', 'eth1.102', 6],
      ['vlan://103', 'breth1-103', 'eth1.103', 4],
      ['vlan://104', 'breth1-104', 'eth1.104', 6],
      ['vlan://105', 'breth1-105', 'eth1.105', 6],
      ['vlan://20', 'brdummy0-20', 'dummy0.20', 6],
      ['vlan://21', 'brbond0-21', 'bond0.21', 6],
    ])
    expect(findings.map(({ uri, reason }) => [uri, reason])).toEqual([['vlan://200', 'Conflict']])
    expect(devices).toBe(2)
  })
})

test('limits that a kernel does not show are not known, and IPv6 that it does not have is off', () => {
  const { kernel } = readObservation(printed({ ipv6: 'without ipv6' }))
  expect(kernel).toEqual({ uptime: 1234, igmpMaxMemberships: null, optmemMax: null, ipv6: false })
})

describe('other versions of iproute2', () => {
  const one = (link: object) => readObservation(printed({ links: JSON.stringify([link]) })).links

  test('a parent behind the name', () => {
    const shape = { ifname: 'eth1.7@eth1', flags: ['UP'], linkinfo: { info_kind: 'vlan', info_data: { id: 7 } } }
    expect(one(shape)).toMatchObject([
      { name: 'eth1.7', parent: 'eth1', vlan: { id: 7, protocol: '802.1Q' }, up: true },
    ])
  })

  test('a VXLAN device, whose device below is among its own data', () => {
    const data = { info_kind: 'vxlan', info_data: { id: 70000, group: '239.1.17.112', link: 'cloudbr1', port: 8472 } }
    const external = { info_kind: 'vxlan', info_data: { external: true } }
    expect(one({ ifname: 'vxlan70000', flags: [], linkinfo: data })).toMatchObject([
      { kind: 'vxlan', vxlan: { vni: 70000, group: '239.1.17.112', port: 8472 }, parent: 'cloudbr1' },
    ])
    expect(one({ ifname: 'vx', flags: [], linkinfo: external })).toMatchObject([{ vxlan: null, parent: null }])
  })

  test('an empty object for a link that is filtered out, and fields that do not exist yet', () => {
    const links = '[{},{"ifname":"lo","flags":["LOOPBACK"],"future":{"a":1}},{}]'
    expect(readObservation(printed({ links })).links).toMatchObject([
      { name: 'lo', kind: null, master: null, up: false },
    ])
  })

  test('a null for what is not there, and a parent in another namespace', () => {
    const shape = {
      ifname: 'eth9',
      link: null,
      link_index: 4,
      link_netnsid: 0,
      master: null,
      flags: [],
      linkinfo: { info_kind: 'veth' },
    }
    expect(one(shape)).toMatchObject([{ name: 'eth9', parent: null, master: null, kind: 'veth' }])
  })

  test('a kernel without IPv6 has it off everywhere', () => {
    expect(readObservation(printed({ ipv6: 'without ipv6' })).links).toMatchObject([{ name: 'lo', ipv6: false }])
  })

  test('carriage returns of a login that has a terminal', () => {
    expect(readObservation(printed().replaceAll('\n', '\r\n')).hostname).toBe('kvm1')
  })
})

test('multicast routes are read whoever made them, and none is printed by a kernel that never had any', () => {
  const routes =
    '[{"dst":"239.0.0.5","dev":"cloudbr1","protocol":"148","scope":"link","flags":[]},{"type":"blackhole","dst":"239.0.0.6","flags":[]}]'
  expect(readObservation(printed({ routes })).routes).toEqual([
    { destination: '239.0.0.5', device: 'cloudbr1', ours: true },
    { destination: '239.0.0.6', device: null, ours: false },
  ])
  expect(readObservation(printed({ routes: '' })).routes).toEqual([])
})

test.each(['multicast', 'other', 'absent'])('the host’s modifyvxlan.sh is %s', (vxlanScript) => {
  expect(readObservation(printed({ vxlanScript })).vxlanScript).toBe(vxlanScript)
})

test.each([
  [
    'the last key wins, and separators vary',
    'readable\nprivate.network.device=a\n private.network.device : cloudbr0\npublic.network.device cloudbr1',
    { private: 'cloudbr0', public: 'cloudbr1' },
  ],
  ['an empty value is none', 'readable\nguest.network.device=', {}],
  ['a longer key is another key', 'readable\nguest.network.devices=x', {}],
  ['a file that cannot be read is not an empty one', '', null],
])('agent.properties: %s', (_says, agent, gives) => {
  expect(readObservation(printed({ agent })).agent).toEqual(gives)
})

describe('link groups', () => {
  const of = (group: string, kernel: string): number | undefined =>
    readObservation(
      printed({ links: `[{"ifname":"eth1","flags":[]${group}}]`, kernel: `${kernel}/proc/uptime:12.34 5.67` }),
    ).links[0]?.group

  test.each([
    ['"4814"', 4814],
    ['"default"', 0],
    ['"0"', 0],
    ['null', 0],
  ])('printed as %s are read as %i where no group has a name', (group, number) => {
    expect(of(`,"group":${group}`, 'without group names\n')).toBe(number)
  })

  test('of a version that prints none are 0', () => {
    expect(of('', 'without group names\n')).toBe(0)
  })

  test('are the kernel’s where groups have names, whatever is printed', () => {
    expect(of(',"group":"4814"', 'eth1/netdev_group:7\n')).toBe(7)
    expect(of(',"group":"4814"', '')).toBe(0)
  })
})

test.each([
  ['nothing at all', ''],
  ['a login that is refused with words', 'This account is currently not available.\n'],
  ['an output that was cut off', printed().replace('@@bridgekeeper:end@@\n', '')],
  ['a part that is there twice', `${printed()}@@bridgekeeper:links@@\n`],
  [
    'parts in another order',
    printed()
      .replace('@@bridgekeeper:links@@', '@')
      .replace('@@bridgekeeper:host@@', '@@bridgekeeper:links@@')
      .replace('@\n', '@@bridgekeeper:host@@\n'),
  ],
  ['an ip that knows no JSON', printed({ links: 'Option "-j" is unknown, try "ip -help".' })],
  ['JSON that was cut off', printed({ links: '[{"ifname":"lo","fl' })],
  ['JSON that is no list', printed({ links: '{}' })],
  ['no link at all', printed({ links: '[]' })],
  ['a link without flags', printed({ links: '[{"ifname":"lo"}]' })],
  ['a link whose name is not one', printed({ links: '[{"ifname":"a name","flags":[]}]' })],
  [
    'a VLAN device without its id',
    printed({ links: '[{"ifname":"e.1","link":"e","flags":[],"linkinfo":{"info_kind":"vlan"}}]' }),
  ],
  ['IPv6 switches that are missing', printed({ ipv6: '' })],
  ['IPv6 switches that are no numbers', printed({ ipv6: 'all/disable_ipv6:0\ngrep: too many arguments' })],
  ['routes that are no list', printed({ routes: '{}' })],
  ['a script that is nothing known', printed({ vxlanScript: 'sh: not found' })],
  ['no boot clock', printed({ kernel: '' })],
  ['a boot clock that is no time', printed({ kernel: '/proc/uptime:soon' })],
  ['a mark that is no number', printed({ kernel: 'eth1/netdev_group:all\n/proc/uptime:12.34 5.67' })],
  [
    'a link group with a name where none has one',
    printed({
      links: '[{"ifname":"lo","flags":[],"group":"uplinks"}]',
      kernel: 'without group names\n/proc/uptime:12.34 5.67',
    }),
  ],
  ['a kernel that says something else', printed({ kernel: 'grep: too many arguments\n/proc/uptime:12.34 5.67' })],
  ['no boot id', printed({ host: 'kvm1' })],
  ['a hostname that is a line of commands', printed({ host: `a; reboot\n${bootId}` })],
])('%s is misread, and never acted on', (_says, output) => {
  try {
    readObservation(output)
    expect.unreachable('it was read')
  } catch (error) {
    expect(error).toBeInstanceOf(HostError)
    expect(error).toMatchObject({ reason: 'HostMisread' })
  }
})
