/** A host whose guest traffic is on Open vSwitch: real programs on a real kernel; nothing is created, and what lacks is told. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Bed, BedHost } from '../../infra/local/bed/bed.ts'
import { startUmlBed } from '../../infra/local/bed/uml.ts'
import type { Session } from '../../shared/hypervisors/driver.ts'
import { createKvmSshDriver } from '../../shared/hypervisors/kvm/driver.ts'
import { knownHostsFile } from '../../shared/hypervisors/kvm/knownHosts.ts'
import { network, targetOf } from '../hypervisors/kvm/factory.ts'

const start = `set -e
modprobe -d /run/bed/modules -a openvswitch dummy tun
mkdir -p /run/openvswitch /dev/net /etc/cloudstack/agent; [ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
ovsdb-tool create /run/ovs.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server /run/ovs.db --remote=punix:/run/openvswitch/db.sock --pidfile --detach --no-chdir --log-file=/run/ovs1 </dev/null >/dev/null 2>&1
ovs-vsctl --no-wait init
ovs-vswitchd --pidfile --detach --no-chdir --log-file=/run/ovs2 </dev/null >/dev/null 2>&1
ip link add up0 type dummy; ip link set up0 up; ip tuntap add dev vnet5 mode tap
ovs-vsctl --timeout=20 add-br guests -- add-port guests up0 -- add-port guests vnet5 tag=100 -- add-br guests7 guests 7
ovs-vsctl --timeout=20 add-br alone -- add-port alone inner -- set interface inner type=internal
ovs-vsctl --timeout=20 add-port alone patch0 -- set interface patch0 type=patch options:peer=patch1
ip link set guests up; ip link set guests7 up; ip link set alone up
echo network.bridge.type=openvswitch >/etc/cloudstack/agent/agent.properties`

let bed: Bed
let host: BedHost
let session: Session
beforeAll(async () => {
  bed = await startUmlBed({ hosts: [{ name: 'kvm-1' }] })
  host = bed.host('kvm-1')
  await host.exec(start)
  const { user, port, privateKeyFile, knownHostsFile: file } = host
  const privateKey = await readFile(privateKeyFile, 'utf8')
  const driver = createKvmSshDriver({ user, port, privateKey, hostKeys: knownHostsFile(file) })
  session = await driver.open(targetOf(host), new AbortController().signal)
})
afterAll(async () => {
  await session?.close()
  await bed?.stop()
})

const on = (label: string) => [network('vlan://100', label), network('vlan://untagged', label)]
const findings = async (label: string): Promise<readonly string[]> =>
  (await session.look(on(label))).findings.map(({ uri, reason, detail }) => `${uri} ${reason}: ${detail}`)

/** Without what ovs-vswitchd says of a patch that has no peer: that comes and goes by itself. */
const shown = 'ip -o link; ovs-vsctl show | grep -v "error: .*peer"'

it.each(['guests', 'guests7'])('the bridge %s is there, up and with an uplink: nothing to create', async (label) => {
  const before = await host.exec(shown)
  const labels = [{ physicalNetwork: 'pn1', label }]
  const view = await session.look(on(label), labels)
  expect(view).toMatchObject({ changes: [], findings: [], devices: 0, readiness: [{ reason: 'Noted' }] })
  expect(await session.look(on(label), labels, { seen: view.seen ?? '', devices: 0 })).toMatchObject({
    unchanged: true,
  })
  await view.apply()
  expect(await host.exec(shown)).toBe(before)
})

describe('what lacks is told', () => {
  it.each([
    ['nowhere', 'vlan://100 BridgeMissing: Open vSwitch has no bridge called nowhere.'],
    ['alone', 'vlan://100 UplinkMissing: The Open vSwitch bridge alone has no port that leads out of the host.'],
  ])('for the label %s', async (label, told) => {
    expect(await findings(label)).toEqual([told])
  })

  it('for a bridge that goes down and for an uplink that goes, as it happens', async () => {
    const { seen = '' } = await session.look(on('guests'))
    const now = async () => (await session.look(on('guests'), [], { seen, devices: 0 })).findings
    await host.exec('ip link set guests down')
    await expect.poll(now, { timeout: 10_000 }).toMatchObject([{ reason: 'BridgeDown' }])
    await host.exec('ip link set guests up; ovs-vsctl --timeout=20 del-port guests up0')
    await expect.poll(now, { timeout: 10_000 }).toMatchObject([{ reason: 'UplinkMissing' }])
    await host.exec('ovs-vsctl --timeout=20 add-port guests up0')
    await expect.poll(now, { timeout: 10_000 }).toEqual([])
  })

  it('for VXLAN, which CloudStack’s driver for Open vSwitch does not have', async () => {
    const view = await session.look([network('vxlan://70000', 'guests')])
    expect(view).toMatchObject({ changes: [], findings: [{ reason: 'Unsupported' }] })
  })

  it('for a database that does not answer', async () => {
    await host.exec('mv /run/openvswitch/db.sock /run/openvswitch/away')
    expect(await findings('guests')).toMatchObject([
      expect.stringMatching(/^vlan:\/\/100 OpenVswitchUnreadable: .* ovs-vsctl ended with \d+\.$/),
    ])
    await host.exec('mv /run/openvswitch/away /run/openvswitch/db.sock')
  })
})

it('a host whose driver for guests is that of Linux bridges is planned as ever', async () => {
  const driver = 'libvirt.vif.driver.Guest=com.cloud.hypervisor.kvm.resource.BridgeVifDriver'
  await host.exec(`echo ${driver} >>/etc/cloudstack/agent/agent.properties`)
  expect((await session.look(on('cloudbr1'))).changes).toMatchObject([{ uri: 'vlan://100' }])
})
