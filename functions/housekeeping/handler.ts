/** Started once a day. Out: how many expired items, old revisions and long removed hosts were swept. */
import { housekeeping } from '../../shared/flow/housekeeping.ts'
import { lambda } from '../../shared/runtime/lambda.ts'

export const create = lambda('housekeeping', (_event, { ports, policy }, remaining) =>
  housekeeping(ports, policy, remaining),
)

export const handler = create(process.env)
