/** `jobs -o json`: a stable shape, as status. In: the jobs of hosts, the queues. Out: data of the schema below; times are ISO 8601 in UTC. */
import * as z from 'zod'
import type { Fullness } from '../../shared/queue/fullness.ts'
import { whys } from '../../shared/queue/queues.ts'
import type { HostRecord } from '../../shared/reconcile/record.ts'
import { isoTime } from './duration.ts'

/** `lost`: the run ended without a word; the next job of the host writes that down, and backs off. */
export const jobStates = ['waiting', 'running', 'lost'] as const

export interface JobRow {
  readonly zone: string
  readonly record: HostRecord
  readonly state: (typeof jobStates)[number]
}

/** Of a message that no function could read, so many characters are shown. */
const shownBody = 2000

export const jobsSchema = z.strictObject({
  version: z.literal(1),
  cloud: z.string(),
  jobs: z.array(
    z.strictObject({
      zone: z.string(),
      host: z.strictObject({ id: z.string(), name: z.string() }),
      state: z.enum(jobStates),
      why: z.enum(whys).nullable(),
      /** Of the snapshot that it was sent for. */
      tick: z.int().nullable(),
      /** The driver that the host falls back to; null: its own. */
      fallback: z.string().nullable(),
      /** When a run is ended, or a job that nobody took is sent again. */
      until: z.iso.datetime().nullable(),
    }),
  ),
  queues: z.array(
    z.strictObject({
      queue: z.string(),
      waiting: z.int(),
      running: z.int(),
      /** Null where the queue has no place for dead letters. */
      dead: z.int().nullable(),
      /** The first ten dead letters, each cut to 2,000 characters. */
      letters: z.array(z.strictObject({ group: z.string(), sentAt: z.iso.datetime().nullable(), body: z.string() })),
    }),
  ),
})
export type JobsJson = z.infer<typeof jobsSchema>

export const untilOf = ({ state, record }: JobRow): number | undefined =>
  state === 'waiting' ? record.outstandingUntil : record.runUntil

export const jobsJson = (cloud: string, jobs: readonly JobRow[], queues: readonly Fullness[]): JobsJson => ({
  version: 1,
  cloud,
  jobs: jobs.map((row) => ({
    zone: row.zone,
    host: { id: row.record.id, name: row.record.name },
    state: row.state,
    why: row.record.queuedWhy ?? null,
    tick: row.record.queued ?? null,
    fallback: row.record.runBy ?? row.record.queuedTo ?? null,
    until: isoTime(untilOf(row)),
  })),
  queues: queues.map(({ queue, waiting, running, dead }) => ({
    ...{ queue, waiting, running },
    dead: dead?.count ?? null,
    letters: (dead?.first ?? []).map(({ group, sentAt, body }) => ({
      group,
      sentAt: isoTime(sentAt),
      body: body.slice(0, shownBody),
    })),
  })),
})
