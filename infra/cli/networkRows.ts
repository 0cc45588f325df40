/**
 * Host × network: one row for each network that each host should have. In: a status, the network that was asked for.
 * Out: rows in the order of the hosts, with what is known of each.
 */
import type { CloudStatus, HostRow } from '../../shared/flow/status.ts'
import type { DesiredNetwork } from '../../shared/reconcile/model.ts'
import { type NetworkStatus, networkStatusOf } from '../../shared/reconcile/networkStatus.ts'
import { UsageError } from './selectors.ts'

export interface NetworkRow extends NetworkStatus {
  readonly host: HostRow
  readonly network: DesiredNetwork
}

/** More than a person reads, and than a reader of JSON should be handed at once. */
const limit = 100_000

/**
 * @param asked a network's name, id or URI; undefined: all.
 * @throws UsageError when no network is that, or there are more rows than anybody reads.
 */
export function networkRows({ rows }: CloudStatus, asked: string | undefined): readonly NetworkRow[] {
  const size = rows.reduce((sum, host) => sum + host.desired.length, 0)
  if (asked === undefined && size > limit) {
    throw new UsageError(`--networks would show ${size} rows: narrow it with --zone, --cluster, --host or --network.`)
  }
  const found = rows.flatMap((host) =>
    host.desired
      .filter((network) => asked === undefined || isCalled(network, asked))
      .map((network) => ({ host, network, ...networkStatusOf(host, host.record, network) })),
  )
  if (asked !== undefined && found.length === 0) {
    throw new UsageError(
      `--network ${JSON.stringify(asked)} is no persistent network of these hosts: names, ids and URIs are those of "bridgekeeper status --networks".`,
    )
  }
  return found
}

const isCalled = ({ uri, networks }: DesiredNetwork, asked: string): boolean =>
  uri === asked || networks.some(({ id, name }) => id === asked || name === asked)

/** How many of its networks are known to be there; undefined while of one of them nothing is known. */
export function presentNetworks(host: HostRow): number | undefined {
  const presences = host.desired.map((network) => networkStatusOf(host, host.record, network).presence)
  return presences.includes('Unknown') ? undefined : presences.filter((presence) => presence === 'Present').length
}
