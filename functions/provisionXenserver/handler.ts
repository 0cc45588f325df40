/** Started by its queue: one job for one host of a XenServer or XCP-ng pool. Out: its networks present and verified, and its record. */
import { provision } from '../../shared/flow/provision.ts'
import { job } from '../../shared/queue/queues.ts'
import { queueLambda } from '../../shared/runtime/lambda.ts'
import { xenserverDriverOf } from '../../shared/runtime/xenserverDriver.ts'

export const create = queueLambda('provisionXenserver', job, (message, runtime, remaining) =>
  provision({ ...runtime, driver: () => xenserverDriverOf(runtime) }, message, remaining),
)

export const handler = create(process.env)
