/**
 * Everything that a function reaches beyond its own data: made once by the runtime from the configuration, or by a
 * test from its own parts. Time in milliseconds since the epoch; random as Math.random.
 */
import type { CloudStack } from '../cloudstack/client.ts'
import type { Queues } from '../queue/queues.ts'
import type { Store } from '../store/store.ts'
import type { Logger } from './logger.ts'

export interface Ports {
  readonly store: Store
  readonly queues: Queues
  readonly cloudstack: CloudStack
  readonly logger: Logger
  readonly now: () => number
  readonly random: () => number
}
