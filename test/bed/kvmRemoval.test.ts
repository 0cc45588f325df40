/**
 * Removal on a real kernel: orphans with nobody on them go, whatever anybody has to do with stays, a removal killed between
 * any two steps is finished or undone, and whoever attaches in its midst keeps the bridge or fails loudly.
 */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Bed, BedHost } from '../../infra/local/bed/bed.ts'
import { startUmlBed } from '../../infra/local/bed/uml.ts'
import type { Orphan, Removal, Session } from '../../shared/hypervisors/driver.ts'
import { createKvmSshDriver } from '../../shared/hypervisors/kvm/driver.ts'
import { knownHostsFile } from '../../shared/hypervisors/kvm/knownHosts.ts'
import { readRemoval, removalInput } from '../../shared/hypervisors/kvm/removal.ts'
import {
  type RemovalStep,
  removalCommand,
  removalSteps,
  stepLine,
} from '../../shared/hypervisors/kvm/removalCommand.ts'
import { network, targetOf } from '../hypervisors/kvm/factory.ts'

let bed: Bed
let host: BedHost
let session: Session
beforeAll(async () => {
  bed = await startUmlBed({ hosts: [{ name: 'kvm-1' }] })
  host = bed.host('kvm-1')
  const { user, port, privateKeyFile, knownHostsFile: file } = host
  const privateKey = await readFile(privateKeyFile, 'utf8')
  const driver = createKvmSshDriver({ user, port, privateKey, hostKeys: knownHostsFile(file) })
  await host.exec('modprobe -d /run/bed/modules -a veth macvlan')
  session = await driver.open(targetOf(host), new AbortController().signal)
})
afterAll(async () => {
  await session?.close()
  await bed?.stop()
})

const pairs = {
  vlan: { orphan: { uri: 'vlan://100', uplink: 'eth1' }, bridge: 'breth1-100', device: 'eth1.100' },
  vxlan: { orphan: { uri: 'vxlan://70000', uplink: 'cloudbr1' }, bridge: 'brvx-70000', device: 'vxlan70000' },
} as const
type Kind = keyof typeof pairs

const make: Record<Kind, string> = {
  vlan:
    'link add name breth1-100 group 4814 type bridge\n' +
    'link add link eth1 name eth1.100 group 4814 master breth1-100 type vlan id 100',
  vxlan:
    'link add name brvx-70000 group 4814 type bridge\n' +
    'link add name vxlan70000 group 4814 master brvx-70000 type vxlan id 70000 group 239.1.17.112 ttl 10 dev cloudbr1 dstport 0',
}
/** Few processes, here and below: a guest starts some ten a second. */
const made = async (kind: Kind): Promise<void> => {
  const { bridge, device } = pairs[kind]
  await host.exec(
    `ip -batch - <<'END' && cd /proc/sys/net/ipv6/conf && echo 1 >${device}/disable_ipv6 && echo 1 >${bridge}/disable_ipv6 && ` +
      `printf 'link set dev %s up\\n' ${bridge} ${device} | ip -batch -\n${make[kind]}\nEND`,
  )
}

/** Only on a throw-away bed: everything that tests made, taps first. */
beforeEach(async () => {
  await host.exec(
    'mkdir -p /etc/libvirt/qemu /run/libvirt/qemu; rm -f /etc/libvirt/qemu/* /run/libvirt/qemu/*; cd /sys/class/net;' +
      'for old in vnet* *100* *70000*; do [ ! -e $old ] || echo link del dev $old; done | ip -force -batch - 2>/dev/null; true',
  )
})

const links = async (): Promise<string[]> =>
  (await host.exec('ls /sys/class/net')).split('\n').filter((name) => /100|70000/.test(name))

async function orphans(): Promise<readonly Orphan[]> {
  return (await session.look([])).orphans ?? []
}

async function remove(orphan: Orphan | undefined, milliseconds = 30_000): Promise<Removal | undefined> {
  return orphan && session.remove?.(orphan, Date.now() + milliseconds)
}

