/** What several invariants need to know of an item or a machine. In: an item. Out: the host's record, whose it is. */
import type { HostRecord } from '../../../shared/reconcile/record.ts'
import { readHost } from '../../../shared/store/items.ts'
import type { Item } from '../../../shared/store/store.ts'
import type { Machine } from '../machine.ts'
import type { Management } from '../management.ts'
import type { Scheduler } from '../scheduler.ts'
import type { Violate } from '../watch.ts'

export interface Known {
  readonly scheduler: Scheduler
  readonly clouds: ReadonlyMap<string, Management>
  readonly items: ReadonlyMap<string, Item>
  /** The step at which a newer version last wrote an item, or gave it back: no watch is told of that. */
  readonly rewritten: ReadonlyMap<string, number>
  readonly settings: Readonly<Record<string, string>>
  /** Clocks of two calls differ by up to twice this, in milliseconds. */
  readonly skew: number
  readonly violate: Violate
}

const records = new WeakMap<Item, HostRecord | undefined>()

/** The record of a host's item, parsed once; undefined for every other item. */
export function recordOf(item: Item | undefined): HostRecord | undefined {
  if (item === undefined || !item.sk.startsWith('H#')) return undefined
  if (!records.has(item)) records.set(item, readHost(item))
  return records.get(item)
}

/** An upgraded function wrote it: this version cannot know what it says. */
export const isNewer = (item: Item | undefined): boolean => typeof item?.v === 'number' && item.v > 1

export const hostIn = (known: Known, cloud: string, record: HostRecord): Machine | undefined =>
  known.clouds.get(cloud)?.machines.get(record.id)

/** As the drivers of the simulation serve them, said again in its own words. */
export const mayBeServed = ({ hypervisor, state, resourceState }: HostRecord): boolean =>
  state === 'Up' && (hypervisor === 'KVM' || (hypervisor === 'Simulator' && resourceState === 'Enabled'))
