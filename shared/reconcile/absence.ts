/**
 * What becomes of networks that a listing lacks. Pure. In: the desired set in force, the one just listed, what the guard
 * believes to be gone, the tombstones there are. Out: the set to put in force, the tombstones to set and to take away.
 *
 * | a (physical network, URI) of the zone                 | in the new set           | tombstone                  |
 * |--------------------------------------------------------|--------------------------|----------------------------|
 * | listed                                                 | as listed                | taken away, if it has one  |
 * | not listed, believed gone                              | no                       | set, if it has none        |
 * | not listed, not believed (the guard refused)           | as it was                | –                          |
 * | listed again after it was gone                         | as listed                | taken away                 |
 */
import { compare, type DesiredSet } from './desired.ts'
import type { Desired, DesiredNetwork } from './model.ts'

/** A network that is gone from CloudStack's listings, and since when; removal asks about its ids (DESIGN 4). */
export interface Tombstone {
  readonly physicalNetwork: string
  readonly uri: string
  readonly goneSince: number
  /** As it was last listed. */
  readonly networks: DesiredNetwork['networks']
}

/** Names a device pair's owner within a cloud: several networks may share one. */
export const networkKey = (zone: string, network: Pick<DesiredNetwork, 'physicalNetwork' | 'uri'>): string =>
  JSON.stringify([zone, network.physicalNetwork, network.uri])

/** The listed set, and what the guard did not believe to be gone. */
export function keeping(listed: DesiredSet, inForce: Desired | undefined, gone: ReadonlySet<string>): DesiredSet {
  const there = new Set(listed.networks.map((network) => networkKey(listed.zone, network)))
  const kept = (inForce?.networks ?? []).filter((network) => {
    const key = networkKey(listed.zone, network)
    return !there.has(key) && !gone.has(key)
  })
  if (kept.length === 0) return listed
  const networks = [...listed.networks, ...kept].sort(
    (one, other) => compare(one.physicalNetwork, other.physicalNetwork) || compare(one.uri, other.uri),
  )
  return { ...listed, networks }
}

export interface Graves {
  readonly set: readonly Tombstone[]
  readonly take: readonly Tombstone[]
}

/** @param listed every network of the zone now in force @param inForce every one before */
export function graves(
  zone: string,
  listed: readonly DesiredNetwork[],
  inForce: readonly DesiredNetwork[],
  tombstones: readonly Tombstone[],
  now: number,
): Graves {
  const there = new Set(listed.map((network) => networkKey(zone, network)))
  const buried = new Set(tombstones.map((tombstone) => networkKey(zone, tombstone)))
  const gone = new Map(
    inForce
      .map((network) => [networkKey(zone, network), network] as const)
      .filter(([key]) => !there.has(key) && !buried.has(key)),
  )
  return {
    set: [...gone.values()].map(({ physicalNetwork, uri, networks }) => ({
      physicalNetwork,
      uri,
      networks,
      goneSince: now,
    })),
    take: tombstones.filter((tombstone) => there.has(networkKey(zone, tombstone))),
  }
}
