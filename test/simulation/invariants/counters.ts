/**
 * An edge is never lost (DESIGN 8): the counters of a host's record, at every write.
 *
 * | a write                                                           | must                                            |
 * |-------------------------------------------------------------------|-------------------------------------------------|
 * | any                                                               | keep done ≤ tried ≤ wanted, and lower none      |
 * | that makes a host appear, Up that was not, Enabled while Up       | raise wanted                                    |
 * | by a call of one cloud                                            | be of that cloud                                |
 * | that raises done                                                  | be of the run, to what was wanted when it was   |
 * |                                                                   | acquired, after that run looked at the host     |
 * | that leaves a run under way                                       | leave nothing settled                           |
 * | any                                                               | keep what is requested ≤ tried so ≤ wanted      |
 * | by a fall-back's run                                              | move neither tried nor done                     |
 */
import type { HostRecord } from '../../../shared/reconcile/record.ts'
import type { Call } from '../call.ts'
import type { Watch, Written } from '../watch.ts'
import { type Known, recordOf } from './facts.ts'

interface Acquired {
  readonly wanted: number
  looked: boolean
}

export function counters(known: Known): Watch {
  const { violate } = known
  const runs = new WeakMap<Call, Acquired>()

  const lowered = (before: HostRecord, after: HostRecord): readonly string[] =>
    (['wanted', 'tried', 'done', 'tick', 'queued', 'ran'] as const).filter(
      (counter) => (after[counter] ?? 0) < (before[counter] ?? 0),
    )

  const checkDone = (call: Call, { write }: Written, before: HostRecord, after: HostRecord): void => {
    if (after.done === before.done) return
    const run = runs.get(call)
    const who = `${call.name} moved done of host ${after.id} from ${before.done} to ${after.done}`
    if (run === undefined) violate(`${who}, and never acquired a run`)
    else if (after.done > run.wanted) violate(`${who}, and only ${run.wanted} was wanted when it was acquired`)
    else if (!run.looked) violate(`${who}, and never looked at the host`)
    else if (write.set?.verdict === undefined) violate(`${who}, and its run did not finish`)
  }

  return {
    looked: (call) => {
      const run = runs.get(call)
      if (run !== undefined) run.looked = true
    },
    written: (call, written) => {
      const { write, after: item } = written
      checkCloud(call, write.key.pk, violate)
      const after = recordOf(item)
      const before = recordOf(written.before)
      if (after === undefined) return
      if (write.set?.runId !== undefined) runs.set(call, { wanted: after.wanted, looked: looksAtNothing(after) })
      if (after.done > after.tried || after.tried > after.wanted) {
        violate(
          `${call.name} left host ${after.id} with done ${after.done}, tried ${after.tried}, wanted ${after.wanted}`,
        )
      }
      if (isEdge(before, after) && after.wanted <= (before?.wanted ?? 0)) {
        const from = before === undefined ? 'nothing' : `${before.state} and ${before.resourceState}`
        violate(`${call.name} took host ${after.id} from ${from} to ${after.state}, ${after.resourceState}: no edge`)
      }
      if (after.runId !== undefined && after.settled !== undefined) {
        violate(`host ${after.id} has a run under way and is settled in ${after.settled}`)
      }
      const { requestDone = 0, requestTried = 0 } = after
      if (requestDone > requestTried || requestTried > after.wanted) {
        violate(`${call.name} left host ${after.id} with requests ${requestDone}, tried ${requestTried}`)
      }
      if (before === undefined) return
      if (write.set?.runBy !== undefined && after.tried !== before.tried) {
        violate(`${call.name} moved tried of host ${after.id}, whose own driver does not run`)
      }
      const less = lowered(before, after)
      if (less.length > 0) violate(`${call.name} lowered ${less.join(', ')} of host ${after.id}`)
      checkDone(call, written, before, after)
    },
  }
}

/** The API driver asks nothing where no network is desired, which is no lie. */
const looksAtNothing = ({ hypervisor }: HostRecord): boolean => hypervisor === 'Simulator'

function isEdge(before: HostRecord | undefined, after: HostRecord): boolean {
  if (after.state === 'Removed') return false
  if (before === undefined || before.state === 'Removed') return true
  if (after.state !== 'Up') return false
  return before.state !== 'Up' || (before.resourceState !== 'Enabled' && after.resourceState === 'Enabled')
}

function checkCloud(call: Call, pk: string, violate: (sentence: string) => void): void {
  const own = pk === `C#${call.cloud}` || pk.startsWith(`Z#${call.cloud}#`)
  if (!own) violate(`${call.name} of cloud ${call.cloud} wrote into ${pk}`)
}