/** The fixed command with something in the place of one of its steps, which do nothing: a kill, or an adversary. */
async function removeWith(kind: Kind, step: RemovalStep, inserted: string): Promise<Removal> {
  const orphan = { ...pairs[kind].orphan, devices: [], physicalNetworks: [] }
  const input = removalInput(orphan, 4814, 1_000_000_000) ?? ''
  const command = removalCommand.replace(`${stepLine(step)}\n`, () => `${inserted}\n`)
  expect(command).not.toBe(removalCommand)
  const stdout = await host.exec(`(${command}\n) <<'END' 2>/dev/null || true\n${input}END`)
  return readRemoval({ stdout, stderr: '' })
}

describe.each(['vlan', 'vxlan'] as const)('a %s pair of ours that nobody desires', (kind) => {
  const { orphan, bridge, device } = pairs[kind]
  beforeEach(() => made(kind))

  it('is an orphan, and is removed', async () => {
    const [found, ...others] = await orphans()
    expect(found).toEqual({ ...orphan, devices: [bridge, device], physicalNetworks: [] })
    expect(others).toEqual([])
    expect(await remove(found)).toEqual({ removed: true })
    expect(await links()).toEqual([])
    expect(await orphans()).toEqual([])
  })

  const alike: readonly (readonly [string, string, string])[] = [
    ['a port', `ip link add vnet1 type veth peer name vnet2 && ip link set vnet1 master ${bridge}`, 'vnet1 is on'],
    ['a device on the bridge', `ip link add link ${bridge} name vnet3 type macvlan`, 'vnet3 is on'],
    ['a device on its device', `ip link add link ${device} name vnet4 type vlan id 5`, 'vnet4 is on'],
    ['an address', `ip addr add 192.0.2.1/24 dev ${bridge}`, 'has an address'],
    ['a running domain', `echo "<source bridge='${bridge}'/>" >/run/libvirt/qemu/i-2-3-VM.xml`, 'libvirt domain'],
    ['a defined domain', `echo "<source bridge='${bridge}'/>" >/etc/libvirt/qemu/own.xml`, 'libvirt domain'],
    [
      'a domain on its device',
      `echo "<source dev='${device}' mode='bridge'/>" >/run/libvirt/qemu/a.xml`,
      'libvirt domain',
    ],
    ['unknown domains', 'rm -r /run/libvirt/qemu', 'not known which libvirt domains'],
    ['a device that is not ours', `ip link set dev ${device} group 0`, 'does not carry the mark'],
  ]
  it.each(kind === 'vlan' ? alike : alike.slice(0, 1))('stays as it is with %s', async (_what, act, why) => {
    const [found] = await orphans()
    await host.exec(act)
    const before = await host.exec('ip -o link show group 4814')
    expect(await remove(found)).toEqual({ kept: expect.stringContaining(why) })
    expect(await host.exec('ip -o link show group 4814')).toBe(before)
  })

  it('is not named by a domain of a name that only begins like it', async () => {
    await host.exec(`echo "<source bridge='${bridge}1'/>" >/run/libvirt/qemu/i-2-3-VM.xml`)
    expect(await remove((await orphans())[0])).toEqual({ removed: true })
  })

  it('stays when the deadline is over, by the host’s own clock', async () => {
    expect(await remove((await orphans())[0], -1)).toEqual({ kept: 'its deadline is over' })
    expect(await links()).toEqual([bridge, device])
  })

  it('is put back by itself when the deadline passes in its midst', async () => {
    expect(await removeWith(kind, 'aside', 'deadline=1')).toEqual({ kept: 'its deadline is over' })
    expect(await links()).toEqual([bridge, device])
    expect((await host.exec(`ip -o link show up group 4814`)).trim().split('\n')).toHaveLength(2)
  })

  const killed: readonly RemovalStep[] = kind === 'vlan' ? removalSteps : ['bridgeAside', 'deviceGone']
  it.each(killed)('is finished by the next removal when it was killed at the step %s', async (step) => {
    await removeWith(kind, step, 'kill -9 $$')
    const [found] = await orphans()
    if (found === undefined) expect(step).toBe('gone')
    else expect(await remove(found)).toEqual({ removed: true })
    expect(await links()).toEqual([])
  })

  const cutOff: readonly RemovalStep[] = ['down', 'bridgeAside', 'deviceDown', 'aside', 'judged']
  it.each(kind === 'vlan' ? cutOff : cutOff.slice(3, 4))(
    'comes back at the next look when it was killed at the step %s with somebody on it',
    async (step) => {
      const attach = `ip link add vnet1 type veth peer name vnet2; for b in ${bridge} bk${bridge.slice(2)}; do ip link set vnet1 master $b; done`
      await removeWith(kind, step, `${attach}; kill -9 $$`)
      const view = await session.look([])
      expect(view.changes).toMatchObject([{ uri: orphan.uri }])
      await view.apply()
      expect((await session.look([])).changes).toEqual([])
      expect(await host.exec('ip -o link show dev vnet1')).toContain(`master ${bridge}`)
      expect((await host.exec('ip -o link show up group 4814')).match(/,UP/g)).toHaveLength(2)
    },
  )
})

