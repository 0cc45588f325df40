/**
 * Which listener methods the difference between two snapshots of one host stands for, named after CloudStack's
 * HypervisorHostListener (FACTS G, the mapping table). Connection and admin state are judged separately, then merged.
 *
 * | before              | after                         | methods                                            |
 * |---------------------|-------------------------------|----------------------------------------------------|
 * | absent              | present                       | hostAdded, and hostConnect if Up                   |
 * | present             | absent, or Removed            | hostRemoved                                        |
 * | not Up              | Up                            | hostConnect                                        |
 * | Up                  | Up, another management server | hostConnect                                        |
 * | Up                  | not Up                        | hostDisconnected                                   |
 * | Up, not Enabled     | Up, Enabled                   | hostEnabled                                        |
 * | not Up, not Enabled | Up, Enabled                   | hostConnect, hostEnabled                           |
 * | Up, Enabled         | Up, a maintenance state       | hostAboutToBeRemoved (a candidate, no more)        |
 * | zone or cluster A   | zone or cluster B             | hostRemoved, hostAdded, and hostConnect if Up      |
 * | equal               | equal                         | none                                               |
 */
import type { HostFact } from './model.ts'

export type Method =
  | 'hostAdded'
  | 'hostConnect'
  | 'hostEnabled'
  | 'hostDisconnected'
  | 'hostAboutToBeRemoved'
  | 'hostRemoved'

type Before = Pick<HostFact, 'state' | 'resourceState' | 'zone' | 'cluster' | 'managementServer'>

export function transitions(before: Before | undefined, after: Before | undefined): readonly Method[] {
  const was = present(before)
  const is = present(after)
  if (!is) return was ? ['hostRemoved'] : []
  if (!was) return ['hostAdded', ...connectIfUp(is)]
  if (was.zone !== is.zone || was.cluster !== is.cluster) return ['hostRemoved', 'hostAdded', ...connectIfUp(is)]
  return [...connection(was, is), ...admin(was, is)]
}

const present = (host: Before | undefined): Before | undefined => (host?.state === 'Removed' ? undefined : host)

const up = (host: Before): boolean => host.state === 'Up'

const connectIfUp = (host: Before): readonly Method[] => (up(host) ? ['hostConnect'] : [])

function connection(was: Before, is: Before): readonly Method[] {
  if (!up(is)) return up(was) ? ['hostDisconnected'] : []
  return !up(was) || movedServer(was, is) ? ['hostConnect'] : []
}

/** `managementserverid` is absent on a host that is not connected, so only two known values can differ. */
const movedServer = (was: Before, is: Before): boolean =>
  was.managementServer !== undefined &&
  is.managementServer !== undefined &&
  was.managementServer !== is.managementServer

function admin(was: Before, is: Before): readonly Method[] {
  if (!up(is)) return []
  if (was.resourceState !== 'Enabled' && is.resourceState === 'Enabled') return ['hostEnabled']
  const leaves = was.resourceState === 'Enabled' && maintenance.has(is.resourceState)
  return leaves ? ['hostAboutToBeRemoved'] : []
}

/** The four maintenance states of FACTS G, and Degraded, from which upstream deletes too. */
const maintenance: ReadonlySet<string> = new Set([
  'Maintenance',
  'PrepareForMaintenance',
  'ErrorInMaintenance',
  'ErrorInPrepareForMaintenance',
  'Degraded',
])
