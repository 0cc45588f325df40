/**
 * The functions' own handlers under the simulation. In: an environment and ports. Out: handlers. provisionKvm differs
 * from functions/provisionKvm in one thing: its driver reaches hosts through memory instead of SSH.
 */
import { create as createBackfill } from '../../functions/backfill/handler.ts'
import { create as createDiff } from '../../functions/diff/handler.ts'
import { create as createProvisionCloudstack } from '../../functions/provisionCloudstack/handler.ts'
import { create as createSnapshot } from '../../functions/snapshot/handler.ts'
import { provision } from '../../shared/flow/provision.ts'
import type { Driver } from '../../shared/hypervisors/driver.ts'
import { job } from '../../shared/queue/queues.ts'
import { type Create, queueLambda } from '../../shared/runtime/lambda.ts'
import type { FunctionName } from './incident.ts'

const createProvisionKvm = (driver: () => Driver): Create =>
  queueLambda('provisionKvm', job, (message, runtime, remaining) =>
    provision({ ...runtime, driver }, message, remaining),
  )

export function createOf(name: FunctionName, kvmDriver: () => Driver): Create {
  switch (name) {
    case 'snapshot':
      return createSnapshot
    case 'diff':
      return createDiff
    case 'provisionKvm':
      return createProvisionKvm(kvmDriver)
    case 'provisionCloudstack':
      return createProvisionCloudstack
    case 'backfill':
      return createBackfill
  }
}
