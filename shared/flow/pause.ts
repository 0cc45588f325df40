/**
 * Pause and resume: an operator's word that nothing is to be done in a zone, or in the whole cloud. It has no silent end:
 * it stands until somebody resumes, in the status with who, when and why. In: a zone or none, who, why. Out: the items,
 * a line of the history, and after a resume a snapshot.
 *
 * | while the cloud or the zone is paused            | happens                                                       |
 * |--------------------------------------------------|---------------------------------------------------------------|
 * | snapshot                                         | goes on: states, edges and revisions are not lost             |
 * | diff                                             | sends no job, nor what it had marked before it was killed     |
 * | a job that was queued before                     | does nothing, is put back (its tick counts as run) and acknowledged |
 * | a run that had begun before                      | goes on to its end: broken off, it would leave a host half done |
 * | a job that meets a run under way, or a crashed one | is acknowledged; the next job after the resume finds it     |
 * | backfill                                         | raises `wanted`; the hosts run after the resume               |
 * | resume                                           | everything is as due as it was, under the next tick           |
 *
 * A host that was put back is due as before: `wanted`, `done` and `settled` are untouched, so an edge that waited is still
 * an edge, and a revision whose turn it was waits for its turn again.
 */
import type { ZoneFact } from '../reconcile/model.ts'
import type { Ports } from '../runtime/ports.ts'
import { controlKey, type Pause, pauseKey, readControl, readPause } from '../store/items.ts'
import type { Store } from '../store/store.ts'
import { pauseIs } from '../store/writes.ts'
import { kickSnapshot, NothingSelected } from './backfill.ts'
import { type Act, type Keeping, recordAct } from './history.ts'
import { parallel } from './parallel.ts'

/** A pause and what it is of; no zone: the whole cloud. */
export interface Paused extends Pause {
  readonly zone?: ZoneFact
}

/** The pause that keeps this zone, the cloud's before its own; undefined: it works. */
export async function readPauseOf(store: Store, cloud: string, zone: string): Promise<Pause | undefined> {
  return readPause(await store.get(pauseKey(cloud, undefined))) ?? readPause(await store.get(pauseKey(cloud, zone)))
}

/** Every pause of a cloud, the whole cloud's first. */
export async function readPauses(store: Store, cloud: string, zones: readonly ZoneFact[]): Promise<readonly Paused[]> {
  const found = await parallel([undefined, ...zones], async (zone) => {
    const pause = readPause(await store.get(pauseKey(cloud, zone?.id)))
    return pause === undefined ? [] : [{ ...pause, ...(zone === undefined ? {} : { zone }) }]
  })
  return found.flat()
}

/** Thrown when a pause came or went each time that it was looked at, or a newer version of Bridgekeeper wrote it. */
export class PauseOvertaken extends Error {
  override readonly name = 'PauseOvertaken'
}

/** Each further one only if somebody else paused or resumed at that moment. */
const attempts = 5

const overtaken = (place: ZoneFact | undefined): PauseOvertaken =>
  new PauseOvertaken(
    `the pause of ${place === undefined ? 'the cloud' : `zone ${JSON.stringify(place.name)}`} was changed by somebody else, ` +
      'or a newer version of Bridgekeeper wrote it: look at it with "bridgekeeper status", then use that version',
  )

/**
 * @param chosen a zone by id or name; undefined: the whole cloud
 * @returns the pause that stands, and whether it stood before: then it is another's and is left as it is
 * @throws NothingSelected when there is no such zone. @throws PauseOvertaken
 */
export async function pause(
  ports: Ports,
  keeping: Keeping,
  chosen: string | undefined,
  act: Act,
): Promise<{ readonly paused: Paused; readonly before: boolean }> {
  const zone = await zoneOf(ports, keeping.cloud, chosen)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const written = readPause(await ports.store.update(pauseIs(keeping.cloud, zone?.id, ports.now(), act.by, act.why)))
    const stands = written ?? readPause(await ports.store.get(pauseKey(keeping.cloud, zone?.id)))
    if (stands === undefined) continue
    if (written !== undefined) await recordAct(ports, keeping, placeOf(zone), 'pause', act)
    return { paused: { ...stands, ...(zone === undefined ? {} : { zone }) }, before: written === undefined }
  }
  throw overtaken(zone)
}

/**
 * @returns the pause that is over, if there was one, and those that still stand: of the cloud over the zone, or of zones
 * @throws NothingSelected when there is no such zone. @throws PauseOvertaken
 */
export async function resume(
  ports: Ports,
  keeping: Keeping,
  chosen: string | undefined,
  act: Act,
): Promise<{ readonly ended: Paused | undefined; readonly standing: readonly Paused[] }> {
  const { cloud } = keeping
  const zone = await zoneOf(ports, cloud, chosen)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const pauses = await readPauses(ports.store, cloud, await zonesOf(ports, cloud))
    const stood = pauses.find((each) => each.zone?.id === zone?.id)
    const standing = pauses.filter((each) => each !== stood)
    if (stood === undefined) return { ended: undefined, standing }
    const asRead = { attribute: 'at', is: '=', value: stood.at } as const
    if (!(await ports.store.delete(pauseKey(cloud, zone?.id), asRead))) continue
    await recordAct(ports, keeping, placeOf(zone), 'resume', act, `paused by ${stood.by}`)
    await kickSnapshot(ports, cloud, 'resume')
    return { ended: stood, standing }
  }
  throw overtaken(zone)
}

const placeOf = (zone: ZoneFact | undefined): { zone?: string } => (zone === undefined ? {} : { zone: zone.id })

const zonesOf = async (ports: Ports, cloud: string): Promise<readonly ZoneFact[]> =>
  readControl(await ports.store.get(controlKey(cloud)))?.zones ?? []

/** @throws NothingSelected */
export async function zoneOf(ports: Ports, cloud: string, chosen: string | undefined): Promise<ZoneFact | undefined> {
  if (chosen === undefined) return undefined
  const zones = await zonesOf(ports, cloud)
  const zone = zones.find(({ id, name }) => id === chosen || name === chosen)
  if (zone !== undefined) return zone
  const known = zones.map(({ name }) => JSON.stringify(name)).slice(0, 20)
  throw new NothingSelected(
    `no zone is called ${JSON.stringify(chosen)}: ${known.length === 0 ? 'no snapshot has been taken yet' : `zones are ${known.join(', ')}`}`,
  )
}
