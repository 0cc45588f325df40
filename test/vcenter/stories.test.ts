/** The stories of test/contract/stories.ts, told by the vmware driver on vcsim, amended where it lacks UpdatePortGroup. */
import { type StoryHost, tellStories } from '../contract/stories.ts'
import { distributed, hostName, network, standard, startVcenter, target } from './vcenter.ts'

async function start(kind: 'standard' | 'distributed'): Promise<StoryHost> {
  const vcenter = await startVcenter('amendedVcsim', { vms: 1 })
  const { govc } = vcenter
  const isStandard = kind === 'standard'
  const label = isStandard ? standard : distributed
  const [own, other] = [hostName(0, 0), hostName(0, 1)]
  const group = (id: number, rate = 200): string => `cloud.guest.${id}.${rate}.1-${isStandard ? 'vSwitch0' : 'DVS0'}`
  const stateOf = (host: string) => async () =>
    JSON.stringify([
      isStandard ? await govc('host.portgroup.info', '-host', host) : await govc('dvs.portgroup.info', 'DVS0'),
      await vcenter.networks(),
    ])
  const add = (name: string, vlan: string) =>
    isStandard
      ? govc('host.portgroup.add', '-host', own, '-vswitch', 'vSwitch0', '-vlan', vlan, name)
      : govc('dvs.portgroup.add', '-dvs', 'DVS0', '-vlan', vlan, '-type', 'earlyBinding', name)
  const take = (name: string) =>
    isStandard ? govc('host.portgroup.remove', '-host', own, name) : govc('object.destroy', `/DC0/network/${name}`)
  return {
    driver: vcenter.driver(),
    target: target(own),
    desired: [3001, 3002, 3003].map((id) => network(`vlan://${id}`, label)),
    devices: 3,
    state: stateOf(own),
    stop: vcenter.stop,
    late: async () => ({
      driver: vcenter.driver(),
      target: target(other),
      state: stateOf(other),
      // A switch of the datacenter has all that another host needs already.
      lacks: isStandard ? 3 : 0,
    }),
    drift: async () => void (await take(group(3001))),
    halve: async () => {
      await take(group(3001))
      await add(group(3001), '7')
    },
    foreign: async () => {
      await add('storage', '3050')
      await add('cloud.guest.3051.200.1-elsewhere', '3051')
      await add(group(3050, 0), '3050')
      return async () => {
        const shown = isStandard
          ? await govc('host.portgroup.info', '-host', own)
          : await govc('dvs.portgroup.info', 'DVS0')
        return shown
          .split(/\n(?=Name:|PortgroupKey:)/)
          .map((part) => part.trim())
          .filter(
            (part) => !/cloud\.guest\.300/.test(part) && /storage|elsewhere|3050|VM Network|Management/.test(part),
          )
          .join('\n')
      }
    },
    theirs: network('vlan://3050', label, [0]),
    bad: network('vxlan://7', label),
    occupy: async () => {
      const machines = (await govc('find', '/DC0/vm', '-type', 'm')).split('\n').filter(Boolean)
      for (const machine of machines) await govc('vm.network.change', '-vm', machine, '-net', group(3001), 'ethernet-0')
    },
    wrong: {
      driver: vcenter.driver({ credentials: () => ({ ...vcenter.credentials, password: 'hunter2' }) }),
      reason: 'VcenterRefused',
      secret: 'hunter2',
    },
  }
}

tellStories('vcenter', {
  'vmware standard': () => start('standard'),
  'vmware distributed': () => start('distributed'),
})
