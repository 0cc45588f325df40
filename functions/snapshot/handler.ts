/** Started by the schedule, and by its queue when somebody kicks. Out: host states, revisions, diff requests. */
import { snapshot } from '../../shared/flow/snapshot.ts'
import { messageVersion, snapshotRequest } from '../../shared/queue/queues.ts'
import { lambda } from '../../shared/runtime/lambda.ts'
import { type Delivery, delivery, isSqsEvent } from '../../shared/runtime/sqsEvent.ts'

/** A lease outlasts the function that took it, so that no other snapshot begins beside one that is still at work. */
const beyondTheFunction = 10_000

export const create = lambda('snapshot', async (event, { ports, policy, gate, cloudstack }, remaining) => {
  if (isSqsEvent(event)) checkKick(delivery(event))
  return snapshot(ports, cloudstack(), gate, policy, remaining + beyondTheFunction)
})

/** A kick says nothing but that it is one; a newer version's is as good as ours. @throws MalformedMessage */
function checkKick(delivered: Delivery): void {
  if (delivered.version <= messageVersion) delivered.parse(snapshotRequest)
}

export const handler = create(process.env)
