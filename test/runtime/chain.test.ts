import { describe, expect, it } from 'vitest'
import { asDeployed, deployedSettings, policyOf } from '../../shared/flow/policy.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'

const policy = (drivers: string) => policyOf(parseConfiguration({ BRIDGEKEEPER_DRIVERS: drivers }))

describe('BRIDGEKEEPER_DRIVERS', () => {
  it('names for each hypervisor its hosts’ own driver, and perhaps one to fall back to', () => {
    const { drivers, fallbacks, driverOf, fallbackOf } = policy('KVM=kvm-ssh|cloudstack, Simulator = cloudstack')
    expect(drivers).toEqual({ KVM: 'kvm-ssh', Simulator: 'cloudstack' })
    expect(fallbacks).toEqual({ KVM: 'cloudstack' })
    expect([driverOf('KVM')?.verifies, fallbackOf('KVM')?.provisioner]).toEqual([true, 'provisionCloudstack'])
    expect([fallbackOf('Simulator'), driverOf('VMware')]).toEqual([undefined, undefined])
  })

  it('is read by others as the functions have it', () => {
    const settings = deployedSettings(policy('KVM=kvm-agent|cloudstack'))
    const control = { v: 1, tick: 1, kick: 0, zones: [], desired: [], noAnswers: 0, settings } as const
    const deployed = asDeployed(policy('KVM=kvm-ssh'), { ...control, zones: [], desired: [] })
    expect([deployed.drivers.KVM, deployed.fallbacks.KVM]).toEqual(['kvm-agent', 'cloudstack'])
  })

  it.each([
    [
      'KVM=cloudstack|kvm-ssh',
      /has the chain "cloudstack\|kvm-ssh": .* may fall back to cloudstack, and to nothing else/,
    ],
    ['KVM=kvm-agent|kvm-ssh', /has the chain/],
    ['KVM=kvm-agent|kvm-ssh|cloudstack', /has the chain/],
    ['KVM=kvm-ssh|', /names the driver "", which does not exist/],
    ['KVM=kvm-ssh|telepathy', /names the driver "telepathy"/],
    ['KVM', /is not HYPERVISOR=DRIVER/],
  ])('refuses %s', (drivers, message) => {
    expect(() => policy(drivers)).toThrow(message)
  })
})
