import { afterEach, describe, expect, it } from 'vitest'
import { HostError, type Session } from '../../shared/hypervisors/driver.ts'
import { run } from '../../shared/hypervisors/run.ts'
import { connectVim } from '../../shared/hypervisors/vmware/soap.ts'
import { type Connect, createVcenters } from '../../shared/hypervisors/vmware/vcenter.ts'
import type { DesiredNetwork } from '../../shared/reconcile/model.ts'
import type { Simulator } from './programs.ts'
import {
  distributed,
  hostName,
  type Inventory,
  network,
  type RunningVcenter,
  standard,
  startVcenter,
  target,
  vlans,
} from './vcenter.ts'

let vcenter: RunningVcenter
const start = async (program: Simulator = 'amendedVcsim', inventory: Inventory = {}): Promise<void> => {
  vcenter = await startVcenter(program, inventory)
}
afterEach(() => vcenter.stop())

const forever = (): AbortSignal => new AbortController().signal
const open = (name?: string): Promise<Session> => vcenter.driver().open(target(name), forever())
const provision = (desired: readonly DesiredNetwork[], name?: string, mode: 'apply' | 'observe' = 'apply') =>
  run(vcenter.driver(), target(name), { networks: desired, labels: [] }, mode, forever())
const ours = async () => (await vcenter.networks()).filter((name) => name.startsWith('cloud.guest.'))
const onHost = async (name: string) =>
  [...(await vcenter.govc('host.portgroup.info', '-host', name)).matchAll(/^Name:\s+(cloud\.guest\.\S+)/gm)]
    .map(([, group]) => group)
    .sort()
const collected = async (path: string, property: string): Promise<string> =>
  vcenter.govc('object.collect', '-json', `/DC0/network/${path}`, property)
const reasonOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => (error instanceof HostError ? `${error.reason}: ${error.message}` : String(error)),
  )

