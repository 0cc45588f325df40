/**
 * Waiting for a backfill: reads the records again and again until every host has finished, the time is up, or the
 * operator has seen enough. In: the hosts chosen, ports. Out: each host with how far it came, and why waiting ended.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Backfilled } from '../../shared/flow/backfill.ts'
import { parallel } from '../../shared/flow/parallel.ts'
import { asDeployed, type Policy } from '../../shared/flow/policy.ts'
import type { Ports } from '../../shared/runtime/ports.ts'
import { type Control, hostKey, readHost } from '../../shared/store/items.ts'
import { finished, type HostProgress, hostProgress } from './hostProgress.ts'

export interface Followed extends HostProgress {
  readonly host: Backfilled
}

export interface Following {
  readonly hosts: readonly Followed[]
  readonly ended: 'all finished' | 'time is up' | 'interrupted'
}

/** Between two readings: a second, or longer for so many hosts that reading them all each second would cost too much. */
const betweenReadings = (pending: number): number => Math.min(30_000, Math.max(1000, pending * 10))

export async function follow(
  ports: Ports,
  policy: Policy,
  control: Control | undefined,
  chosen: readonly Backfilled[],
  timeoutMilliseconds: number,
  interruption: AbortSignal,
  show: (hosts: readonly Followed[]) => void,
): Promise<Following> {
  const until = ports.now() + timeoutMilliseconds
  const deployed = asDeployed(policy, control)
  let hosts: readonly Followed[] = chosen.map((host) => ({ host, state: 'Waiting' }))
  for (;;) {
    hosts = await parallel(hosts, (one) => (isFinal(one) ? Promise.resolve(one) : read(ports, deployed, one.host)))
    show(hosts)
    if (hosts.every(finished)) return { hosts, ended: 'all finished' }
    if (interruption.aborted) return { hosts, ended: 'interrupted' }
    const left = until - ports.now()
    if (left <= 0) return { hosts, ended: 'time is up' }
    const pending = hosts.filter((one) => !isFinal(one)).length
    await pause(Math.min(left, betweenReadings(pending)), interruption)
  }
}

/** What a run finished stays; a failure is tried again, and a host that is not served may be. */
const isFinal = ({ state }: Followed): boolean => state === 'Done' || state === 'OutOfSync'

async function read({ store }: Ports, policy: Policy, host: Backfilled): Promise<Followed> {
  const record = readHost(await store.get(hostKey(policy.cloud, host.zone, host.host)))
  const driver = record === undefined ? undefined : policy.driverOf(record.hypervisor)
  return { host, ...hostProgress(record, host.wanted, driver) }
}

/** An interruption ends the pause early and is no error. */
const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  delay(milliseconds, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
