/** Invoked by hand, `{"zone"?, "cluster"?, "host"?}` by name or id. Out: the hosts that will be run again. */
import { backfill, selection } from '../../shared/flow/backfill.ts'
import { lambda } from '../../shared/runtime/lambda.ts'

export const create = lambda('backfill', async (event, { ports, policy }) => {
  const chosen = selection.parse(event ?? {})
  return { hosts: await backfill(ports, policy.cloud, chosen) }
})

export const handler = create(process.env)
