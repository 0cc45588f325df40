/**
 * What is taken away for good, at every delete.
 *
 * | an item               | is deleted by             | only                                                       |
 * |-----------------------|---------------------------|------------------------------------------------------------|
 * | pause                 | an operator               | –                                                          |
 * | tombstone             | a snapshot                | –                                                          |
 * | history, tombstone    | housekeeping              | once it expired                                            |
 * | hold                  | housekeeping              | once it is over, and expired                               |
 * | revision              | housekeeping              | once it expired, and its pointer names another             |
 * | host                  | housekeeping              | Removed for 30 days, without a run or an outstanding job   |
 * | keys of a host        | housekeeping              | once the host has no item                                  |
 * | any other             | nobody                    | –                                                          |
 */
import type { Item } from '../../../shared/store/store.ts'
import type { Call } from '../call.ts'
import { itemAddress } from '../system.ts'
import type { Watch } from '../watch.ts'
import { type Known, recordOf } from './facts.ts'

const removedMilliseconds = 30 * 24 * 60 * 60_000

export function housekeeping({ violate, items }: Known): Watch {
  const wrong = (call: Call, item: Item): string | undefined => {
    if (item.sk === 'PAUSE') return call.function === 'operator' ? undefined : 'it is an operator that resumes'
    if (call.function === 'snapshot' && item.sk.startsWith('T#')) return undefined
    if (call.function !== 'housekeeping') return 'nobody but housekeeping takes such things away'
    const now = call.lastNow()
    if (item.sk.startsWith('H#')) return hostStays(item, now)
    if (item.sk.startsWith('K#')) {
      const host = items.get(itemAddress(item.pk, `H#${item.sk.slice('K#'.length)}`))
      return host === undefined ? undefined : 'its host has a record'
    }
    if (!/^(E|T|HOLD|R)#/.test(item.sk)) return 'such an item stays'
    if (typeof item.expires !== 'number' || item.expires * 1000 > now) return `it expires ${item.expires ?? 'never'}`
    const [, hypervisor, revision] = /^R#(.*)#([^#]*)$/.exec(item.sk) ?? []
    const pointer = items.get(itemAddress(item.pk, `D#${hypervisor}`))
    return revision !== undefined && pointer?.revision === revision ? 'it is in force' : undefined
  }
  return {
    deleted: (call, item) => {
      const why = wrong(call, item)
      if (why !== undefined) violate(`${call.name} deletes ${item.pk} / ${item.sk}: ${why}`)
    },
  }
}

function hostStays(item: Item, now: number): string | undefined {
  const record = recordOf(item)
  if (record?.state !== 'Removed') return `its host is ${record?.state}`
  if (record.removedAt === undefined || now - record.removedAt < removedMilliseconds)
    return 'it was Removed not long ago'
  if (record.runId !== undefined && (record.runUntil ?? 0) > now) return 'a run is under way'
  const isQueued = (record.queued ?? 0) > (record.ran ?? 0) && (record.outstandingUntil ?? 0) > now
  return isQueued ? 'a job is outstanding' : undefined
}
