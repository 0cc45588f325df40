/** The KVM driver on real kernels: user-mode-linux guests with 8021q, reached over OpenSSH. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Bed, BedHost } from '../../infra/local/bed/bed.ts'
import { startUmlBed } from '../../infra/local/bed/uml.ts'
import type { Driver, View } from '../../shared/hypervisors/driver.ts'
import { createKvmSshDriver } from '../../shared/hypervisors/kvm/driver.ts'
import { knownHostsFile } from '../../shared/hypervisors/kvm/knownHosts.ts'
import type { DesiredNetwork } from '../../shared/reconcile/model.ts'
import { driverContract } from '../contract/driver.ts'
import { batchCases } from '../hypervisors/kvm/batchCases.ts'
import { network, targetOf } from '../hypervisors/kvm/factory.ts'

let bed: Bed
let host: BedHost
beforeAll(async () => {
  bed = await startUmlBed({ hosts: [{ name: 'kvm-1' }] })
  host = bed.host('kvm-1')
  await host.exec('mkdir -p /etc/libvirt/qemu /run/libvirt/qemu')
})
afterAll(() => bed?.stop())

async function driverOf({ user, port, privateKeyFile, knownHostsFile: file }: BedHost): Promise<Driver> {
  const privateKey = await readFile(privateKeyFile, 'utf8')
  return createKvmSshDriver({ user, port, privateKey, hostKeys: knownHostsFile(file) })
}

async function provision(desired: readonly DesiredNetwork[]): Promise<View> {
  const session = await (await driverOf(host)).open(targetOf(host), new AbortController().signal)
  try {
    await (await session.look(desired)).apply()
    return await session.look(desired)
  } finally {
    await session.close()
  }
}

/** Links and IPv6 switches without what counts by itself: timers. */
const state = (): Promise<string> =>
  host.exec(`ip -d link | sed -E 's/_timer +[0-9.]+//g'; grep -H '' /proc/sys/net/ipv6/conf/*/disable_ipv6`)

/** A throw-away bed: there, and only there, all devices of a group may be deleted at once. */
const clean = (): Promise<unknown> => host.exec('ip link show group 4814 | grep -q . && ip link del group 4814; true')

