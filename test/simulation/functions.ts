/**
 * The functions' own handlers under the simulation. In: an environment and ports. Out: handlers. provisionKvm differs
 * from functions/provisionKvm in one thing: its driver reaches hosts through memory instead of SSH.
 */

import * as z from 'zod/mini'
import { create as createBackfill } from '../../functions/backfill/handler.ts'
import { create as createDiff } from '../../functions/diff/handler.ts'
import { create as createHousekeeping } from '../../functions/housekeeping/handler.ts'
import { create as createProvisionCloudstack } from '../../functions/provisionCloudstack/handler.ts'
import { create as createProvisionVmware } from '../../functions/provisionVmware/handler.ts'
import { create as createProvisionXenserver } from '../../functions/provisionXenserver/handler.ts'
import { create as createSnapshot } from '../../functions/snapshot/handler.ts'
import { pause, resume } from '../../shared/flow/pause.ts'
import { provision } from '../../shared/flow/provision.ts'
import { release } from '../../shared/flow/release.ts'
import type { Driver } from '../../shared/hypervisors/driver.ts'
import { job } from '../../shared/queue/queues.ts'
import { type Create, lambda, queueLambda } from '../../shared/runtime/lambda.ts'
import type { FunctionName } from './incident.ts'

const createProvisionKvm = (driver: () => Driver): Create =>
  queueLambda('provisionKvm', job, (message, runtime, remaining) =>
    provision({ ...runtime, driver }, message, remaining),
  )

const order = z.object({ act: z.enum(['pause', 'resume', 'release']), zone: z.exactOptional(z.string()) })

/** What the command line does, without its words. */
const createOperator = lambda('operator', async (event, { ports, policy }) => {
  const { act, zone } = order.parse(event)
  const by = { by: 'ann@desk' }
  if (act === 'release') return release(ports, policy, zone === undefined ? {} : { zone }, by)
  return act === 'pause' ? pause(ports, policy, zone, by) : resume(ports, policy, zone, by)
})

export function createOf(name: FunctionName, kvmDriver: () => Driver): Create {
  switch (name) {
    case 'snapshot':
      return createSnapshot
    case 'diff':
      return createDiff
    case 'provisionKvm':
      return createProvisionKvm(kvmDriver)
    case 'provisionXenserver':
      return createProvisionXenserver
    case 'provisionVmware':
      return createProvisionVmware
    case 'provisionCloudstack':
      return createProvisionCloudstack
    case 'backfill':
      return createBackfill
    case 'housekeeping':
      return createHousekeeping
    case 'operator':
      return createOperator
  }
}
