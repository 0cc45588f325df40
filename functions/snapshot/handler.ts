/** Started by the schedule, and by its queue when somebody kicks. Out: host states, revisions, diff requests. */
import { snapshot } from '../../shared/flow/snapshot.ts'
import { messageVersion, snapshotRequest } from '../../shared/queue/queues.ts'
import { lambda } from '../../shared/runtime/lambda.ts'
import { type Delivery, delivery, isSqsEvent } from '../../shared/runtime/sqsEvent.ts'

/** A lease outlasts the function that took it, so that no other snapshot begins beside one that is still at work. */
const beyondTheFunction = 10_000

/** What a tick keeps of its time to write down what it saw, or why it saw nothing: 10 s, a fifth at most. */
const beforeItsEnd = (remaining: number): number => Math.min(10_000, remaining / 5)

export const create = lambda(
  'snapshot',
  async (_event, { ports, policy, gate, cloudstack }, remaining) =>
    snapshot(
      ports,
      cloudstack(ports.now() + remaining - beforeItsEnd(remaining)),
      gate,
      policy,
      remaining + beyondTheFunction,
    ),
  (event) => (isSqsEvent(event) ? kickedCloud(delivery(event)) : undefined),
)

/** A kick says nothing but of which cloud it is; one of a newer version is as good, and is for all. @throws MalformedMessage */
const kickedCloud = (delivered: Delivery): string | undefined =>
  delivered.version > messageVersion ? undefined : delivered.parse(snapshotRequest).cloud

export const handler = create(process.env)
