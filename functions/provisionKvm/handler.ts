/** Started by its queue: one job for one KVM host, over SSH or by its agent. Out: its devices present and verified, and its record. */
import { provision } from '../../shared/flow/provision.ts'
import { job } from '../../shared/queue/queues.ts'
import { kvmDriverOf } from '../../shared/runtime/kvmDrivers.ts'
import { queueLambda } from '../../shared/runtime/lambda.ts'

export const create = queueLambda('provisionKvm', job, (message, runtime, remaining) => {
  const driver = (hypervisor: string) => kvmDriverOf(runtime.policy.drivers[hypervisor], runtime)
  return provision({ ...runtime, driver }, message, remaining)
})

export const handler = create(process.env)
