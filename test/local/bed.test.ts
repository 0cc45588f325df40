import { describe, expect, it } from 'vitest'
import { checkPlan, type HostPlan } from '../../infra/local/bed/bed.ts'
import { runCommand } from '../../infra/local/bed/command.ts'
import { bootLines, hostAddress, portMac, ports, portWire } from '../../infra/local/bed/links.ts'

describe('a plan of a bed', () => {
  const refused: readonly [string, readonly HostPlan[], RegExp][] = [
    ['no host', [], /a bed of 0 hosts: 1 to 240/],
    ['more hosts than addresses', Array.from({ length: 241 }, (_, i) => ({ name: `h${i}` })), /a bed of 241 hosts/],
    ['a name that is no hostname', [{ name: 'kvm 1' }], /host "kvm 1": a name is/],
    ['a name twice', [{ name: 'a' }, { name: 'a' }], /host "a" is planned twice/],
    ['too little memory', [{ name: 'a', memory: 1 }], /memory 1 is not 64 to 65536/],
    ['a bridge name of 16 characters', [{ name: 'a', uplinks: [{ bridge: 'b'.repeat(16), port: 'eth1' }] }], /"b{16}"/],
    ['a line break in a port', [{ name: 'a', uplinks: [{ bridge: 'b', port: 'eth1\nlink' }] }], /is not a device name/],
    [
      'a port in two bridges',
      [{ name: 'a', uplinks: ['b', 'c'].map((bridge) => ({ bridge, port: 'p' })) }],
      /"p" is pl/,
    ],
  ]
  it.each(refused)('with %s is refused, naming the value', (_, hosts, problem) => {
    expect(() => checkPlan({ hosts })).toThrow(problem)
  })

  it('with a bond and a bridge on the management port is accepted', () => {
    const uplinks = [
      { bridge: 'cloudbr0', port: 'eth0' },
      { bridge: 'cloudbr1', port: 'bond0', bond: ['eth1', 'eth2'] },
    ]
    expect(() => checkPlan({ hosts: [{ name: 'kvm-1', uplinks, memory: 128 }] })).not.toThrow()
  })
})

describe('the boot configuration of a host', () => {
  it('is cloudbr1 over eth1, and the address on eth0, when nothing is planned', () => {
    expect(ports({ name: 'a' })).toEqual(['eth0', 'eth1'])
    expect(bootLines({ name: 'a' }, '10.99.0.10')).toEqual([
      'link set dev lo up',
      'link set dev eth0 up',
      'link set dev eth1 up',
      'link add name cloudbr1 type bridge',
      'link set dev eth1 master cloudbr1',
      'link set dev eth1 up',
      'link set dev cloudbr1 up',
      'addr add 10.99.0.10/24 dev eth0',
    ])
  })

  it('makes a bond before the bridge over it, and puts the address on the bridge of the management port', () => {
    const uplinks = [
      { bridge: 'cloudbr0', port: 'eth0' },
      { bridge: 'cloudbr1', port: 'bond0', bond: ['eth1', 'eth2'] },
    ]
    const lines = bootLines({ name: 'a', uplinks }, '10.99.0.10')
    expect(ports({ name: 'a', uplinks })).toEqual(['eth0', 'eth1', 'eth2'])
    expect(lines.indexOf('link set dev eth2 master bond0')).toBeLessThan(lines.indexOf('link set dev eth2 up'))
    expect(lines.indexOf('link set dev eth2 up')).toBeLessThan(lines.indexOf('link set dev bond0 master cloudbr1'))
    expect(lines.at(-1)).toBe('addr add 10.99.0.10/24 dev cloudbr0')
  })
})

describe('the names of a bed', () => {
  it('fit the kernel for the last host of the last bed', () => {
    expect(portWire(199, 239, 9).length).toBeLessThanOrEqual(15)
    expect(hostAddress(199, 239)).toBe('10.99.199.249')
  })

  it('have a MAC address of six bytes for each port, locally administered', () => {
    expect(portMac(1, 239, 2)).toBe('02:bb:01:ef:00:02')
  })
})

describe('a program of the machine', () => {
  it('gets its input, and answers with its output', async () => {
    expect(await runCommand('cat', [], 'a line\n')).toBe('a line\n')
  })

  it('that fails is an error with its own words', async () => {
    await expect(runCommand('ls', ['/nowhere'])).rejects.toThrow(/^ls \/nowhere: ended with 2: .*No such file/)
  })
})
