/**
 * The door to CloudStack: the few calls that Bridgekeeper makes, over one signed transport. In: a URL and a pair of keys.
 * Out: the facts of reconcile/model.ts, complete or an error (errors.ts), never a part of them.
 */
import type * as z from 'zod'
import type { CloudFacts, HostFact } from '../reconcile/model.ts'

/** Whether the desired set may have changed, and where the next question starts. The cursor is opaque and may be stored. */
export interface Changes {
  readonly changed: boolean
  readonly cursor: string
}

export interface CloudStack {
  /** Every host of type Routing. @throws CloudStackError */
  listHosts(): Promise<readonly HostFact[]>
  /** Everything that the desired set is made of; never a host. @throws CloudStackError */
  listFacts(): Promise<CloudFacts>
  /** One listEvents call. Without a cursor, or when the answer cannot be judged: changed. @throws CloudStackError */
  changedSince(cursor: string | undefined): Promise<Changes>
  /**
   * Makes the server set up every network on this host: `id` and nothing else, whatever else would be changed (FACTS H).
   * Lasts as long as the server's pass. @throws CloudStackError, NoAnswer with `timedOut` when it may still be at work
   */
  updateHost(id: string): Promise<void>
  /** Any other command: its answer without the outer key, parsed by `schema`. @throws CloudStackError */
  call<T>(command: string, parameters: Readonly<Record<string, string>>, schema: z.ZodType<T>): Promise<T>
}