it.each(removalSteps.slice(1, -1))(
  'a network that is desired again after a kill at %s gets its pair back',
  async (step) => {
    await made('vlan')
    await removeWith('vlan', step, 'kill -9 $$')
    const desired = [network('vlan://100')]
    await (await session.look(desired)).apply()
    expect(await session.look(desired)).toMatchObject({ devices: 2, changes: [], findings: [], orphans: [] })
    const switches = await host.exec('cd /proc/sys/net/ipv6/conf; cat eth1.100/disable_ipv6 breth1-100/disable_ipv6')
    expect(switches).toBe('1\n1\n')
  },
)

describe('somebody who comes in the midst of a removal', () => {
  /** CloudStack's script for a VM start (FACTS B3), and the tap of the VM. */
  const startVm =
    'd=/sys/class/net; ok=1; [ -d $d/eth1.100 ] || ip link add link eth1 name eth1.100 type vlan id 100; ip link set eth1.100 up;' +
    '[ -d $d/eth1.100 ] || ok=0; [ $ok = 0 ] || { [ -d $d/breth1-100 ] || ip link add name breth1-100 type bridge; ip link set breth1-100 up;' +
    '[ -e $d/breth1-100/brif/eth1.100 ] || ip link set eth1.100 master breth1-100; [ -e $d/breth1-100/brif/eth1.100 ] || ok=0; }'

  it.each(removalSteps)('a VM that starts at the step %s has its network, or fails loudly', async (step) => {
    await made('vlan')
    const attach = `[ $ok = 1 ] && ip link add vnet1 type veth peer name vnet2 && ip link set vnet1 master breth1-100 && echo started >/run/started`
    await host.exec('rm -f /run/started')
    await removeWith('vlan', step, `${startVm}; ${attach}`)
    const started = (await host.exec('cat /run/started 2>/dev/null || true')) !== ''
    if (step === 'checked' || step === 'down' || step === 'gone') expect(started).toBe(true)
    if (!started) return
    expect(await host.exec('ip -o link show dev vnet1')).toContain('master breth1-100')
    expect(await host.exec('ip -o link show dev eth1.100')).toMatch(/,UP.*master breth1-100/)
    expect(await host.exec('ip -o link show dev breth1-100')).toMatch(/,UP/)
  })

  it('12 rounds against ports that attach at random moments: no silent loss', async () => {
    await host.exec('for i in $(seq 12); do ip link add vnet$i type veth peer name peer$i; done')
    for (let round = 1; round <= 12; round++) {
      await made('vlan')
      const [wait, act] = [(Math.random() * 2.5).toFixed(2), `ip link set vnet${round} master breth1-100 2>/dev/null`]
      const attach = host.exec(`sleep ${wait}; ${act} && echo attached || echo failed`)
      const removal = await remove((await orphans())[0])
      const attached = (await attach).trim() === 'attached'
      expect(removal).toEqual(attached ? { kept: expect.any(String) } : { removed: true })
      if (!attached) continue
      const found = await host.exec(`ip -o link show dev vnet${round}; ip -o link show group 4814`)
      expect(found).toMatch(/vnet\d+@.* master breth1-100 /)
      expect(found).toMatch(/breth1-100: <[^>]*,UP/)
      expect(found).toMatch(/eth1\.100@eth1: <[^>]*,UP.* master breth1-100 /)
      await host.exec('ip link del eth1.100; ip link del breth1-100')
    }
  })
})
