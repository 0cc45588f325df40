/**
 * What a newer version wrote is left alone (docs/decisions.md, schema versions).
 *
 * | a call                                          | must not                                    |
 * |-------------------------------------------------|---------------------------------------------|
 * | any                                             | write or delete an item of a newer version  |
 * | that a message of a newer version began         | do anything; but a kick is as good as ours  |
 */
import type { Call } from '../call.ts'
import type { Watch } from '../watch.ts'
import { isNewer, type Known } from './facts.ts'

export function versions({ violate }: Known): Watch {
  const idle = (call: Call, deed: string): void => {
    if (call.newer && call.function !== 'snapshot')
      violate(`${call.name} ${deed}, and its message is of a newer version`)
  }
  return {
    written: (call, { before, after }) => {
      if (isNewer(before)) violate(`${call.name} writes ${after.pk} / ${after.sk}, which is of a newer version`)
      idle(call, `writes ${after.sk}`)
    },
    deleted: (call, before) => {
      if (isNewer(before)) violate(`${call.name} deletes ${before.pk} / ${before.sk}, which is of a newer version`)
    },
    read: (call, _pk, prefix) => idle(call, `reads ${prefix}`),
    sent: (call, queue) => idle(call, `sends to ${queue}`),
    ran: (call, { fact }) => idle(call, `reaches host ${fact.id}`),
  }
}
