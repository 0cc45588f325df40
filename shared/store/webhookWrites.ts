/**
 * The conditional write of a webhook's kick, as data like those of writes.ts: on the control item, once a minute at most, so that a
 * replayed event, which its signature cannot tell from a new one, costs no more than that (DESIGN 27). In: a cloud, the time. Out: a Write.
 */
import { controlKey, itemVersion } from './items.ts'
import type { Write } from './store.ts'

export const hookInterval = 60_000

/** A clock that was set back counts as a minute: nobody waits for it. */
export const hook = (cloud: string, now: number): Write => ({
  key: controlKey(cloud),
  set: { v: itemVersion, hookedAt: now },
  add: { kick: 1 },
  when: {
    any: [
      { absent: 'hookedAt' },
      { attribute: 'hookedAt', is: '<=', value: now - hookInterval },
      { attribute: 'hookedAt', is: '>', value: now },
    ],
  },
})
