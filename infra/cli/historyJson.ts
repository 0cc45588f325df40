/** A line of the history as JSON: what is not part of it is null. In: a line. Out: data of the schema below. */
import * as z from 'zod'
import { reasonNames } from '../../shared/reconcile/reasons.ts'
import { verdicts } from '../../shared/reconcile/record.ts'
import { type HistoryLine, happenings } from '../../shared/store/items.ts'
import { isoTime } from './duration.ts'

export const historyLine = z.strictObject({
  at: z.iso.datetime().nullable(),
  what: z.enum(happenings),
  status: z.enum(verdicts).nullable(),
  reason: z.enum(reasonNames).nullable(),
  /** Devices that the run created. */
  created: z.int().nullable(),
  by: z.string().nullable(),
  why: z.string().nullable(),
  detail: z.string().nullable(),
  /** What the log lines of the same call carry. */
  correlation: z.string().nullable(),
})

/** Of a zone, or of the whole cloud (null). */
export const placedHistoryLine = historyLine.extend({
  zone: z.strictObject({ id: z.string(), name: z.string() }).nullable(),
})

export const historyJson = (line: HistoryLine): z.infer<typeof historyLine> => ({
  at: isoTime(line.at),
  what: line.what,
  status: line.verdict ?? null,
  reason: line.reason ?? null,
  created: line.created ?? null,
  by: line.by ?? null,
  why: line.why ?? null,
  detail: line.detail ?? null,
  correlation: line.correlation ?? null,
})
