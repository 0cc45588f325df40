/**
 * Whether a run may ask a host only if it is still as it was seen, instead of listing it (DESIGN §7, verification). Pure. In:
 * the record as acquired, what the host would be settled in, the time. Out: what was seen, or nothing: then it is listed.
 *
 * | the record                                                    | the run's first look         |
 * |---------------------------------------------------------------|------------------------------|
 * | an edge since the last run that finished                      | lists: readiness is judged   |
 * | seen under another revision or mode                           | lists                        |
 * | listed a day ago or longer                                    | lists, whatever is said      |
 * | its last run that finished found anything to do or to tell    | lists: nothing was kept      |
 * | otherwise                                                     | asks whether it is still so  |
 */
import type { HostRecord, Seen } from './record.ts'

/** Bounds whatever a comparison on the host might ever miss. */
export const listAtLeastEvery = 24 * 60 * 60 * 1000

/** @param settling revision and mode, as `settledIn` has it */
export function lastSeen(record: HostRecord, settling: string, now: number): Seen | undefined {
  const { seen, tried, done } = record
  if (seen === undefined || tried > done || seen.settled !== settling) return undefined
  const age = now - seen.listedAt
  return age >= 0 && age < listAtLeastEvery ? seen : undefined
}
