/**
 * What is sent to which queue, and the interface of sending. Every queue is FIFO; a message's group says what never
 * runs at the same time, its deduplication id what is the same message sent twice.
 */
import * as z from 'zod/mini'
import type { Provisioner } from '../hypervisors/registry.ts'

/** The functions that are started by a queue of their own, named after them. */
export type QueueName = 'snapshot' | 'diff' | Provisioner

export interface Message {
  readonly body: SnapshotRequest | DiffRequest | Job
  readonly group: string
  readonly deduplication: string
}

export interface Queues {
  /** Sends all of them, ten to a call. @throws Error when any of them was not taken. */
  send(queue: QueueName, messages: readonly Message[]): Promise<void>
}

const name = z.string().check(z.minLength(1), z.maxLength(200))
const tick = z.int().check(z.positive())

/** Version 1 of each message. A newer version is acknowledged and nothing is done: the next tick sends again. */
export const messageVersion = 1
const version = z.literal(messageVersion)

/** Leads through the log to all that one tick began (runtime/correlation.ts); a message of an earlier release has none. */
export const correlation = name
const led = { correlation: z.exactOptional(correlation) }

export const snapshotRequest = z.object({ v: version, cloud: name, why: name, ...led })
export type SnapshotRequest = z.infer<typeof snapshotRequest>

export const diffRequest = z.object({ v: version, cloud: name, zone: name, tick, ...led })
export type DiffRequest = z.infer<typeof diffRequest>

export const whys = ['edge', 'revision', 'retry', 'verify'] as const
export type Why = (typeof whys)[number]

/** A job for one host. What to do is read from the store when it runs, so a job never goes stale. */
export const job = z.object({
  v: version,
  cloud: name,
  zone: name,
  host: name,
  tick,
  why: z.enum(whys),
  /** The host's cluster was cut short by the rollout share: ask for diff when this run ends. */
  more: z.optional(z.boolean()),
  /** The driver that the host falls back to; absent: its own. */
  driver: z.optional(name),
  ...led,
})
export type Job = z.infer<typeof job>
