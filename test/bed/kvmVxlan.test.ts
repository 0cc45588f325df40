/** VXLAN networks on a real kernel: what is made, that it is made once, the kernel's limits, CloudStack's lock, removal. */
import { readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Bed, BedHost } from '../../infra/local/bed/bed.ts'
import { startUmlBed } from '../../infra/local/bed/uml.ts'
import type { Driver, Session, View } from '../../shared/hypervisors/driver.ts'
import { createKvmSshDriver, type KvmSshOptions } from '../../shared/hypervisors/kvm/driver.ts'
import { knownHostsFile } from '../../shared/hypervisors/kvm/knownHosts.ts'
import type { DesiredNetwork } from '../../shared/reconcile/model.ts'
import { network, targetOf } from '../hypervisors/kvm/factory.ts'

let bed: Bed
let host: BedHost
let session: Session
beforeAll(async () => {
  bed = await startUmlBed({ hosts: [{ name: 'kvm-1' }] })
  host = bed.host('kvm-1')
  await host.exec('mkdir -p /etc/libvirt/qemu /run/libvirt/qemu /var/run/cloud')
  session = await (await driverOf()).open(targetOf(host), new AbortController().signal)
})

async function driverOf(options: Partial<KvmSshOptions> = {}): Promise<Driver> {
  const { user, port, privateKeyFile, knownHostsFile: file } = host
  const privateKey = await readFile(privateKeyFile, 'utf8')
  return createKvmSshDriver({ user, port, privateKey, hostKeys: knownHostsFile(file), ...options })
}
afterAll(async () => {
  await session?.close()
  await bed?.stop()
})

/** A throw-away bed: there, and only there, all devices of a group may be deleted at once. */
afterEach(() =>
  host.exec('ip link show group 4814 | grep -q . && ip link del group 4814; ip -4 route flush root 239.0.0.0/8; true'),
)

const labels = [{ physicalNetwork: 'pn1', label: 'cloudbr1' }]

/** A stand-in for a site's modifyvxlan.sh of its own: unicast, known by its calls, IPv6 forgotten. */
const unicastStandIn = `#!/bin/sh
echo "$@" >>/run/calls
[ "$1 $2 $3 $5 $7" = "-o add -v -p -b" ] || exit 2
[ -e /sys/class/net/vxlan$4 ] || ip link add vxlan$4 type vxlan id $4 dstport 4789 nolearning || exit 1
[ -e /sys/class/net/$8 ] || ip link add $8 type bridge || exit 1
ip link set vxlan$4 master $8 && ip link set vxlan$4 up && ip link set $8 up
`

const desiredOf = (count: number): readonly DesiredNetwork[] =>
  Array.from({ length: count }, (_, at) => network(`vxlan://${70_000 + at}`))

async function provision(desired: readonly DesiredNetwork[]): Promise<View> {
  await (await session.look(desired)).apply()
  return session.look(desired)
}

/** Links, IPv6 switches and routes, without what counts by itself: timers. */
const state = (): Promise<string> =>
  host.exec(
    `ip -d link | sed -E 's/_timer +[0-9.]+//g'; grep -H '' /proc/sys/net/ipv6/conf/*/disable_ipv6; ip -4 route`,
  )

