/** Started by its queue: one job for one host that is asked for through CloudStack. Out: a request made, and its record. */
import { provision } from '../../shared/flow/provision.ts'
import { job } from '../../shared/queue/queues.ts'
import { cloudStackDriverOf } from '../../shared/runtime/cloudStackDriver.ts'
import { queueLambda } from '../../shared/runtime/lambda.ts'

export const create = queueLambda('provisionCloudstack', job, (message, runtime, remaining) =>
  provision({ ...runtime, driver: () => cloudStackDriverOf(runtime) }, message, remaining),
)

export const handler = create(process.env)