describe('kvm-ssh on a real kernel', () => {
  driverContract(async () => ({
    driver: await driverOf(host),
    target: targetOf(host),
    desired: [3001, 3002, 3003].map((id) => network(`vlan://${id}`)),
    devices: 6,
    state,
    stop: async () => void (await clean()),
  }))

  it('makes devices that the kernel itself shows as CloudStack would have made them, marked', async () => {
    expect(await provision([network('vlan://3001')])).toMatchObject({ devices: 2, changes: [], findings: [] })
    const vlan = await host.exec('ip -d link show dev eth1.3001')
    expect(vlan).toMatch(/eth1\.3001@eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> .* master breth1-3001 .* group 4814/)
    expect(vlan).toContain('vlan protocol 802.1Q id 3001 ')
    const bridge = await host.exec('ip -d link show dev breth1-3001')
    expect(bridge).toMatch(/breth1-3001: <BROADCAST,MULTICAST,UP,LOWER_UP> .* group 4814/)
    expect(bridge).toMatch(/bridge forward_delay 1500 .* stp_state 0 .* vlan_filtering 0 /)
    const switches = await host.exec('cd /proc/sys/net/ipv6/conf; cat eth1.3001/disable_ipv6 breth1-3001/disable_ipv6')
    expect(switches).toBe('1\n1\n')
    expect(await host.exec('ip -o -6 addr show dev breth1-3001; ip -o -6 addr show dev eth1.3001')).toBe('')
    await clean()
  })

  it('completes half-made devices of CloudStack, and does not mark them', async () => {
    await host.exec('ip link add link eth1 name eth1.3002 type vlan id 3002; ip link add name breth1-3003 type bridge')
    const desired = [network('vlan://3002'), network('vlan://3003')]
    expect(await provision(desired)).toMatchObject({ devices: 4, changes: [], findings: [] })
    const links = await host.exec('ip -o link show dev eth1.3002; ip -o link show dev breth1-3003')
    expect(links.match(/,UP.* group default/g)).toHaveLength(2)
    await clean()
    await host.exec('ip link del eth1.3002; ip link del breth1-3003')
  })

  it('leaves what others made exactly as it was', async () => {
    await host.exec(
      'ip link add name br-foreign type bridge; ip link add link eth1 name vnet7 type vlan id 7;' +
        'ip link set vnet7 master br-foreign; ip link set br-foreign up; ip link set vnet7 up',
    )
    const foreign = () =>
      host.exec(
        'for d in br-foreign vnet7 eth1 cloudbr1; do ip -o link show dev $d; cat /proc/sys/net/ipv6/conf/$d/disable_ipv6; done',
      )
    const before = await foreign()
    expect(await provision([network('vlan://3004'), network('vlan://3005')])).toMatchObject({ devices: 4 })
    expect(await foreign()).toBe(before)
    await clean()
    await host.exec('ip link del br-foreign; ip link del vnet7')
  })

  it('does not take a tag away from the bridge above the uplink', async () => {
    await host.exec('ip link add link cloudbr1 name cloudbr1.200 type vlan id 200 && ip link set cloudbr1.200 up')
    const view = await provision([network('vlan://200'), network('vlan://201')])
    expect(view).toMatchObject({ devices: 2, changes: [], findings: [{ uri: 'vlan://200', reason: 'Conflict' }] })
    expect(view.findings[0]?.detail).toContain('cloudbr1.200 on cloudbr1')
    await expect(host.exec('ip link show dev eth1.200')).rejects.toThrow('does not exist')
    await clean()
    await host.exec('ip link del cloudbr1.200')
  })

  it('does nothing on a host that another run holds, and says so', async () => {
    await host.exec('flock -o /run/bridgekeeper.lock sleep 30 >/dev/null 2>&1 & echo $! >/run/holder')
    await expect(provision([network('vlan://3001')])).rejects.toMatchObject({ reason: 'HostBusy' })
    expect(await host.exec('ip -o link show group 4814')).toBe('')
    await host.exec('kill $(cat /run/holder)')
    expect(await provision([network('vlan://3001')])).toMatchObject({ devices: 2, changes: [] })
    await clean()
  })

  it('makes the same where new devices have IPv6 off, and leaves that switch as it is', async () => {
    const switches = 'cat /proc/sys/net/ipv6/conf/default/disable_ipv6 /proc/sys/net/ipv6/conf/all/disable_ipv6'
    await host.exec('echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6')
    expect(await provision([network('vlan://3001')])).toMatchObject({ devices: 2, changes: [], findings: [] })
    expect(await host.exec(switches)).toBe('1\n0\n')
    await clean()
    await host.exec('echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6')
    expect(await provision([network('vlan://3001')])).toMatchObject({ devices: 2, changes: [], findings: [] })
    expect(await host.exec(switches)).toBe('0\n0\n')
    await clean()
  })

  it('tells an MTU that did not follow its uplink up, and changes nothing', async () => {
    const mtu = (): Promise<string> => host.exec('cat /sys/class/net/eth1.3001/mtu')
    const desired = [network('vlan://3001')]
    await host.exec('ip link set eth1 mtu 1400')
    expect(await provision(desired)).toMatchObject({ devices: 2, findings: [] })
    await host.exec('ip link set eth1 mtu 1500')
    expect(await provision(desired)).toMatchObject({ devices: 2, changes: [], findings: [{ reason: 'MtuDiffers' }] })
    expect(await mtu()).toBe('1400\n')
    await host.exec('ip link set eth1 mtu 1300')
    expect(await provision(desired)).toMatchObject({ devices: 2, findings: [] })
    expect(await mtu()).toBe('1300\n')
    await clean()
    await host.exec('ip link set eth1 mtu 1500')
  })

  it('sends no IPv6 frame while it creates devices', async () => {
    const sum = "awk '/OutRequests|OutMsgs/ { n += $2 } END { print n + 0 }'"
    const sentBy = async (devices: string): Promise<number> =>
      Number(await host.exec(`cd /proc/net/dev_snmp6 && ${sum} ${devices}`))
    await provision([3011, 3012, 3013].map((id) => network(`vlan://${id}`)))
    await host.exec('ip link add link eth1 name control type vlan id 3019 && ip link set control up')
    await expect.poll(() => sentBy('control'), { timeout: 10_000 }).toBeGreaterThan(0)
    const devices = [3011, 3012, 3013].map((id) => `eth1.${id} breth1-${id}`).join(' ')
    expect(await sentBy(devices)).toBe(0)
    await clean()
    await host.exec('ip link del control')
  })

  it('is the same after a reboot, under another boot id', async () => {
    const desired = [network('vlan://3001')]
    const before = await provision(desired)
    await host.reboot()
    const after = await provision(desired)
    expect(after).toMatchObject({ devices: 2, changes: [] })
    expect(after.bootId).not.toBe(before.bootId)
    await clean()
  })
})

describe('the simulated kernel answers faulty batches as a real one does', () => {
  it.each(batchCases)('$says', async ({ lines, code, leaves }) => {
    const answer = await host.exec(`ip -force -batch - <<'END' >/dev/null 2>&1\n${lines.join('\n')}\nEND\necho $?`)
    const links = await host.exec('ip -o link show group 4814')
    await clean()
    const left = links.split('\n').flatMap((line) => {
      const name = /^\d+: (t[^@:]*)/.exec(line)?.[1]
      const master = / master (\S+)/.exec(line)?.[1]
      return name === undefined ? [] : [master === undefined ? name : `${name} in ${master}`]
    })
    expect(Number(answer)).toBe(code)
    expect(left.sort()).toEqual(leaves)
  })
})
