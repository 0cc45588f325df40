import { expect, test } from 'vitest'
import { simulateIpBatch, simulateSysctl } from '../../../infra/local/hostSimulator/batchSimulator.ts'
import { startHostSimulator } from '../../../infra/local/hostSimulator/hostSimulator.ts'
import { createSimulatedKernel } from '../../../infra/local/hostSimulator/kernel.ts'
import { batchCases } from './batchCases.ts'

const newKernel = () => createSimulatedKernel([{ name: 'eth1', up: true }])

test.each(batchCases)('the simulated kernel, as the real one: $says', ({ lines, code, leaves }) => {
  const kernel = newKernel()
  expect(simulateIpBatch(kernel, `${lines.join('\n')}\n`).code).toBe(code)
  const left = kernel.links().filter((link) => link.name.startsWith('t'))
  expect(left.map(({ name, master }) => (master === null ? name : `${name} in ${master}`)).sort()).toEqual(leaves)
})

test('the simulated sysctl turns IPv6 off, and passes over a device that is gone', () => {
  const kernel = newKernel()
  expect(kernel.find('eth1')?.disableIpv6).toBe(false)
  const input = 'net/ipv6/conf/gone/disable_ipv6=1\nnet/ipv6/conf/eth1/disable_ipv6=1\n'
  expect(simulateSysctl(kernel, input)).toEqual({ code: 0, stderr: '' })
  expect(kernel.find('eth1')?.disableIpv6).toBe(true)
})

test('a VLAN device goes with its parent, and a port survives its bridge', () => {
  const kernel = newKernel()
  kernel.add({ name: 'b', kind: 'bridge' })
  kernel.add({ name: 'eth1.5', kind: 'vlan', parent: 'eth1', vlanId: 5, master: 'b' })
  kernel.delete('b')
  expect(kernel.find('eth1.5')?.master).toBeNull()
  kernel.delete('eth1')
  expect(kernel.links()).toEqual([])
})

test('simulated hosts have one port, an address and a key each', async () => {
  const simulated = await startHostSimulator({ names: ['kvm1', 'kvm2'] })
  try {
    const hosts = [...simulated.hosts, await simulated.add('kvm3')]
    expect(new Set(hosts.map((host) => host.port))).toEqual(new Set([simulated.port]))
    expect(new Set(hosts.map((host) => host.address)).size).toBe(3)
    const lines = simulated.knownHosts().trim().split('\n')
    expect(new Set(lines.map((line) => line.split(' ')[2])).size).toBe(3)
  } finally {
    await simulated.close()
  }
})
