/** Started by its queue, when a snapshot or a run found that somebody is due. Out: one job for each host chosen. */
import { diff } from '../../shared/flow/diff.ts'
import { diffRequest } from '../../shared/queue/queues.ts'
import { queueLambda } from '../../shared/runtime/lambda.ts'

export const create = queueLambda('diff', diffRequest, (request, { ports, policy }, _remaining, { receives }) =>
  diff(ports, policy, request, receives > 1),
)

export const handler = create(process.env)