describe.each([
  ['standard', standard, 'vSwitch0'],
  ['distributed', distributed, 'DVS0'],
] as const)('a %s switch', (kind, label, name) => {
  const group = (id: number) => `cloud.guest.${id}.200.1-${name}`

  it('serves a host that comes late, and no other is touched', async () => {
    await start()
    const desired = vlans(2, label)
    await provision(desired)
    const before = await onHost(hostName(0, 0))
    expect(await provision(desired, hostName(0, 1))).toMatchObject({ verdict: 'InSync', devices: 2 })
    expect(await onHost(hostName(0, 1))).toEqual(kind === 'standard' ? [group(100), group(101)] : [])
    expect(await onHost(hostName(0, 0))).toEqual(before)
    expect(await ours()).toEqual([group(100), group(101)])
  })

  it('loses nothing by a reboot, and is made whole after a hand took a group away', async () => {
    await start()
    const desired = vlans(2, label)
    const { bootId } = await provision(desired)
    expect(bootId).toMatch(/^\d{4}-/)
    await (kind === 'standard'
      ? vcenter.govc('host.portgroup.remove', '-host', hostName(0, 0), group(101))
      : vcenter.govc('object.destroy', `/DC0/network/${group(101)}`))
    expect(await provision(desired, undefined, 'observe')).toMatchObject({ verdict: 'OutOfSync', devices: 1 })
    expect(await ours()).toEqual([group(100)])
    expect(await provision(desired)).toMatchObject({ verdict: 'InSync', devices: 2, created: 1 })
    expect(await ours()).toEqual([group(100), group(101)])
  })

  it('marks what it made, as CloudStack’s clean-up and as its own', async () => {
    await start()
    await provision([network('vlan://100', label), network('vlan://untagged', label)])
    const fields = kind === 'standard' ? ['cloud.gc', 'bridgekeeper.made'] : ['cloud.gc.dvp', 'bridgekeeper.made.dvp']
    const shown = await vcenter.govc('fields.info', `/DC0/network/${group(100)}`)
    for (const field of fields) expect(shown).toContain(field)
    expect(shown).toContain('4814 vlan://100')
    const untagged = await vcenter.govc('fields.info', `/DC0/network/cloud.guest.untagged.200.1-${name}`)
    expect(untagged).toContain('4814 vlan://untagged')
    expect(untagged).not.toContain('cloud.gc')
  })

  it('adopts a group that was there, and neither marks nor removes it', async () => {
    await start()
    await (kind === 'standard'
      ? vcenter.govc(
          'host.portgroup.add',
          '-host',
          hostName(0, 0),
          '-vswitch',
          name,
          '-vlan',
          '100',
          `cloud.guest.100.0.1-${name}`,
        )
      : vcenter.govc(
          'dvs.portgroup.add',
          '-dvs',
          name,
          '-vlan',
          '100',
          '-type',
          'earlyBinding',
          `cloud.guest.100.0.1-${name}`,
        ))
    expect(await provision([network('vlan://100', label, [0])])).toMatchObject({
      verdict: 'InSync',
      devices: 1,
      created: 0,
    })
    const session = await open()
    expect((await session.look([], [{ physicalNetwork: 'pn1', label }])).orphans).toEqual([])
    await session.close()
  })

  it('leaves what another deployment marked', async () => {
    await start()
    await provision(vlans(1, label))
    const session = await vcenter.driver({ mark: 4815 }).open(target(), forever())
    const view = await session.look([], [{ physicalNetwork: 'pn1', label }])
    expect(view.orphans).toEqual([])
    await session.close()
  })

  it('goes on beside a network that it cannot provide', async () => {
    await start()
    const desired = [network('vxlan://7', label), ...vlans(1, label), network('vlan://5', 'vSwitch9')]
    const { verdict, devices, findings } = await provision(desired)
    expect([verdict, devices]).toEqual(['OutOfSync', 1])
    expect(findings.map(({ uri, reason }) => `${uri} ${reason}`)).toEqual([
      'vxlan://7 Unsupported',
      'vlan://5 UplinkMissing',
    ])
    expect(await ours()).toEqual([group(100)])
  })

  it('is whole after a run that was ended in the midst', async () => {
    await start('amendedVcsim', { delay: 100 })
    const desired = vlans(60, label)
    const session = await open()
    const view = await session.look(desired)
    await session.close()
    const controller = new AbortController()
    const second = await vcenter.driver().open(target(), controller.signal)
    const applying = (await second.look(desired)).apply()
    setTimeout(() => controller.abort(), 350)
    expect(await reasonOf(applying)).toMatch(/^TimeOut/)
    await second.close()
    expect(view.changes).toHaveLength(60)
    expect(await provision(desired)).toMatchObject({ verdict: 'InSync', devices: 60 })
    expect(await ours()).toHaveLength(60)
  })

  it('takes somebody else’s group of the same moment as its own work done', async () => {
    await start()
    const desired = vlans(2, label)
    const [one, other] = [await open(), await open()]
    const views = [await one.look(desired), await other.look(desired)]
    await Promise.all(views.map((view) => view.apply()))
    for (const session of [one, other]) {
      expect(await session.look(desired)).toMatchObject({ changes: [], findings: [], devices: 2 })
      await session.close()
    }
    expect(await ours()).toEqual([group(100), group(101)])
  })
})