describe('VXLAN networks on a real kernel', () => {
  it('are as CloudStack’s script would have made them, marked, and a second run changes nothing', async () => {
    const before = await state()
    const view = await provision([network('vlan://3001'), ...desiredOf(2)])
    expect(view).toMatchObject({ devices: 6, changes: [], findings: [] })
    const device = await host.exec('ip -d link show dev vxlan70001')
    expect(device).toMatch(/vxlan70001: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 .* master brvx-70001 .* group 4814/)
    expect(device).toMatch(/vxlan id 70001 group 239\.1\.17\.113 dev cloudbr1 srcport 0 0 dstport 8472 ttl 10 /)
    expect(device).not.toMatch(/nolearning| local /)
    const bridge = await host.exec('ip -d link show dev brvx-70001')
    expect(bridge).toMatch(/brvx-70001: <BROADCAST,MULTICAST,UP,LOWER_UP> .* group 4814/)
    const switches = await host.exec(
      'cd /proc/sys/net/ipv6/conf; cat vxlan7000[01]/disable_ipv6 brvx-7000[01]/disable_ipv6',
    )
    expect(switches).toBe('1\n1\n1\n1\n')
    const routes = await host.exec('ip -4 route show root 239.0.0.0/8')
    const words = routes.split('\n').map((line) => line.trim())
    expect(words).toEqual([
      '239.1.17.112 dev cloudbr1 proto 148 scope link',
      '239.1.17.113 dev cloudbr1 proto 148 scope link',
      '',
    ])
    expect(await host.exec('cat /proc/net/igmp')).toMatch(/cloudbr1[\s\S]*701101EF[\s\S]*/)
    const once = await state()
    expect(once).not.toBe(before)
    await provision([network('vlan://3001'), ...desiredOf(2)])
    expect(await state()).toBe(once)
  })

  it('send no IPv6 frame while they are made', async () => {
    await provision(desiredOf(3))
    const sum = "awk '/OutRequests|OutMsgs/ { n += $2 } END { print n + 0 }'"
    const sentBy = async (devices: string): Promise<number> =>
      Number(await host.exec(`cd /proc/net/dev_snmp6 && ${sum} ${devices}`))
    await host.exec(
      'ip link add control type vxlan id 99 group 239.0.0.99 ttl 10 dev cloudbr1 2>/dev/null && ip link set control up',
    )
    await expect.poll(() => sentBy('control'), { timeout: 10_000 }).toBeGreaterThan(0)
    expect(await sentBy('vxlan7000[012] brvx-7000[012]')).toBe(0)
    await host.exec('ip link del control')
  })

  it('of which the kernel has room for 20: the first 20 work, the rest say which setting to raise, and to what', async () => {
    const view = await provision(desiredOf(25))
    expect(view).toMatchObject({ devices: 40, changes: [] })
    expect(view.findings.map(({ uri, reason }) => [uri, reason])).toEqual(
      [20, 21, 22, 23, 24].map((at) => [`vxlan://${70_000 + at}`, 'KernelLimit']),
    )
    expect(view.findings[0]?.detail).toContain('net.ipv4.igmp_max_memberships is 20, room for 20: set it to 25 or more')
    expect(await host.exec('ls -d /sys/class/net/vxlan* | wc -l')).toBe('20\n')
    await host.exec('sysctl -q -w net.ipv4.igmp_max_memberships=25')
    expect(await provision(desiredOf(25))).toMatchObject({ devices: 50, changes: [], findings: [] })
    await host.exec('sysctl -q -w net.ipv4.igmp_max_memberships=20')
  })

  it('come back when CloudStack deleted one with its last VM, and adopt what it made without a mark', async () => {
    await provision(desiredOf(2))
    await host.exec('ip link del vxlan70000; ip link del brvx-70000')
    expect(await provision(desiredOf(2))).toMatchObject({ devices: 4, changes: [] })
    await host.exec(
      'ip link del vxlan70001; ip link del brvx-70001; ip route del 239.1.17.113;' +
        'ip -f inet link add vxlan70001 type vxlan id 70001 group 239.1.17.113 ttl 10 dev cloudbr1 2>/dev/null;' +
        'ip link set vxlan70001 up; ip route add 239.1.17.113 dev cloudbr1',
    )
    expect(await provision(desiredOf(2))).toMatchObject({ devices: 4, changes: [] })
    expect(await host.exec('ip -o link show dev vxlan70001')).toContain('group default')
    expect(await host.exec('ip -4 route show 239.1.17.113')).not.toContain('proto')
    await host.exec('ip link del vxlan70001')
  })

  it('wait for CloudStack’s own lock, and are left for the next look when it is not given back', async () => {
    await host.exec('flock -o /var/run/cloud/vxlan.lock sleep 30 >/dev/null 2>&1 & echo $! >/run/holder')
    const view = await session.look([network('vlan://3001'), ...desiredOf(1)])
    await expect(view.apply()).rejects.toMatchObject({ reason: 'HostBusy' })
    expect((await session.look([network('vlan://3001'), ...desiredOf(1)])).devices).toBe(2)
    await host.exec('kill $(cat /run/holder)')
    expect(await provision(desiredOf(1))).toMatchObject({ devices: 2, changes: [] })
  })

  it('are not made where the host’s script is a site’s own', async () => {
    const script = '/usr/share/cloudstack-common/scripts/vm/network/vnet/modifyvxlan.sh'
    const write = (line: string): Promise<string> =>
      host.exec(`mkdir -p $(dirname ${script}); printf '%s\\n' '# a group is not needed' '${line}' >${script}`)
    await write('ip link add $dev type vxlan id $vni local $address dstport 4789 nolearning')
    expect(await session.look(desiredOf(1))).toMatchObject({ changes: [], findings: [{ reason: 'Unsupported' }] })
    await write('ip link add $dev type vxlan id $vni group $group ttl 10 dev $pif')
    expect(await session.look(desiredOf(1))).toMatchObject({ changes: [{ uri: 'vxlan://70000' }], findings: [] })
    await host.exec(`rm ${script}`)
  })

  it('are made by the site’s own script where a setting says so, are not marked, and a second run changes nothing', async () => {
    const script = '/usr/share/cloudstack-common/scripts/vm/network/vnet/modifyvxlan.sh'
    await host.exec(
      `mkdir -p $(dirname ${script}); cat >${script} <<'END'\n${unicastStandIn}END\nchmod 755 ${script}; rm -f /run/calls`,
    )
    const opened = await (await driverOf({ vxlan: 'script' })).open(targetOf(host), new AbortController().signal)
    const desired = [network('vlan://3001'), ...desiredOf(3)]
    const view = await opened.look(desired)
    expect(view.changes).toHaveLength(4)
    await view.apply()
    const after = await opened.look(desired)
    expect(after).toMatchObject({ devices: 8, changes: [], findings: [], orphans: [] })
    expect(await host.exec('cat /run/calls')).toBe(
      [70_000, 70_001, 70_002].map((vni) => `-o add -v ${vni} -p cloudbr1 -b brvx-${vni}\n`).join(''),
    )
    expect(await host.exec('ip -d -o link show dev vxlan70001')).toMatch(/ group default .* dstport 4789 nolearning /)
    const switches = 'cat vxlan7000[012]/disable_ipv6 brvx-7000[012]/disable_ipv6'
    expect(await host.exec(`cd /proc/sys/net/ipv6/conf; ${switches}`)).toBe('1\n'.repeat(6))
    expect(after.seen).toBeDefined()
    expect(await opened.look(desired, [], { seen: after.seen ?? '', devices: 8 })).toMatchObject({ unchanged: true })
    await host.exec('ip link set vxlan70002 nomaster')
    await (await opened.look(desired)).apply()
    expect(await opened.look(desired)).toMatchObject({ devices: 8, changes: [] })
    await opened.close()
    await host.exec(`for v in 70000 70001 70002; do ip link del vxlan$v; ip link del brvx-$v; done; rm ${script}`)
  })

  it('leave no route of ours when CloudStack deleted the devices of a network that is gone', async () => {
    const before = await state()
    await provision(desiredOf(1))
    await host.exec('ip link del vxlan70000; ip link del brvx-70000')
    const { orphans = [] } = await session.look([], labels)
    const left = { devices: ['route 239.1.17.112'], uri: 'vxlan://70000', uplink: 'cloudbr1' }
    expect(orphans).toEqual([{ ...left, physicalNetworks: ['pn1'] }])
    for (const orphan of orphans) expect(await session.remove?.(orphan, Date.now() + 30_000)).toEqual({ removed: true })
    expect((await session.look([], labels)).orphans).toEqual([])
    expect(await state()).toBe(before)
  })

  it('go with their route when they are removed, and a route of somebody else stays', async () => {
    const before = await state()
    await host.exec('ip route add 239.1.17.113 dev cloudbr1')
    await provision(desiredOf(2))
    const { orphans = [] } = await session.look([])
    expect(orphans).toHaveLength(2)
    for (const orphan of orphans) expect(await session.remove?.(orphan, Date.now() + 30_000)).toEqual({ removed: true })
    expect((await host.exec('ip -4 route show root 239.0.0.0/8')).trim()).toBe('239.1.17.113 dev cloudbr1 scope link')
    await host.exec('ip route del 239.1.17.113')
    expect(await state()).toBe(before)
  })
})
