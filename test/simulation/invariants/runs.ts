/**
 * One run at a time (DESIGN 9, 10). A run lasts from the write that acquired it until its call can do nothing more.
 *
 * | of two runs on one host that overlap | allowed                                                       |
 * |--------------------------------------|---------------------------------------------------------------|
 * | both change the host                 | never                                                         |
 * | one changes it, the other only looks | yes: one that lost its record to a crash sees its own deadline |
 *
 * And a report is written only by the run that the record names.
 */
import type { Call } from '../call.ts'
import type { Watch } from '../watch.ts'
import { type Known, recordOf } from './facts.ts'

interface Run {
  readonly call: Call
  applied: boolean
}

export function runs({ violate }: Known): Watch {
  const open = new Map<string, Set<Run>>()
  const address = (call: Call, host: string): string => `${call.cloud} ${host}`
  const ofHost = (call: Call, host: string): Set<Run> => {
    const found = open.get(address(call, host)) ?? new Set()
    open.set(address(call, host), found)
    return found
  }

  return {
    written: (call, { write, before: item, after }) => {
      const record = recordOf(after)
      const before = recordOf(item)
      if (record === undefined) return
      if (write.set?.runId !== undefined) ofHost(call, record.id).add({ call, applied: false })
      const reports =
        write.remove?.includes('runId') === true &&
        write.set?.reason !== 'RunCrashed' &&
        write.set?.requestReason !== 'RunCrashed'
      if (reports && before?.runId?.startsWith(`${call.cloud} ${call.name} `) !== true) {
        violate(`${call.name} reported on host ${record.id}, whose run was ${before?.runId ?? 'none'}`)
      }
    },
    ran: (call, { fact }, before, after) => {
      if (JSON.stringify(before) === JSON.stringify(after)) return
      const all = [...ofHost(call, fact.id)]
      const own = all.find((run) => run.call === call)
      if (own === undefined) return violate(`${call.name} changed host ${fact.id} without a run`)
      own.applied = true
      const other = all.find((run) => run !== own && run.applied)
      if (other !== undefined) violate(`${call.name} and ${other.call.name} both changed host ${fact.id} at once`)
    },
    over: (call) => {
      for (const all of open.values()) for (const run of all) if (run.call === call) all.delete(run)
    },
  }
}
