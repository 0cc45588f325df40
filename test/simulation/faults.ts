/**
 * Killing a function between two of its steps. In: ports, and the call at which the function dies. Out: ports on which
 * that call, and whatever the function still tries after it, fails without effect.
 */

import type { Message, QueueName } from '../../shared/queue/queues.ts'
import type { Ports } from '../../shared/runtime/ports.ts'
import type { Write } from '../../shared/store/store.ts'

export class Killed extends Error {
  override readonly name = 'Killed'
}

export interface At {
  /** Dies instead of this write. */
  readonly write?: (write: Write) => boolean
  /** Dies instead of sending these. */
  readonly send?: (queue: QueueName, messages: readonly Message[]) => boolean
}

export interface Killable {
  readonly ports: Pick<Ports, 'store' | 'queues'>
  killed(): boolean
}

export function killedAt(real: Pick<Ports, 'store' | 'queues'>, at: At): Killable {
  let dead = false
  const living = <T>(dies: boolean, work: () => Promise<T>): Promise<T> => {
    if (dies) dead = true
    return dead ? Promise.reject(new Killed('the function was killed here')) : work()
  }
  return {
    killed: () => dead,
    ports: {
      store: {
        get: (key) => living(false, () => real.store.get(key)),
        list: (pk, prefix, range) => living(false, () => real.store.list(pk, prefix, range)),
        update: (write) => living(at.write?.(write) ?? false, () => real.store.update(write)),
        delete: (key, when) => living(false, () => real.store.delete(key, when)),
      },
      queues: {
        send: (queue, messages) => living(at.send?.(queue, messages) ?? false, () => real.queues.send(queue, messages)),
      },
    },
  }
}