describe('what is set on a group', () => {
  it('standard: VLAN, shaping and security as CloudStack’s', async () => {
    await start()
    await provision(vlans(1, standard))
    const shown = JSON.parse(await vcenter.govc('host.portgroup.info', '-json', '-host', hostName(0, 0)))
    const { spec } = shown.portgroup.find((one: { spec: { name: string } }) => one.spec.name.startsWith('cloud.'))
    expect(spec).toMatchObject({
      vlanId: 100,
      vswitchName: 'vSwitch0',
      policy: {
        security: { allowPromiscuous: false, macChanges: true, forgedTransmits: true },
        shapingPolicy: {
          enabled: true,
          averageBandwidth: 209_715_200,
          peakBandwidth: 314_572_800,
          burstSize: 131_072_000,
        },
      },
    })
  })

  it('standard: another VLAN is set right with UpdatePortGroup, which the amended vcsim has', async () => {
    await start()
    const name = 'cloud.guest.100.0.1-vSwitch0'
    await vcenter.govc('host.portgroup.add', '-host', hostName(0, 0), '-vswitch', 'vSwitch0', '-vlan', '7', name)
    expect(await provision([network('vlan://100', standard, [0])])).toMatchObject({ verdict: 'InSync', devices: 1 })
    expect(vcenter.calls.get('UpdatePortGroup')).toBe(1)
    expect(await vcenter.govc('host.portgroup.info', '-host', hostName(0, 0))).toMatch(/VLAN ID:\s+100\n/)
  })

  it('standard: where vCenter refuses that, it is told in its words (vcsim as it is released)', async () => {
    await start('vcsim')
    const name = 'cloud.guest.100.0.1-vSwitch0'
    await vcenter.govc('host.portgroup.add', '-host', hostName(0, 0), '-vswitch', 'vSwitch0', '-vlan', '7', name)
    const { findings } = await provision([network('vlan://100', standard, [0])])
    expect(findings.map(({ reason, detail }) => `${reason} ${detail}`).join()).toMatch(
      /^VcenterFailed .*UpdatePortGroup/,
    )
  })

  it('distributed: VLAN, trunks and shaping in both directions', async () => {
    await start()
    const uris = ['vlan://100', 'vlan://1741-1760', 'vlan://5,7-9', 'vlan://4095', 'vlan://untagged']
    const desired = uris.map((uri) => network(uri, distributed, [200]))
    expect(await provision(desired)).toMatchObject({ verdict: 'InSync', devices: 5 })
    const vlanOf = async (middle: string): Promise<unknown> =>
      JSON.parse(await collected(`cloud.guest.${middle}.200.1-DVS0`, 'config.defaultPortConfig'))[0].val.vlan.vlanId
    expect(await vlanOf('100')).toBe(100)
    expect(await vlanOf('1741-1760')).toEqual([{ start: 1741, end: 1760 }])
    expect(await vlanOf('5,7-9')).toEqual([
      { start: 5, end: 5 },
      { start: 7, end: 9 },
    ])
    expect(await vlanOf('4095')).toEqual([{ start: 0, end: 4094 }])
    expect(await vlanOf('untagged')).toEqual([{ start: 0, end: 0 }])
  })

  it('distributed: another VLAN is set right', async () => {
    await start()
    const name = 'cloud.guest.100.0.1-DVS0'
    await vcenter.govc('dvs.portgroup.add', '-dvs', 'DVS0', '-vlan', '7', '-type', 'earlyBinding', name)
    expect(await provision([network('vlan://100', distributed, [0])])).toMatchObject({ verdict: 'InSync', devices: 1 })
    const [{ val }] = JSON.parse(await collected(name, 'config.defaultPortConfig'))
    expect(val.vlan.vlanId).toBe(100)
  })

  it('distributed: private VLANs, on the amended vcsim, which keeps them', async () => {
    await start()
    const desired = ['pvlan://100-i200', 'pvlan://100-c300', 'pvlan://100-p100'].map((uri) => network(uri, distributed))
    expect(await provision(desired)).toMatchObject({ verdict: 'InSync', devices: 3 })
    const [{ val }] = JSON.parse(await collected('DVS0', 'config'))
    expect(
      val.pvlanConfig
        .map((one: Record<string, unknown>) => `${one.primaryVlanId}/${one.secondaryVlanId} ${one.pvlanType}`)
        .sort(),
    ).toEqual(['100/100 promiscuous', '100/200 isolated', '100/300 community'])
    expect(vcenter.calls.get('ReconfigureDvs_Task')).toBe(1)
  })
})

describe('removal', () => {
  it('keeps a group that vCenter says a VM is on', async () => {
    await start('amendedVcsim', { vms: 1 })
    await provision(vlans(1, distributed))
    const [machine = ''] = (await vcenter.govc('find', '/DC0/vm', '-type', 'm')).split('\n')
    await vcenter.govc('vm.network.change', '-vm', machine, '-net', 'cloud.guest.100.200.1-DVS0', 'ethernet-0')
    const session = await open()
    const { orphans = [] } = await session.look([], [{ physicalNetwork: 'pn1', label: distributed }])
    expect(orphans).toMatchObject([{ uri: 'vlan://100', physicalNetworks: ['pn1'], uplink: 'DVS0' }])
    const [orphan] = orphans
    if (orphan === undefined) throw new Error('no orphan')
    expect(await session.remove?.(orphan, Date.now() + 10_000)).toMatchObject({
      kept: expect.stringContaining('ResourceInUse'),
    })
    expect(await ours()).toEqual(['cloud.guest.100.200.1-DVS0'])
    await session.close()
  })

  it('takes a standard group from its own host alone', async () => {
    await start()
    await provision(vlans(1, standard))
    await provision(vlans(1, standard), hostName(0, 1))
    const session = await open()
    const { orphans = [] } = await session.look([])
    for (const orphan of orphans) expect(await session.remove?.(orphan, Date.now() + 10_000)).toEqual({ removed: true })
    expect(await onHost(hostName(0, 0))).toEqual([])
    expect(await onHost(hostName(0, 1))).toEqual(['cloud.guest.100.200.1-vSwitch0'])
    await session.close()
  })
})

