/**
 * What must be true in the end, when nothing has gone wrong for long enough. In: the world as it is. Out: sentences, one
 * for each host of which it is not.
 *
 * | a host                                        | its devices      | its record         | its status                 |
 * |-----------------------------------------------|------------------|--------------------|----------------------------|
 * | that CloudStack no longer has                 | –                | Removed, or none   | –                          |
 * | not Up                                        | –                | as CloudStack says | Unknown, HostNotUp         |
 * | Up, without a driver                          | –                | as CloudStack says | Unknown, NoDriver          |
 * | Up, reached by SSH                            | all of its zone  | done = wanted      | InSync                     |
 * | the same, with a tag that an operator took    | all but that     | done = wanted      | OutOfSync, Conflict        |
 * | Up, and no SSH                                | –                | –                  | Unknown                    |
 * | the same, Enabled, with a fall-back           | asked for since  | –                  | Unknown, RequestedUnverified; or HostUnreachable |
 * |                                               | the last edge    |                    | where its driver finished all that is wanted |
 * | Up and Enabled, reached by CloudStack only    | asked for them   | done = wanted      | Unknown, RequestedUnverified |
 * | the same, not Enabled                         | –                | –                  | not InSync                 |
 */
import { policyOf } from '../../../shared/flow/policy.ts'
import type { HostRecord } from '../../../shared/reconcile/record.ts'
import { statusOf } from '../../../shared/reconcile/status.ts'
import { parseConfiguration } from '../../../shared/runtime/configuration.ts'
import { readPointer } from '../../../shared/store/items.ts'
import { hasPair, type Machine } from '../machine.ts'
import { type Management, type Network, pairOf, persistent } from '../management.ts'
import { chained } from '../scenario.ts'
import { drivers, itemAddress } from '../system.ts'
import { type Known, recordOf } from './facts.ts'

/** @param only the part of this that needs no time: devices and counters of hosts that are reached by SSH */
export function ending(
  known: Known,
  settings: Readonly<Record<string, string>>,
  only: 'all' | 'edges',
): readonly string[] {
  return [...known.clouds.values()].flatMap((management) =>
    [...management.machines.values()].flatMap((machine) => {
      const { zone, id } = machine.fact
      const record = recordOf(known.items.get(itemAddress(`Z#${management.cloud}#${zone}`, `H#${id}`)))
      const wrong =
        only === 'edges' ? edgeOf(machine, record, management) : allOf(machine, record, management, known, settings)
      return wrong === undefined ? [] : [`host ${id} of cloud ${management.cloud}: ${wrong}`]
    }),
  )
}

const own = ({ fact }: Machine, management: Management): readonly Network[] =>
  persistent(management).filter(({ zone }) => zone === fact.zone)

const taken = ({ kernel }: Machine, management: Management, network: Network): boolean => {
  const { uplink, vlan, id } = pairOf(management, network)
  return kernel.links().some((link) => link.parent === uplink && link.vlanId === id && link.name !== vlan)
}

function edgeOf(machine: Machine, record: HostRecord | undefined, management: Management): string | undefined {
  const { fact, listed, away } = machine
  if (!listed || away > 0 || fact.state !== 'Up' || fact.hypervisor !== 'KVM') return undefined
  if (record === undefined) return 'it is Up and has no record'
  const lacking = own(machine, management).filter((network) => !hasPair(machine, pairOf(management, network)))
  const unexcused = lacking.filter((network) => !taken(machine, management, network)).map(({ id }) => id)
  if (unexcused.length > 0) return `it can be reached and lacks ${unexcused.join(', ')}: ${inShort(record)}`
  return record.done < record.wanted ? `an edge is not served: ${inShort(record)}` : undefined
}

function allOf(
  machine: Machine,
  record: HostRecord | undefined,
  management: Management,
  known: Known,
  settings: Readonly<Record<string, string>>,
): string | undefined {
  const { fact, listed, away } = machine
  if (!listed) return record === undefined || record.state === 'Removed' ? undefined : 'it is gone and not Removed'
  if (record === undefined) return 'it has no record'
  if (record.state !== fact.state || record.resourceState !== fact.resourceState)
    return `its record says ${record.state}`
  const { status, reason } = statusNow(record, management, known, settings)
  const shown = `${status} ${reason ?? ''}`.trim()
  const must = (...allowed: readonly string[]): string | undefined =>
    allowed.includes(shown) ? undefined : `it is shown ${shown}, not ${allowed.join(' or ')}: ${inShort(record)}`
  if (fact.state !== 'Up') return must('Unknown HostNotUp')
  if (fact.hypervisor === 'VMware') return must('Unknown NoDriver')
  if (fact.hypervisor === 'Simulator')
    return fact.resourceState === 'Enabled' ? requested(machine, record, management, must) : undefined
  if (away > 0) {
    if (status !== 'Unknown') return `nobody reaches it and it is shown ${shown}`
    return settings.BRIDGEKEEPER_DRIVERS === chained && fact.resourceState === 'Enabled'
      ? fellBack(machine, record, must)
      : undefined
  }
  const conflicts = own(machine, management).some((network) => taken(machine, management, network))
  return edgeOf(machine, record, management) ?? (conflicts ? must('OutOfSync Conflict') : must('InSync'))
}

/** Between two of its requests another one may be under way. */
function fellBack(
  machine: Machine,
  record: HostRecord,
  must: (...allowed: readonly string[]) => string | undefined,
): string | undefined {
  if (record.wanted <= record.done) return undefined
  const since = record.edgeAt ?? 0
  if ((machine.requestedAt ?? 0) < since - clocksDiffer) return `an edge of it was not requested: ${inShort(record)}`
  return must('Unknown RequestedUnverified', 'Unknown Updating')
}

const clocksDiffer = 10_000

function requested(
  machine: Machine,
  record: HostRecord,
  management: Management,
  must: (...allowed: readonly string[]) => string | undefined,
): string | undefined {
  if (record.done < record.wanted) return `an edge is not served: ${inShort(record)}`
  const lacking = own(machine, management).filter((network) => !hasPair(machine, pairOf(management, network)))
  if (lacking.length > 0 && machine.requestedAt === undefined) return 'CloudStack was never asked to send its networks'
  return must('Unknown RequestedUnverified')
}

function statusNow(
  record: HostRecord,
  management: Management,
  known: Known,
  settings: Readonly<Record<string, string>>,
) {
  const policy = policyOf(parseConfiguration({ BRIDGEKEEPER_DRIVERS: drivers, ...settings }))
  const pointer = readPointer(
    known.items.get(itemAddress(`Z#${management.cloud}#${record.zone}`, `D#${record.hypervisor}`)),
  )
  return statusOf(record, pointer?.revision, policy.driverOf(record.hypervisor), policy, known.scheduler.now())
}

const inShort = ({ wanted, tried, done, queued, queuedWhy, ran, runId, reason, failures }: HostRecord): string =>
  JSON.stringify({ wanted, tried, done, queued, queuedWhy, ran, runId, reason, failures })
