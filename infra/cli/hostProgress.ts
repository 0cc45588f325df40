/**
 * How far an operator's edge has come on one host. Pure. In: the record now, the `wanted` that its run must reach, its
 * driver. Out: a state, with the reason where there is one.
 *
 * | the record                                             | state     |
 * |--------------------------------------------------------|-----------|
 * | done >= wanted, the run found all in order, or was a request that proves nothing | Done |
 * | done >= wanted, the run left something                 | OutOfSync |
 * | its driver does not reach it, and its fall-back has requested what is wanted | Done |
 * | no driver may serve the host as it is now              | NotServed |
 * | a run that knew of it ended without a result           | Failed    |
 * | a run that knows of it is under way                    | Running   |
 * | anything else                                          | Waiting   |
 */
import { type DriverRules, eligible } from '../../shared/reconcile/candidates.ts'
import { requestedSays } from '../../shared/reconcile/fallback.ts'
import type { Reason } from '../../shared/reconcile/reasons.ts'
import type { HostRecord } from '../../shared/reconcile/record.ts'

export const states = ['Done', 'OutOfSync', 'NotServed', 'Failed', 'Running', 'Waiting'] as const
export type State = (typeof states)[number]

export interface HostProgress {
  readonly state: State
  readonly reason?: Reason
  readonly detail?: string
}

export const finished = ({ state }: HostProgress): boolean => state !== 'Running' && state !== 'Waiting'

export function hostProgress(
  record: HostRecord | undefined,
  wanted: number,
  driver: DriverRules | undefined,
): HostProgress {
  if (record === undefined) return { state: 'NotServed', reason: 'HostNotUp', detail: 'the host is gone' }
  if (record.done >= wanted) return { state: record.verdict === 'OutOfSync' ? 'OutOfSync' : 'Done', ...why(record) }
  if (record.unreachedSince !== undefined && (record.requestDone ?? 0) >= wanted)
    return { state: 'Done', reason: 'RequestedUnverified', detail: requestedSays(record) }
  if (!eligible(record, driver)) return { state: 'NotServed', ...whyNotServed(record, driver) }
  if (record.tried < wanted) return { state: 'Waiting' }
  return record.runId === undefined ? { state: 'Failed', ...why(record) } : { state: 'Running' }
}

const why = ({ reason, detail }: HostRecord): { reason?: Reason; detail?: string } => ({
  ...(reason === undefined ? {} : { reason }),
  ...(detail === undefined ? {} : { detail }),
})

/** A driver that needs the host Enabled counts a host that is not as one that is not Up. */
const whyNotServed = (
  { state, resourceState, hypervisor }: HostRecord,
  driver: DriverRules | undefined,
): { reason: Reason; detail: string } =>
  driver === undefined
    ? { reason: 'NoDriver', detail: `hypervisor ${hypervisor}` }
    : { reason: 'HostNotUp', detail: `${state}, ${resourceState}` }
