/**
 * What is known of one network on one host. Pure. In: the host's status and record, the network. Out: Present, Exception
 * or Unknown. A record keeps exceptions only (DESIGN 19), so presence follows from what the last finished run left out.
 *
 * | the host                                                        | the network                       |
 * |-----------------------------------------------------------------|-----------------------------------|
 * | is not Up                                                       | Unknown, HostNotUp                |
 * | has an exception for it                                         | Exception, with its reason        |
 * | is InSync                                                       | Present                           |
 * | settled in the current revision by an apply that kept every exception | Present                     |
 * | anything else                                                   | Unknown, with the host's reason   |
 */
import type { DesiredNetwork } from './model.ts'
import type { Reason } from './reasons.ts'
import type { HostRecord } from './record.ts'
import type { HostStatus } from './status.ts'

export const presences = ['Present', 'Exception', 'Unknown'] as const
export type Presence = (typeof presences)[number]

export interface NetworkStatus {
  readonly presence: Presence
  readonly reason?: Reason
  readonly detail?: string
}

export function networkStatusOf(host: HostStatus, record: HostRecord, network: DesiredNetwork): NetworkStatus {
  if (host.reason === 'HostNotUp') return unknown(host)
  const exception = record.exceptions.find(
    ({ physicalNetwork, uri }) => physicalNetwork === network.physicalNetwork && uri === network.uri,
  )
  if (exception !== undefined) {
    return { presence: 'Exception', reason: exception.reason, detail: exception.detail }
  }
  return host.status === 'InSync' || allElsePresent(host, record) ? { presence: 'Present' } : unknown(host)
}

/** Reasons of an OutOfSync that name no network: nothing follows from them for one. */
const namesNoNetwork: readonly (Reason | undefined)[] = ['Updating', 'NewNetworks', 'ObserveOnly']

/** An apply looks again and turns all that is still missing into exceptions; a run that only observed does not. */
const allElsePresent = (host: HostStatus, record: HostRecord): boolean =>
  host.status === 'OutOfSync' &&
  !namesNoNetwork.includes(host.reason) &&
  (record.moreExceptions ?? 0) === 0 &&
  record.settled?.endsWith(':apply') === true

const unknown = ({ reason, detail }: HostStatus): NetworkStatus => ({
  presence: 'Unknown',
  ...(reason === undefined ? {} : { reason }),
  ...(detail === undefined ? {} : { detail }),
})
