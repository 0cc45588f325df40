import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Bed, BedHost } from '../../infra/local/bed/bed.ts'
import { sshAnswers } from '../../infra/local/bed/console.ts'
import { startUmlBed } from '../../infra/local/bed/uml.ts'

let bed: Bed
let host: BedHost

beforeAll(async () => {
  bed = await startUmlBed({
    hosts: [
      { name: 'kvm-1' },
      {
        name: 'kvm-2',
        uplinks: [
          { bridge: 'cloudbr0', port: 'eth0' },
          { bridge: 'cloudbr1', port: 'eth1' },
          { bridge: 'cloudbr2', port: 'bond0', bond: ['eth2', 'eth3'] },
        ],
      },
    ],
  })
  host = bed.host('kvm-1')
})
afterAll(() => bed?.stop())

const bootId = (of: BedHost) => of.exec('cat /proc/sys/kernel/random/boot_id')
const linkNames = (of: BedHost) => of.exec('ls /sys/class/net').then((names) => names.trim().split('\n'))

describe('a bed of user-mode-linux guests', () => {
  it('has hosts named as planned, each with a kernel of its own', async () => {
    expect((await host.exec('hostname')).trim()).toBe('kvm-1')
    expect((await bed.host('kvm-2').exec('hostname')).trim()).toBe('kvm-2')
    expect(await bootId(host)).not.toBe(await bootId(bed.host('kvm-2')))
  })

  it('has label bridges over a port, over a bond and over the management port', async () => {
    const ports = await bed.host('kvm-2').exec('cd /sys/class/net; ls -d cloudbr*/brif/*; cat bond0/bonding/slaves')
    expect(ports.trim().split('\n')).toEqual([
      'cloudbr0/brif/eth0',
      'cloudbr1/brif/eth1',
      'cloudbr2/brif/bond0',
      'eth2 eth3',
    ])
  })

  it('carries a VLAN from host to host over the trunk', async () => {
    for (const [each, address] of [
      [host, '192.0.2.1/24'],
      [bed.host('kvm-2'), '192.0.2.2/24'],
    ] as const) {
      await each.exec(
        `ip link add link eth1 name eth1.77 type vlan id 77 && ip addr add ${address} dev eth1.77 && ip link set eth1.77 up`,
      )
    }
    const greeting = await host.exec(`bash -c 'exec 3<>/dev/tcp/192.0.2.2/22 && head -c 8 <&3'`)
    expect(greeting).toBe('SSH-2.0-')
  })

  it('says what a failed command said', async () => {
    await expect(host.exec('ls /nowhere')).rejects.toThrow(/kvm-1: ls \/nowhere: ended with 2: .*No such file/)
  })

  it('comes back from a reboot with its uplinks and a new boot id, and without what was made by hand', async () => {
    await host.exec('ip link add by-hand type bridge')
    const before = await bootId(host)
    expect(await linkNames(host)).toContain('by-hand')
    await host.reboot()
    expect(await bootId(host)).not.toBe(before)
    expect(await linkNames(host)).toEqual(['cloudbr1', 'eth0', 'eth1', 'lo'])
  })

  it('does not answer while its power is off, and is the same host after', async () => {
    await host.powerOff()
    await expect(host.exec('true')).rejects.toThrow('host kvm-1 is off')
    await expect(sshAnswers(host.address, host.port, AbortSignal.timeout(1_000))).rejects.toThrow('aborted')
    await host.powerOn()
    expect((await host.exec('hostname')).trim()).toBe('kvm-1')
  })
})

it('a bed that is stopped while a host reboots does not bring it back', async () => {
  const brief = await startUmlBed({ hosts: [{ name: 'brief' }] })
  const rebooted = brief.host('brief').reboot()
  await Promise.all([expect(rebooted).rejects.toThrow('host brief'), brief.stop()])
  await expect(brief.host('brief').powerOn()).rejects.toThrow('its bed was stopped')
})

it('a host that does not boot is an error with the end of its log', async () => {
  const plan = {
    hosts: [
      {
        name: 'broken',
        uplinks: [
          { bridge: 'eth1', port: 'eth0' },
          { bridge: 'lo', port: 'eth2' },
        ],
      },
    ],
  }
  await expect(startUmlBed(plan)).rejects.toThrow(
    /host broken ended while it booted; (.|\n)*RTNETLINK answers: File exists/,
  )
})
