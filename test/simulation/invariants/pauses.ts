/**
 * A pause keeps its zone still (DESIGN 13): of every call that began after the pause was written, as long as it stands.
 *
 * | such a call                                | must not                                          |
 * |--------------------------------------------|---------------------------------------------------|
 * | in a paused zone, or a paused cloud        | mark a host, send a job, begin a run, change a host |
 *
 * A call that began before goes on to its end: broken off, it would leave a host half done.
 */
import type { Item } from '../../../shared/store/store.ts'
import type { Call } from '../call.ts'
import type { Watch } from '../watch.ts'
import type { Known } from './facts.ts'

export function pauses({ violate, scheduler }: Known): Watch {
  /** When each pause was written, by partition. */
  const since = new Map<string, number>()
  const isKept = (call: Call, zone: string): boolean =>
    [`C#${call.cloud}`, `Z#${call.cloud}#${zone}`].some(
      (pk) => (since.get(pk) ?? Number.POSITIVE_INFINITY) < call.begunAt,
    )
  const check = (call: Call, zone: string, deed: string): void => {
    if (isKept(call, zone)) violate(`${call.name} ${deed} in ${zone}, which was paused when it began`)
  }
  const zoneOf = ({ pk }: Pick<Item, 'pk'>): string => pk.slice(pk.lastIndexOf('#') + 1)

  return {
    written: (call, { write, before, after }) => {
      if (after.sk === 'PAUSE' && before === undefined) since.set(after.pk, scheduler.now())
      if (write.set?.queued !== undefined) check(call, zoneOf(after), `marks ${after.sk}`)
      if (write.set?.runId !== undefined) check(call, zoneOf(after), `begins a run on ${after.sk}`)
    },
    deleted: (_call, { pk, sk }) => {
      if (sk === 'PAUSE') since.delete(pk)
    },
    sent: (call, _queue, messages) => {
      for (const { body } of messages) if ('host' in body) check(call, body.zone, `sends host ${body.host} a job`)
    },
    ran: (call, { fact }, before, after) => {
      if (JSON.stringify(before) !== JSON.stringify(after)) check(call, fact.zone, `changes host ${fact.id}`)
    },
  }
}
