/**
 * A host's own driver is first (DESIGN 23): CloudStack is asked instead only while that driver does not reach the host,
 * judged by what its runs reported.
 *
 * | what happens                                     | must                                                            |
 * |--------------------------------------------------|-----------------------------------------------------------------|
 * | a fall-back's run begins on a host               | find that the last report of its own driver was HostUnreachable |
 * | a diff marks a host for its fall-back            | have read no edge that its own driver has not tried             |
 * | CloudStack is asked to send a KVM host networks  | be asked by a run of the fall-back                              |
 * | a fall-back reports that it asked                | be true: CloudStack took a request of that run                  |
 */
import type { HostRecord } from '../../../shared/reconcile/record.ts'
import type { Call } from '../call.ts'
import type { Watch } from '../watch.ts'
import { type Known, recordOf } from './facts.ts'

export function fallbacks({ violate }: Known): Watch {
  const unreached = new Set<string>()
  const running = new WeakMap<Call, string>()
  const asked = new WeakSet<Call>()
  const read = new WeakMap<Call, ReadonlyMap<string, HostRecord>>()

  return {
    read: (call, _pk, prefix, items) => {
      if (call.function !== 'diff' || prefix !== 'H#') return
      const records = items.map(recordOf).filter((record) => record !== undefined)
      read.set(call, new Map(records.map((record) => [record.id, record])))
    },
    looked: (call, { fact }) => {
      if (call.function !== 'provisionCloudstack') return
      asked.add(call)
      if (fact.hypervisor === 'KVM' && running.get(call) !== fact.id)
        violate(`${call.name} asks CloudStack for host ${fact.id}, and has no run of a fall-back there`)
    },
    written: (call, { write, before: item, after }) => {
      const record = recordOf(after)
      if (record === undefined) return
      const place = `${call.cloud} ${record.id}`
      const { runBy, queuedTo, reason, verdict, requestedAt } = write.set ?? {}
      if (runBy !== undefined) {
        running.set(call, record.id)
        if (!unreached.has(place)) violate(`${call.name} falls back on host ${record.id}, which its own driver reached`)
      }
      if (queuedTo !== undefined) {
        const was = read.get(call)?.get(record.id)
        if (was !== undefined && was.wanted > was.tried)
          violate(`${call.name} sends host ${record.id} to its fall-back, and its own driver has not tried`)
      }
      if (requestedAt !== undefined && !asked.has(call) && record.request !== undefined)
        violate(`${call.name} says that host ${record.id} was requested, and asked nothing`)
      if (recordOf(item) === undefined || write.remove?.includes('runId') !== true) return
      if (reason === 'HostUnreachable') unreached.add(place)
      else if (reason !== undefined || verdict !== undefined) unreached.delete(place)
    },
  }
}
