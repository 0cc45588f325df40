import { describe, expect, it } from 'vitest'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'

describe('BRIDGEKEEPER_HOSTNAMES', () => {
  it('is a machine’s name for each of CloudStack’s', () => {
    const { BRIDGEKEEPER_HOSTNAMES } = parseConfiguration({
      BRIDGEKEEPER_HOSTNAMES: 'kvm-a=node17, kvm b=node18.example.org',
    })
    expect(BRIDGEKEEPER_HOSTNAMES).toEqual({ 'kvm-a': 'node17', 'kvm b': 'node18.example.org' })
  })

  it('has room for thousands of hosts', () => {
    const many = Array.from({ length: 2_000 }, (_, at) => `cloud-${at}=machine-${at}`).join(',')
    expect(Object.keys(parseConfiguration({ BRIDGEKEEPER_HOSTNAMES: many }).BRIDGEKEEPER_HOSTNAMES)).toHaveLength(2_000)
  })

  it.each([
    ['kvm-a', 'has "kvm-a", which is not NAME=MACHINE'],
    ['kvm-a=', 'has "kvm-a=", which is not NAME=MACHINE'],
    ['=node17', 'has "=node17", which is not NAME=MACHINE'],
    ['a=b=c', 'has "a=b=c", which is not NAME=MACHINE'],
    ['a=b c', 'has "a=b c", which is not NAME=MACHINE'],
    ['a=b,a=c', 'has "a=c", which names that host twice'],
  ])('%s is refused with the fix', (value, problem) => {
    expect(() => parseConfiguration({ BRIDGEKEEPER_HOSTNAMES: value })).toThrow(
      new RegExp(`BRIDGEKEEPER_HOSTNAMES=.*${problem}.*kvm-a=node17`),
    )
  })
})

describe('BRIDGEKEEPER_VXLAN', () => {
  it('is native, or script by an explicit setting, and nothing else', () => {
    expect(parseConfiguration({}).BRIDGEKEEPER_VXLAN).toBe('native')
    expect(parseConfiguration({ BRIDGEKEEPER_VXLAN: 'script' }).BRIDGEKEEPER_VXLAN).toBe('script')
    expect(() => parseConfiguration({ BRIDGEKEEPER_VXLAN: 'evpn' })).toThrow(/is neither native nor script: set it to/)
  })
})

describe('BRIDGEKEEPER_SSH_JUMP', () => {
  const jump = (value: string) => parseConfiguration({ BRIDGEKEEPER_SSH_JUMP: value }).BRIDGEKEEPER_SSH_JUMP

  it('is a machine, with a user and a port where they are not the usual ones', () => {
    expect(jump('gate.example.org')).toEqual({ address: 'gate.example.org', port: 22 })
    expect(jump('ops@192.0.2.9:2222')).toEqual({ user: 'ops', address: '192.0.2.9', port: 2222 })
    expect(jump('ops@[2001:db8::9]')).toEqual({ user: 'ops', address: '2001:db8::9', port: 22 })
    expect(parseConfiguration({}).BRIDGEKEEPER_SSH_JUMP).toBeUndefined()
  })

  it.each([
    '@gate',
    'gate:0',
    'gate:65536',
    'gate:',
    '2001:db8::9',
    'ssh://gate',
    'gate other',
    'a@b@c',
    '-oProxy=x y',
  ])('%s is refused with the fix', (value) => {
    expect(() => jump(value)).toThrow(/BRIDGEKEEPER_SSH_JUMP=".*" is not \[USER@\]HOST\[:PORT\]: write it like gate/)
  })
})
