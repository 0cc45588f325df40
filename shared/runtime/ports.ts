/**
 * Everything that a function reaches beyond its own data: made once by the runtime from the configuration, or by a
 * test from its own parts. Time in milliseconds since the epoch; random as Math.random.
 */
import type { CloudStack } from '../cloudstack/client.ts'
import type { Gate } from '../cloudstack/gate.ts'
import type { Queues } from '../queue/queues.ts'
import type { Store } from '../store/store.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

export interface Ports {
  readonly store: Store
  readonly queues: Queues
  readonly logger: Logger
  readonly now: () => number
  readonly random: () => number
  /** A name that nobody else has: of a run, of a lease's holder. */
  readonly newId: () => string
  /** Absent: nothing is measured. */
  readonly metrics?: Metrics
  /** What leads from the log to the history (correlation.ts); absent: nothing does. */
  readonly correlation?: () => string
}

interface Beside {
  /** Every request of it has to pass the gate. */
  readonly cloudstack: (gate: Gate) => CloudStack
  /** Waits so many milliseconds. */
  readonly sleep: (milliseconds: number) => Promise<unknown>
}

/** What a test or the local runner brings instead of the real parts. */
export type Overrides = Partial<Ports & Beside>