describe('the way in', () => {
  const withCredentials = (given: object) =>
    vcenter.driver({ credentials: () => ({ ...vcenter.credentials, ...given }) }).open(target(), forever())

  it('is refused with another password, another certificate, no trust, no datacenter and another host', async () => {
    await start()
    expect(await reasonOf(withCredentials({ password: 'wrong' }))).toMatch(/^VcenterRefused: .*InvalidLogin/)
    const fingerprints = [`${'00:'.repeat(31)}00`]
    expect(await reasonOf(withCredentials({ fingerprints }))).toMatch(/^VcenterUntrusted: .*not among the fingerprints/)
    expect(await reasonOf(withCredentials({ fingerprints: [] }))).toMatch(/^VcenterUntrusted: /)
    expect(await reasonOf(withCredentials({ datacenter: 'DC9' }))).toMatch(/^Misconfigured: .*no datacenter DC9/)
    expect(await reasonOf(withCredentials({ url: 'https://127.0.0.1:1/sdk' }))).toMatch(/^VcenterUnreachable: /)
    const session = await open('nobody')
    expect(await reasonOf(session.look([]))).toMatch(/^(WrongHost): .*no host named nobody/)
    await session.close()
  })

  it('tells no password in what it refuses', async () => {
    await start()
    const said = await reasonOf(withCredentials({ password: 'a-secret-word' }))
    expect(said).not.toContain('a-secret-word')
  })

  it('is one session for many runs, and another one when that ended', async () => {
    await start()
    await provision(vlans(1, standard))
    await provision(vlans(1, standard), hostName(0, 1))
    expect(vcenter.calls.get('Login')).toBe(1)
    await vcenter.endSessions()
    expect(await provision(vlans(2, standard))).toMatchObject({ verdict: 'InSync', devices: 2 })
    expect(vcenter.calls.get('Login')).toBe(2)
  })

  it('is opened again by the next run where it could not be renewed', async () => {
    await start()
    let logins = 0
    const failing: Connect = (url, trust) => {
      const endpoint = connectVim(url, trust)
      return {
        ...endpoint,
        call: async (method, ...rest) => {
          if (method === 'Login' && ++logins === 2) throw new HostError('VcenterUnreachable', 'the connection ended')
          return endpoint.call(method, ...rest)
        },
      }
    }
    const vcenters = createVcenters(failing)
    const once = () =>
      run(vcenter.driver({ vcenters }), target(), { networks: vlans(1, standard), labels: [] }, 'apply', forever())
    expect(await once()).toMatchObject({ verdict: 'InSync' })
    await vcenter.endSessions()
    expect(await reasonOf(once())).toMatch(/^VcenterUnreachable/)
    expect(await once()).toMatchObject({ verdict: 'InSync' })
    await vcenters.end()
  })

  it('tells of a connection that ends in the midst of a change, and the next run goes on', async () => {
    await start()
    let left = 3
    const failing: Connect = (url, trust) => {
      const endpoint = connectVim(url, trust)
      return {
        ...endpoint,
        call: async (method, ...rest) => {
          if (method === 'AddPortGroup' && left-- === 0)
            throw new HostError('VcenterUnreachable', 'the connection ended')
          return endpoint.call(method, ...rest)
        },
      }
    }
    const vcenters = createVcenters(failing)
    const desired = vlans(6, standard)
    const first = run(vcenter.driver({ vcenters }), target(), { networks: desired, labels: [] }, 'apply', forever())
    expect(await reasonOf(first)).toMatch(/^VcenterUnreachable/)
    await vcenters.end()
    expect(await provision(desired)).toMatchObject({ verdict: 'InSync', devices: 6 })
    for (const name of await ours())
      expect(await vcenter.govc('fields.info', `/DC0/network/${name}`)).toContain('4814 vlan://')
  })
})
