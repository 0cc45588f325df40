/**
 * What the agent puts right by itself, between the provisioner's runs. In: what it keeps, the host. Out: devices made or
 * completed, as the last run that spoke to it desired them; nothing is ever removed.
 *
 * | what lacks                                              | when it is put right                                      |
 * |---------------------------------------------------------|-----------------------------------------------------------|
 * | anything, at boot                                       | at once, again and again while labels have no uplink yet  |
 * | part of a pair: a device down, alone, IPv6 on, a route  | at the next check: within seconds                         |
 * | both devices of a pair                                  | once they are gone for `goneMilliseconds`                 |
 * | what was desired in mode observe                        | never                                                     |
 * | what was desired `trustMilliseconds` ago or longer      | never: the provisioner may use another driver by now      |
 *
 * Whoever deletes a whole pair as a rule deletes the network: CloudStack does, on every host at once. The wait lets the news
 * come through the provisioner first; else each host would make again what nobody wants. A VM start does not wait for it.
 */
import { HostError, type LastLook } from '../../shared/hypervisors/driver.ts'
import { type KvmHost, kvmHost, type Look } from '../../shared/hypervisors/kvm/host.ts'
import type { AgentParts } from './answer.ts'
import type { Kept } from './kept.ts'

export interface RepairPolicy {
  readonly goneMilliseconds: number
  readonly trustMilliseconds: number
}

/** Of networks that lack something: those to put right now, and since when each of the others has been gone. */
export interface Decision {
  readonly now: ReadonlySet<string>
  readonly goneSince: ReadonlyMap<string, number>
}

/** Between two checks. */
export interface Memory {
  readonly last?: { readonly of: string; readonly look: LastLook }
  readonly goneSince: ReadonlyMap<string, number>
}

export const nothingYet: Memory = { goneSince: new Map() }

type Lacking = Look['view']['changes'][number]
const keyOf = ({ physicalNetwork, uri }: Pick<Lacking, 'physicalNetwork' | 'uri'>): string =>
  `${physicalNetwork} ${uri}`

/** @param names of all devices of the host. @param goneSince as of the check before */
export function decide(
  changes: readonly Lacking[],
  names: ReadonlySet<string>,
  goneSince: ReadonlyMap<string, number>,
  now: number,
  { goneMilliseconds }: Pick<RepairPolicy, 'goneMilliseconds'>,
): Decision {
  const at = new Set<string>()
  const gone = new Map<string, number>()
  for (const change of changes) {
    const key = keyOf(change)
    const since = goneSince.get(key) ?? now
    if (change.devices.some((device) => names.has(device)) || now - since >= goneMilliseconds) at.add(key)
    else gone.set(key, since)
  }
  return { now: at, goneSince: gone }
}

/** What is desired, if it is the agent's to bring about. */
async function trusted({ keep, now }: AgentParts, { trustMilliseconds }: RepairPolicy): Promise<Kept | undefined> {
  const kept = await keep.desired()
  const age = kept === undefined ? 0 : now() - kept.at
  return kept?.mode === 'apply' && age < trustMilliseconds ? kept : undefined
}

/** One check, and what it calls for. @throws HostError when the host cannot be read or is locked: the next one tells. */
export async function check(parts: AgentParts, policy: RepairPolicy, memory: Memory): Promise<Memory> {
  const kept = await trusted(parts, policy)
  if (kept === undefined) return nothingYet
  const { networks, labels } = kept.desired
  const host = kvmHost(parts.commands, kept.rules, parts.logger)
  const of = JSON.stringify([kept.rules, kept.desired])
  const last = memory.last?.of === of ? memory.last.look : undefined
  const { view, listed } = await host.look(networks, labels, last)
  if (listed === undefined || view.changes.length === 0) {
    const { seen, devices } = view
    return { ...(seen === undefined ? {} : { last: { of, look: { seen, devices } } }), goneSince: new Map() }
  }
  const { now, goneSince } = decide(view.changes, listed.names, memory.goneSince, parts.now(), policy)
  await putRight(parts, host, { labels, networks: networks.filter((network) => now.has(keyOf(network))) })
  return { goneSince }
}

async function putRight(parts: AgentParts, host: KvmHost, { networks, labels }: Kept['desired']): Promise<void> {
  if (networks.length === 0) return
  const { view, actions, listed } = await host.look(networks, labels)
  if (listed === undefined || actions.length === 0) return
  const after = await host.apply(actions, listed.uptime + applyWithin, networks, labels)
  const left = new Set(after.view.changes.map(keyOf))
  const devices = view.changes.filter((change) => !left.has(keyOf(change))).flatMap((change) => change.devices)
  if (devices.length === 0) return
  await parts.keep.repaired(devices, parts.now())
  parts.logger.info('repaired', { devices: devices.slice(0, 16), networks: view.changes.length })
}

/** In hundredths of a second, as of a boot clock. */
const applyWithin = 6_000

/** What may still come up while a machine boots, or be over in a moment. */
const passing: ReadonlySet<string> = new Set(['UplinkMissing', 'BridgeMissing', 'BridgeDown', 'OpenVswitchUnreadable'])

export interface Restored {
  /** Desired devices that are there, and networks that lack something all the same; absent where nothing is to be restored. */
  readonly devices?: number
  readonly lacking: readonly string[]
}

/**
 * Brings back at boot what was last desired. Never throws: a host must come up whatever is wrong with this.
 * @param patience milliseconds to wait for uplinks that come up late
 */
export async function restore(
  parts: AgentParts,
  policy: RepairPolicy,
  patience: number,
  sleep: (milliseconds: number) => Promise<unknown>,
): Promise<Restored> {
  const kept = await trusted(parts, policy)
  if (kept === undefined) return { lacking: [] }
  const host = kvmHost(parts.commands, kept.rules, parts.logger)
  for (const end = parts.now() + patience; ; ) {
    const found = await parts.inTurn(() => restoreOnce(parts, host, kept))
    if (!found.mayPass || parts.now() >= end) return found
    await sleep(1_000)
  }
}

async function restoreOnce(
  parts: AgentParts,
  host: KvmHost,
  kept: Kept,
): Promise<Restored & { readonly mayPass: boolean }> {
  const { networks, labels } = kept.desired
  try {
    await putRight(parts, host, kept.desired)
    const { view } = await host.look(networks, labels)
    const lacking = [...view.changes, ...view.findings].map(({ uri }) => uri)
    const mayPass = view.changes.length > 0 || view.findings.some(({ reason }) => passing.has(reason))
    return { devices: view.devices, lacking, mayPass }
  } catch (error) {
    parts.logger.warn('not restored yet', { why: String(error).slice(0, 300) })
    return { lacking: networks.map(({ uri }) => uri), mayPass: error instanceof HostError }
  }
}
