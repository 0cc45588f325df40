import { describe, expect, test } from 'vitest'
import { provisionersOf } from '../../infra/aws/polledQueues.ts'

describe('the queues of jobs that are polled', () => {
  test.each([
    ['the driver that is so unless told', {}, ['provisionKvm']],
    ['a reference is no text, and is passed over', { BRIDGEKEEPER_TABLE: { Ref: 'Table' } }, ['provisionKvm']],
    [
      'what a driver falls back to counts too',
      { BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh|cloudstack' },
      ['provisionKvm', 'provisionCloudstack'],
    ],
    [
      'every hypervisor’s',
      { BRIDGEKEEPER_DRIVERS: 'XenServer=xenserver,VMware=vmware,Simulator=cloudstack' },
      ['provisionXenserver', 'provisionVmware', 'provisionCloudstack'],
    ],
    [
      'of all clouds, each with its own',
      {
        BRIDGEKEEPER_CLOUD: 'eu,us',
        BRIDGEKEEPER_DRIVERS: 'KVM=kvm-agent',
        BRIDGEKEEPER_DRIVERS__US: 'VMware=vmware',
      },
      ['provisionKvm', 'provisionVmware'],
    ],
  ])('%s', (_why, environment, expected) => {
    expect([...provisionersOf(environment)]).toEqual(expected)
  })

  test('a driver that does not exist is refused', () => {
    expect(() => provisionersOf({ BRIDGEKEEPER_DRIVERS: 'KVM=kvm-shh' })).toThrow('names the driver "kvm-shh"')
  })
})
