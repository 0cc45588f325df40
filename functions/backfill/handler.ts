/** Invoked by hand, `{"zone"?, "cluster"?, "host"?}` by name or id. Out: the hosts that will be run again. */
import { backfill, parseSelection } from '../../shared/flow/backfill.ts'
import { lambda } from '../../shared/runtime/lambda.ts'

export const create = lambda('backfill', async (event, { ports, policy }) => {
  return { hosts: await backfill(ports, policy, parseSelection(event), { by: 'an invocation of the function' }) }
})

export const handler = create(process.env)
