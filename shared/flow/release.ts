/**
 * An operator opens what waits for one: holds, and refusals of the bad-read guard. In: a zone and a cause, or neither for
 * everything. Out: what was released, each with a line of the history; then a snapshot, so that it acts at once.
 *
 * | waits                                    | is called                     | released means                           |
 * |------------------------------------------|-------------------------------|------------------------------------------|
 * | a hold in a zone                         | its cause, as status shows it | open over the hosts that fail now        |
 * | a refusal to believe that hosts are gone | `hosts`, of the cloud         | just these absentees are believed        |
 * | the same of networks                     | `networks`, of the cloud      | just these absentees are believed        |
 */
import { failsFrom, opened } from '../reconcile/holds.ts'
import type { Ports } from '../runtime/ports.ts'
import { controlKey, readControl } from '../store/items.ts'
import { holdIs, releaseRefusal } from '../store/writes.ts'
import { kickSnapshot, NothingSelected } from './backfill.ts'
import { type Act, type Keeping, recordAct } from './history.ts'
import { readHolds } from './holds.ts'
import { zoneOf } from './pause.ts'
import { readHosts } from './read.ts'

export interface Released {
  readonly what: 'hold' | 'refusal'
  /** The zone's id and name, of a hold. */
  readonly zone?: { readonly id: string; readonly name: string }
  readonly cause: string
  /** Hosts that failed from it, or absentees. */
  readonly count: number
}

export interface Chosen {
  readonly zone?: string
  readonly cause?: string
}

/** Thrown when what was to be released changed at that moment: nobody looked at what it is now. */
export class ReleaseOvertaken extends Error {
  override readonly name = 'ReleaseOvertaken'
}

/** @throws NothingSelected when a cause or a zone is named that is not there. @throws ReleaseOvertaken */
export async function release(ports: Ports, keeping: Keeping, chosen: Chosen, act: Act): Promise<readonly Released[]> {
  const { cloud } = keeping
  const only = await zoneOf(ports, cloud, chosen.zone)
  const control = readControl(await ports.store.get(controlKey(cloud)))
  const released: Released[] = []
  for (const zone of only === undefined ? (control?.zones ?? []) : [only]) {
    for (const cause of await releaseHolds(ports, keeping, zone.id, chosen.cause, act)) {
      released.push({ what: 'hold', zone, ...cause })
    }
  }
  for (const what of only === undefined ? (['hosts', 'networks'] as const) : []) {
    const refusal = control?.refusals?.[what]
    if (refusal === undefined || refusal.released || (chosen.cause ?? what) !== what) continue
    if ((await ports.store.update(releaseRefusal(cloud, what, refusal.digest))) === undefined) {
      throw new ReleaseOvertaken(`what is gone of the ${what} changed just now: look at it with "bridgekeeper status"`)
    }
    await recordAct(ports, keeping, {}, 'release', act, `${refusal.absentees} of ${refusal.known} ${what} are gone`)
    released.push({ what: 'refusal', cause: what, count: refusal.absentees })
  }
  if (released.length > 0) await kickSnapshot(ports, cloud, 'release')
  else if (chosen.cause !== undefined) throw new NothingSelected(nothing(chosen.cause))
  return released
}

const nothing = (cause: string): string =>
  `nothing waits for a release under ${JSON.stringify(cause)}: causes are those of "bridgekeeper status", and "hosts" or "networks"`

async function releaseHolds(
  ports: Ports,
  keeping: Keeping,
  zone: string,
  cause: string | undefined,
  act: Act,
): Promise<readonly { cause: string; count: number }[]> {
  const held = (await readHolds(ports.store, keeping.cloud, zone)).filter((hold) => hold.state === 'held')
  const chosen = held.filter((hold) => cause === undefined || hold.cause === cause)
  if (chosen.length === 0) return []
  const up = (await readHosts(ports.store, keeping.cloud, zone)).filter((record) => record.state === 'Up')
  const counted: { cause: string; count: number }[] = []
  for (const hold of chosen) {
    const failing = up.filter((record) => failsFrom(hold.cause, [record])).length
    const { serial, over, ...own } = hold
    const write = holdIs(keeping.cloud, zone, opened(own, failing, ports.now(), act.by), serial)
    if ((await ports.store.update(write)) === undefined) {
      throw new ReleaseOvertaken(`the hold ${hold.cause} changed just now: look at it with "bridgekeeper status"`)
    }
    const detail = `${hold.cause}: ${failing} hosts fail from it`
    await recordAct(ports, keeping, { zone }, 'release', act, detail)
    counted.push({ cause: hold.cause, count: failing })
  }
  return counted
}
