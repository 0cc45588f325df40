import { describe } from 'vitest'
import { type ContractHost, driverContract } from '../contract/driver.ts'
import type { Simulator } from './programs.ts'
import { distributed, hostName, network, standard, startVcenter, target } from './vcenter.ts'

async function start(program: Simulator, label: string): Promise<ContractHost> {
  const vcenter = await startVcenter(program)
  return {
    driver: vcenter.driver(),
    target: target(),
    desired: ['vlan://3001', 'vlan://3002', 'vlan://3003'].map((uri) => network(uri, label)),
    devices: 3,
    state: async () =>
      JSON.stringify([
        await vcenter.networks(),
        await vcenter.govc('host.portgroup.info', '-host', hostName(0, 0)),
        await vcenter.govc('dvs.portgroup.info', 'DVS0'),
      ]),
    stop: vcenter.stop,
  }
}

describe.each([
  ['vcsim', 'standard', standard],
  ['vcsim', 'distributed', distributed],
  ['amendedVcsim', 'standard', standard],
  ['amendedVcsim', 'distributed', distributed],
] as const)('vmware on %s, a %s switch', (program, _kind, label) => driverContract(() => start(program, label)))
