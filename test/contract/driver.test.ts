import { describe } from 'vitest'
import { startHostSimulator } from '../../infra/local/hostSimulator/hostSimulator.ts'
import type { XapiSimulator } from '../../infra/local/xapiSimulator/simulator.ts'
import type { DriverName } from '../../shared/hypervisors/registry.ts'
import { startSimulatedAgent } from '../agent/simulatedAgent.ts'
import { startCloudStackHost } from '../hypervisors/cloudstack/cloudstackHost.ts'
import { network, simulatedDriver, targetOf } from '../hypervisors/kvm/factory.ts'
import {
  driverFor,
  startPool,
  network as xenNetwork,
  targetOf as xenTargetOf,
} from '../hypervisors/xenserver/factory.ts'
import { type ContractHost, driverContract } from './driver.ts'

async function kvmOnSimulatedHost(scheme: 'vlan' | 'vxlan'): Promise<ContractHost> {
  const desired = [3001, 3002, 3003].map((id) => ({
    physicalNetwork: 'guest',
    label: 'cloudbr1',
    uri: `${scheme}://${id}`,
    networks: [{ id: `${id}`, name: `network ${id}` }],
  }))
  const simulated = await startHostSimulator({ names: ['kvm1'] })
  const host = await simulated.add('kvm2')
  return {
    driver: simulatedDriver(simulated),
    target: targetOf(host),
    desired,
    devices: 6,
    state: async () => JSON.stringify([host.links(), host.routes()]),
    stop: simulated.close,
  }
}

async function kvmByAgent(scheme: 'vlan' | 'vxlan'): Promise<ContractHost> {
  const desired = [3001, 3002, 3003].map((id) => network(`${scheme}://${id}`))
  const host = await startSimulatedAgent('kvm2', Date.now)
  return {
    driver: host.driver(),
    target: targetOf({ name: 'kvm2', address: '192.0.2.2' }),
    desired,
    devices: 6,
    state: async () => host.state(),
    stop: host.stop,
  }
}

async function xenServer(): Promise<ContractHost> {
  const simulator = await startPool()
  return onPool(simulator, 'xen2')
}

async function xenServerOnBond(): Promise<ContractHost> {
  const nics = ['eth1', 'eth2'].map((device) => ({ device, network: `slaves ${device}` }))
  const simulator = await startPool(['xen1'], { nics })
  simulator.pool.bond('xen1', 'bond0', ['eth1', 'eth2'], 'guests')
  return onPool(simulator, 'xen1')
}

const onPool = (simulator: XapiSimulator, host: string): ContractHost => ({
  driver: driverFor(simulator),
  target: xenTargetOf(simulator, host),
  desired: [3001, 3002, 3003].map((id) => xenNetwork(`vlan://${id}`)),
  devices: 3,
  state: async () => simulator.pool.state(),
  stop: simulator.close,
})

const drivers: readonly (readonly [DriverName, string, () => Promise<ContractHost>])[] = [
  ['kvm-ssh', 'a simulated host, VLAN', () => kvmOnSimulatedHost('vlan')],
  ['kvm-ssh', 'a simulated host, VXLAN', () => kvmOnSimulatedHost('vxlan')],
  ['kvm-agent', 'a simulated host, VLAN', () => kvmByAgent('vlan')],
  ['kvm-agent', 'a simulated host, VXLAN', () => kvmByAgent('vxlan')],
  ['xenserver', 'the XAPI simulator, a slave of a pool of three', xenServer],
  ['xenserver', 'the XAPI simulator, the master, a bond', xenServerOnBond],
  ['cloudstack', 'the CloudStack simulator', startCloudStackHost],
]

describe.each(drivers)('%s on %s', (_name, _host, start) => driverContract(() => start()))
