import { describe, expect, it } from 'vitest'
import { playDemo } from '../local/demo/demoProcess.ts'

describe('the demo on user-mode-linux guests', () => {
  it('ends with every host right, in CloudStack’s names, IPv6 off', async () => {
    const { code, figures, output, left } = await playDemo(['--json'])
    expect(figures).toMatchObject({ ok: true, hosts: 6, inSync: 6, devicesVerified: 52, kernel: 'uml' })
    expect(output).toMatch(/eth1\.101@eth1: .* master breth1-101 /)
    expect(output).toContain('vlan protocol 802.1Q id 101')
    expect(output).toContain('/proc/sys/net/ipv6/conf/breth1-101/disable_ipv6:1')
    expect(output).toContain('/proc/sys/net/ipv6/conf/eth1.101/disable_ipv6:1')
    expect(output.indexOf('MISSING')).toBeLessThan(output.indexOf('Now, as the hosts themselves show it'))
    expect(output.split('Now, as the hosts themselves show it')[1]).not.toContain('MISSING')
    expect(code).toBe(0)
    expect(left).toEqual([])
  })

  it('ended by Ctrl-C while hosts reboot leaves no guest behind', async () => {
    const { code, left } = await playDemo([], 'Then, all at once')
    expect(code).toBe(130)
    expect(left).toEqual([])
  })
})
