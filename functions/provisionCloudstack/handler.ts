/** Started by its queue: one job for one host that only CloudStack reaches. Out: a request made, and its record. */
import { provision } from '../../shared/flow/provision.ts'
import { createCloudStackDriver } from '../../shared/hypervisors/cloudstack/driver.ts'
import { job } from '../../shared/queue/queues.ts'
import { queueLambda } from '../../shared/runtime/lambda.ts'

export const create = queueLambda('provisionCloudstack', job, (message, { ports, policy, cloudstack }, remaining) =>
  provision({ ports, policy, cloudstack, driver: () => createCloudStackDriver(cloudstack()) }, message, remaining),
)

export const handler = create(process.env)
