/** Invoked by hand, `{"cloud"?, "zone"?, "cluster"?, "host"?}` by name or id. Out: the hosts that will be run again. */
import { backfill, parseRequest } from '../../shared/flow/backfill.ts'
import { lambda } from '../../shared/runtime/lambda.ts'

export const create = lambda(
  'backfill',
  async (event, { ports, policy }) => ({
    hosts: await backfill(ports, policy, parseRequest(event).chosen, { by: 'an invocation of the function' }),
  }),
  (event) => parseRequest(event).cloud,
)

export const handler = create(process.env)
