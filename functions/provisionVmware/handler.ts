/** Started by its queue: one job for one VMware host, through its vCenter. Out: its port groups present and verified, and its record. */
import { provision } from '../../shared/flow/provision.ts'
import { job } from '../../shared/queue/queues.ts'
import { queueLambda } from '../../shared/runtime/lambda.ts'
import { vmwareDriverOf } from '../../shared/runtime/vmwareDriver.ts'

export const create = queueLambda('provisionVmware', job, (message, runtime, remaining) =>
  provision({ ...runtime, driver: () => vmwareDriverOf(runtime) }, message, remaining),
)

export const handler = create(process.env)
