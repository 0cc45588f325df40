/** `pause`, `resume` and `release -o json`: stable shapes, as status. Times are ISO 8601 in UTC. */
import * as z from 'zod'
import type { Paused } from '../../shared/flow/pause.ts'
import { isoTime } from './duration.ts'

const zone = z.strictObject({ id: z.string(), name: z.string() })

export const pauseJsonSchema = z.strictObject({
  /** Null: the whole cloud. */
  zone: zone.nullable(),
  at: z.iso.datetime().nullable(),
  by: z.string(),
  why: z.string().nullable(),
})

export const pausedSchema = z.strictObject({
  version: z.literal(1),
  cloud: z.string(),
  paused: pauseJsonSchema,
  /** True: it had been paused before, and that pause stays as it was. */
  before: z.boolean(),
})

export const resumedSchema = z.strictObject({
  version: z.literal(1),
  cloud: z.string(),
  /** The pause that is over; null: there was none. */
  ended: pauseJsonSchema.nullable(),
  /** Pauses that still stand. */
  standing: z.array(pauseJsonSchema),
})

export const releasedSchema = z.strictObject({
  version: z.literal(1),
  cloud: z.string(),
  released: z.array(
    z.strictObject({
      what: z.enum(['hold', 'refusal']),
      zone: zone.nullable(),
      cause: z.string(),
      /** Hosts that fail from it, or absentees. */
      count: z.int(),
    }),
  ),
})

export const pauseJson = ({ zone: of, at, by, why }: Paused): z.infer<typeof pauseJsonSchema> => ({
  zone: of === undefined ? null : { id: of.id, name: of.name },
  at: isoTime(at),
  by,
  why: why ?? null,
})
