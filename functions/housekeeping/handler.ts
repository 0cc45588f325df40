/** Started once a day. Out: whether the agents' certificate was renewed, and how many expired items, old revisions and long removed hosts were swept. */
import { housekeeping } from '../../shared/flow/housekeeping.ts'
import { tendAgentCertificate } from '../../shared/runtime/agentCertificate.ts'
import { lambda } from '../../shared/runtime/lambda.ts'

export const create = lambda('housekeeping', async (_event, runtime, remaining) => {
  const begun = runtime.ports.now()
  const certificate = await tendAgentCertificate(runtime, remaining)
  const left = remaining - (runtime.ports.now() - begun)
  return { ...(await housekeeping(runtime.ports, runtime.policy, left)), ...certificate }
})

export const handler = create(process.env)
