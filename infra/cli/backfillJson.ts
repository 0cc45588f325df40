/**
 * `backfill -o json`: a stable shape, as status. In: the hosts chosen, and with --wait how far each came. Out: data of
 * the schema below.
 */
import * as z from 'zod'
import type { Backfilled } from '../../shared/flow/backfill.ts'
import { reasonNames } from '../../shared/reconcile/reasons.ts'
import type { Following } from './follow.ts'
import { states } from './hostProgress.ts'

const host = z.strictObject({
  zone: z.strictObject({ id: z.string(), name: z.string() }),
  id: z.string(),
  name: z.string(),
  /** The host is done when its record's `done` has reached this. */
  wanted: z.int(),
  /** With --wait. */
  state: z.enum(states).optional(),
  reason: z.enum(reasonNames).nullable().optional(),
  detail: z.string().nullable().optional(),
})

export const backfillSchema = z.strictObject({
  version: z.literal(1),
  cloud: z.string(),
  /** With --wait. */
  ended: z.enum(['all finished', 'time is up', 'interrupted']).optional(),
  hosts: z.array(host),
})
export type BackfillJson = z.infer<typeof backfillSchema>

export type ZoneName = (id: string) => string

const hostJson = ({ zone, host: id, name, wanted }: Backfilled, zoneName: ZoneName): BackfillJson['hosts'][number] => ({
  zone: { id: zone, name: zoneName(zone) },
  id,
  name,
  wanted,
})

export const chosenJson = (cloud: string, hosts: readonly Backfilled[], zoneName: ZoneName): BackfillJson => ({
  version: 1,
  cloud,
  hosts: hosts.map((one) => hostJson(one, zoneName)),
})

export const followingJson = (cloud: string, { hosts, ended }: Following, zoneName: ZoneName): BackfillJson => ({
  version: 1,
  cloud,
  ended,
  hosts: hosts.map(({ host: one, state, reason, detail }) => ({
    ...hostJson(one, zoneName),
    state,
    reason: reason ?? null,
    detail: detail ?? null,
  })),
})
