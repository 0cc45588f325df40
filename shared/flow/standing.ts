/**
 * What stands in the way of work, for people: pauses, holds, refusals of the bad-read guard, a certificate that is not renewed. Each
 * stays until somebody or something ends it, so a status shows it before all else. In: a cloud. Out: each with its place, who or
 * what, since when.
 */
import { type Problem, problemOf } from '../certificate/renewal.ts'
import { failsFrom } from '../reconcile/holds.ts'
import type { ZoneFact } from '../reconcile/model.ts'
import { type Control, certificateKey, readCertificate, type StoredHold } from '../store/items.ts'
import type { Store } from '../store/store.ts'
import { readHolds } from './holds.ts'
import { parallel } from './parallel.ts'
import { type Paused, readPauses } from './pause.ts'
import { readHosts } from './read.ts'

export type Refusal = NonNullable<NonNullable<Control['refusals']>['hosts']>

export interface Standing {
  readonly pauses: readonly Paused[]
  readonly holds: readonly (StoredHold & { readonly zone: ZoneFact })[]
  readonly refusals: readonly (Refusal & { readonly what: 'hosts' | 'networks' })[]
  /** Of the certificate by which agents know Bridgekeeper, where something is wrong with it. */
  readonly certificate?: Problem
}

export async function readStanding(
  store: Store,
  cloud: string,
  control: Control | undefined,
  now: number,
): Promise<Standing> {
  const zones = control?.zones ?? []
  const holds = await parallel(zones, async (zone) => {
    const found = await heldNow(store, cloud, zone.id)
    return found.map((hold) => ({ ...hold, zone }))
  })
  const { hosts, networks } = control?.refusals ?? {}
  const seen = readCertificate(await store.get(certificateKey(cloud)))
  const certificate = seen === undefined ? undefined : problemOf(seen, now)
  return {
    ...(certificate === undefined ? {} : { certificate }),
    pauses: await readPauses(store, cloud, zones),
    holds: holds.flat(),
    refusals: [
      ...(hosts === undefined ? [] : [{ what: 'hosts' as const, ...hosts }]),
      ...(networks === undefined ? [] : [{ what: 'networks' as const, ...networks }]),
    ],
  }
}

/** Diff ends a hold when it next looks, which is when somebody is due: until then the records know better. */
async function heldNow(store: Store, cloud: string, zone: string): Promise<readonly StoredHold[]> {
  const held = (await readHolds(store, cloud, zone)).filter(({ state, over }) => state === 'held' && !over)
  if (held.length === 0) return []
  const up = (await readHosts(store, cloud, zone)).filter(({ state }) => state === 'Up')
  return held.filter(({ cause }) => failsFrom(cause, up))
}
