/**
 * What the simulation tells its invariants, step by step. Each invariant implements what it needs and says, in a
 * sentence, what is wrong as soon as it is.
 */

import type { SimulatedLink } from '../../infra/local/hostSimulator/kernel.ts'
import type { Message, QueueName } from '../../shared/queue/queues.ts'
import type { HostFact } from '../../shared/reconcile/model.ts'
import type { Item, Write } from '../../shared/store/store.ts'
import type { Call } from './call.ts'
import type { Machine } from './machine.ts'

/** A write that was taken. */
export interface Written {
  readonly write: Write
  readonly before: Item | undefined
  readonly after: Item
}

export interface Watch {
  written?(call: Call, written: Written): void
  /** An item is gone, as it was until then. */
  deleted?(call: Call, before: Item): void
  /** One or more items were read. */
  read?(call: Call, pk: string, prefix: string, items: readonly Item[]): void
  sent?(call: Call, queue: QueueName, messages: readonly Message[]): void
  /** A request to CloudStack goes. */
  asked?(call: Call): void
  /** CloudStack listed hosts, to the end and without an error. */
  listedHosts?(call: Call, hosts: readonly HostFact[]): void
  /** CloudStack begins to list networks. */
  listsNetworks?(call: Call): void
  /** A run read everything on a host, or CloudStack took its request. */
  looked?(call: Call, machine: Machine): void
  /** A run's command ended on a host. */
  ran?(call: Call, machine: Machine, before: readonly SimulatedLink[], after: readonly SimulatedLink[]): void
  /** The call can do nothing more to a host: it ended, died, or its own time limit passed. */
  over?(call: Call): void
}

export type Violate = (sentence: string) => void

/** All of them as one. */
export function watchAll(watches: readonly Watch[]): Required<Watch> {
  return {
    written: (call, written) => watches.forEach((watch) => void watch.written?.(call, written)),
    deleted: (call, before) => watches.forEach((watch) => void watch.deleted?.(call, before)),
    read: (call, pk, prefix, items) => watches.forEach((watch) => void watch.read?.(call, pk, prefix, items)),
    sent: (call, queue, messages) => watches.forEach((watch) => void watch.sent?.(call, queue, messages)),
    asked: (call) => watches.forEach((watch) => void watch.asked?.(call)),
    listedHosts: (call, hosts) => watches.forEach((watch) => void watch.listedHosts?.(call, hosts)),
    listsNetworks: (call) => watches.forEach((watch) => void watch.listsNetworks?.(call)),
    looked: (call, machine) => watches.forEach((watch) => void watch.looked?.(call, machine)),
    ran: (call, machine, before, after) => watches.forEach((watch) => void watch.ran?.(call, machine, before, after)),
    over: (call) => watches.forEach((watch) => void watch.over?.(call)),
  }
}
