/**
 * An operator's edge: raise `wanted` on chosen hosts and start a snapshot. In: a cloud and a selection. Out: the hosts
 * chosen, each with the value of `wanted` that its run must reach.
 */
import * as z from 'zod/mini'
import { messageVersion } from '../queue/queues.ts'
import type { ZoneFact } from '../reconcile/model.ts'
import type { HostRecord } from '../reconcile/record.ts'
import type { Ports } from '../runtime/ports.ts'
import { controlKey, readControl, readHost } from '../store/items.ts'
import { kick, want } from '../store/writes.ts'
import { type Act, type Keeping, recordAct } from './history.ts'
import { parallel } from './parallel.ts'
import { readHosts } from './read.ts'

const name = z.exactOptional(z.string().check(z.minLength(1), z.maxLength(255)))

/** Each given part narrows the choice: by id or name; nothing given means every host. */
export const selection = z.strictObject({ zone: name, cluster: name, host: name })
export type Selection = z.infer<typeof selection>

/** Thrown for what is no selection: names the part, what is wrong with it, and the form. */
export class SelectionMalformed extends Error {
  override readonly name = 'SelectionMalformed'
}

/** A selection, in one cloud or in each. */
export interface BackfillRequest {
  readonly cloud?: string
  readonly chosen: Selection
}

const request = z.extend(selection, { cloud: name })

/** From what a function was invoked with; nothing at all chooses every host. @throws SelectionMalformed */
export function parseRequest(event: unknown): BackfillRequest {
  const parsed = request.safeParse(event ?? {})
  if (parsed.success) {
    const { cloud, ...chosen } = parsed.data
    return { chosen, ...(cloud === undefined ? {} : { cloud }) }
  }
  const [issue] = parsed.error.issues
  const wrong =
    issue?.code === 'unrecognized_keys'
      ? `${JSON.stringify(issue.keys[0]?.slice(0, 100))} is no part of a selection`
      : `${issue?.path.length ? JSON.stringify(issue.path[0]) : 'the payload'} is not what it should be`
  throw new SelectionMalformed(
    `${wrong}: give {"cloud": …, "zone": …, "cluster": …, "host": …}, any of them, each a name or an id of 1 to 255 characters`,
  )
}

export interface Backfilled {
  readonly zone: string
  readonly host: string
  readonly name: string
  readonly wanted: number
}

/** @throws NothingSelected when no host matches: most likely a misspelt name. */
export async function backfill(
  ports: Ports,
  keeping: Keeping,
  chosen: Selection,
  act: Act,
): Promise<readonly Backfilled[]> {
  const { cloud } = keeping
  const zones = readControl(await ports.store.get(controlKey(cloud)))?.zones ?? []
  const hosts = (
    await parallel(zones, async (zone) => {
      const records = await readHosts(ports.store, cloud, zone.id)
      return records.filter((record) => record.state !== 'Removed' && selected(chosen, zone, record))
    })
  ).flat()
  if (hosts.length === 0) throw new NothingSelected(nothing(chosen, zones.length))
  const written = await parallel(hosts, (host) => ports.store.update(want(cloud, host, 'backfill', ports.now())))
  await recordBackfill(ports, keeping, chosen, hosts, act)
  await kickSnapshot(ports, cloud, 'backfill')
  return written
    .map(readHost)
    .filter((record) => record !== undefined)
    .map(({ zone, id, name: called, wanted }) => ({ zone, host: id, name: called, wanted }))
}

/** One line for a host that was meant alone, else one a zone: not one for each of thousands. */
async function recordBackfill(
  ports: Ports,
  keeping: Keeping,
  chosen: Selection,
  hosts: readonly HostRecord[],
  act: Act,
): Promise<void> {
  const [only, ...others] = hosts
  if (only !== undefined && others.length === 0) {
    await recordAct(ports, keeping, { zone: only.zone, host: only.id }, 'backfill', act)
    return
  }
  const asked = Object.entries(chosen).map(([part, value]) => `${part} ${JSON.stringify(value)}`)
  for (const [zone, inZone] of Map.groupBy(hosts, (host) => host.zone)) {
    const detail = [`${inZone.length} hosts`, ...asked].join(', ')
    await recordAct(ports, keeping, { zone }, 'backfill', act, detail)
  }
}

/** Thrown when a selection matches no host; says what was asked for. */
export class NothingSelected extends Error {
  override readonly name = 'NothingSelected'
}

function nothing(chosen: Selection, zones: number): string {
  if (zones === 0) return 'no snapshot has been taken yet: wait for the first one, then try again'
  const asked = Object.entries(chosen).map(([part, value]) => `${part} "${value}"`)
  return `no host matches ${asked.join(' and ') || 'an empty cloud'}: names and ids are those of "bridgekeeper status"`
}

/** Whether a selection means this host: each part that it names, by id or by name. */
export const selected = (chosen: Selection, zone: ZoneFact, record: HostRecord): boolean =>
  matches(chosen.zone, zone.id, zone.name) &&
  matches(chosen.cluster, record.cluster) &&
  matches(chosen.host, record.id, record.name)

const matches = (wanted: string | undefined, ...names: readonly string[]): boolean =>
  wanted === undefined || names.includes(wanted)

/** The kick first, then the message: a snapshot that is under way sees the kick and goes round once more. */
export async function kickSnapshot(ports: Ports, cloud: string, why: string): Promise<void> {
  const control = readControl(await ports.store.update(kick(cloud)))
  const body = { v: messageVersion, cloud, why } as const
  const deduplication = `${cloud}-kick-${control?.kick ?? ports.newId()}`
  await ports.queues.send('snapshot', [{ body, group: cloud, deduplication }])
}
