/**
 * A host as CloudStack has it at this moment, read right before anything is asked for it (FACTS A7-3, G, H): nothing is ever sent
 * to one that is not Up and Enabled. In: its id, or its cluster's. Out: what may be sent, or a HostError that says what was seen.
 *
 * | state    | resource state                                                                                   | is sent |
 * |----------|--------------------------------------------------------------------------------------------------|---------|
 * | Up       | Enabled                                                                                          | yes     |
 * | any      | PrepareForMaintenance, ErrorInPrepareForMaintenance, Maintenance, ErrorInMaintenance             | nothing: the server refuses its commands, and a reconnected host would end in Alert |
 * | any      | Disabled, Degraded, and whatever a later version knows                                           | nothing |
 * | not Up   | any                                                                                              | nothing |
 * | the host is not listed                                                                                     || nothing |
 *
 * A reading serves what is sent within five seconds of it; a request that had to wait longer (for the shared rate, for a
 * server that is busy) is made on a new one. What changes between the reading and the request's arrival cannot be known.
 */
import type { CloudStack } from '../../cloudstack/client.ts'
import { CloudStackError, RequestRefused } from '../../cloudstack/errors.ts'
import type { HostFact } from '../../reconcile/model.ts'
import { HostError, type Target } from '../driver.ts'

/** Milliseconds between a reading's answer and the request that is made on it. */
export const freshMilliseconds = 5_000

/** Why nothing may be sent; undefined: it may. Pure. */
export function notSendable(host: Pick<HostFact, 'state' | 'resourceState'> | undefined): string | undefined {
  if (host === undefined) return 'CloudStack lists the host no more: nothing was sent'
  if (host.state === 'Up' && host.resourceState === 'Enabled') return undefined
  return `a fresh reading shows the host ${host.state} and ${host.resourceState}: nothing was sent`
}

/** Why this host may not be reconnected; undefined: it may. Pure. @param cluster all hosts of its cluster, as just read */
export function notReconnectable(id: string, cluster: readonly HostFact[]): string | undefined {
  const others = cluster.filter((host) => host.id !== id && notSendable(host) === undefined)
  return others.length > 0 ? undefined : 'it is the last host of its cluster that is Up and Enabled'
}

/** @throws HostError HostNotUp where nothing may be sent, CloudStackRefused where it cannot be read */
export async function demandSendable(cloudstack: Pick<CloudStack, 'hostsNow'>, { id }: Target): Promise<void> {
  const why = notSendable((await readNow(cloudstack, { id })).find((host) => host.id === id))
  if (why !== undefined) throw new HostError('HostNotUp', why)
}

/** @returns no host where CloudStack does not know the id. @throws HostError CloudStackRefused */
export async function readNow(
  cloudstack: Pick<CloudStack, 'hostsNow'>,
  which: Parameters<CloudStack['hostsNow']>[0],
): Promise<readonly HostFact[]> {
  try {
    return await cloudstack.hostsNow(which)
  } catch (error) {
    if (error instanceof RequestRefused && error.code === 431) return []
    if (!(error instanceof CloudStackError)) throw error
    throw new HostError('CloudStackRefused', `its state could not be read, so nothing was sent: ${error.message}`)
  }
}
