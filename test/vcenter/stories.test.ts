/** The stories of test/contract/stories.ts, told by the vmware driver on vcsim, amended where it lacks UpdatePortGroup. */
import { describe } from 'vitest'
import { type StoryDriver, type StoryHost, tellStories } from '../contract/stories.ts'
import { distributed, hostName, network, standard, startVcenter, target } from './vcenter.ts'

async function start(kind: StoryDriver, label: string): Promise<StoryHost> {
  const vcenter = await startVcenter('amendedVcsim', { vms: 1 })
  const { govc } = vcenter
  const isStandard = kind === 'vmware standard'
  const [own, other] = [hostName(0, 0), hostName(0, 1)]
  const group = (id: number): string => `cloud.guest.${id}.200.1-${isStandard ? 'vSwitch0' : 'DVS0'}`
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
      // A switch of the datacenter has all that another host needs already: what is told is that it is found.
      state: isStandard ? stateOf(other) : async () => String(Math.random()),
    }),
    drift: async () => void (await take(group(3001))),
    halve: async () => {
      await take(group(3001))
      await add(group(3001), '7')
    },
    foreign: async () => {
      await add('storage', '3050')
      await add('cloud.guest.3051.200.1-elsewhere', '3051')
      return async () => {
        const shown = isStandard
          ? await govc('host.portgroup.info', '-host', own)
          : await govc('dvs.portgroup.info', 'DVS0')
        return shown
          .split(/\n(?=Name:|PortgroupKey:)/)
          .filter((part) => !/cloud\.guest\.300/.test(part) && /storage|elsewhere|VM Network|Management/.test(part))
          .join('\n')
      }
    },
    bad: network('vxlan://7', label),
    occupy: async () => {
      const machines = (await govc('find', '/DC0/vm', '-type', 'm')).split('\n').filter(Boolean)
      for (const machine of machines) await govc('vm.network.change', '-vm', machine, '-net', group(3001), 'ethernet-0')
    },
    wrong: () => vcenter.driver({ credentials: () => ({ ...vcenter.credentials, password: 'wrong' }) }),
  }
}

describe.each([
  ['vmware standard', standard],
  ['vmware distributed', distributed],
] as const)('%s', (driver, label) => tellStories(driver, () => start(driver, label)))
