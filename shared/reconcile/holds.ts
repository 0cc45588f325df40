/**
 * Holds (DESIGN 13): what makes many hosts of a zone fail is not carried to the rest of them. Pure. In: the zone's hosts
 * with why each is due, the holds as they stand, the time. Out: the holds as they are now, and who may still be served.
 *
 * | of a hypervisor's hosts in the zone                                      | the cause is                       |
 * |--------------------------------------------------------------------------|------------------------------------|
 * | fewer than the count, or a smaller share of those ever tried, fail from it | not held                         |
 * | as many, not counting those it was last opened over                      | held, from now on                  |
 * | held, and nobody fails from it any more                                  | over                               |
 * | held, and a probe that was sent after it began came back without it      | open over those that still fail    |
 * | held, and its probe was put back by a pause, so it never ran             | held                               |
 * | held, and an operator released it                                        | open over those that failed then   |
 * | held, new revisions come and go                                          | held                               |
 * | open, and fewer fail than it was opened over                             | open over those                    |
 * | open, and nobody fails from it any more                                  | over                               |
 *
 * | a due host of that hypervisor, while a cause is held                     | is served?                         |
 * |--------------------------------------------------------------------------|------------------------------------|
 * | edge, verify                                                             | yes                                |
 * | revision                                                                 | no: a run would bring what is held |
 * | retry, each of whose exceptions belongs to a held cause                  | no                                 |
 * | retry, with another exception that may heal                              | yes                                |
 * | its turn as the probe: one each interval, now one that fails, now another | yes                               |
 * | a fall-back (fallback.ts), but for a revision where another cause is held than that nobody is reached | yes    |
 *
 * A cause is a reason with its hypervisor, and the physical network (whose label it is) or the network where it has one.
 * Reasons that a plan states before it touches anything and that stop nothing else (Conflict, Unsupported, NameTooLong)
 * make no hold: one bad network stalls nobody (DESIGN 12).
 */
import { type Reason, reasons } from './reasons.ts'
import { type Exception, exceptionLimit, type HostRecord } from './record.ts'
import type { Candidate } from './select.ts'

export interface Hold {
  /** `KVM/HostUnreachable`, `KVM/UplinkMissing/<physical network>`, `KVM/ApplyIncomplete/<physical network>/<URI>`. */
  readonly cause: string
  readonly state: 'held' | 'open'
  /** When it got into this state. */
  readonly since: number
  /** Hosts that failed from it, of those tried, when it got into this state. */
  readonly failing: number
  readonly tried: number
  /** While it is open: how many failing hosts are no news. */
  readonly tolerated: number
  /** Probes sent since it is held, when the last one was, to whom, by which tick. */
  readonly probes: number
  readonly probedAt?: number
  readonly probeHost?: string
  readonly probeTick?: number
  /** Who opened it. */
  readonly by?: string
}

export interface HoldPolicy {
  readonly holdHosts: number
  readonly holdPercent: number
  readonly probeMilliseconds: number
}

export interface Decided {
  /** Every cause that is held or open; those that were given and are missing are over. */
  readonly holds: readonly Hold[]
  /** The candidates without a reason where a hold keeps them. */
  readonly candidates: readonly Candidate[]
  /** Of the candidates, those let through as probes, with the causes that each is to probe. */
  readonly probes: ReadonlyMap<string, readonly string[]>
}

/** More than these say nothing new: one hold keeps every revision back. */
const holdLimit = 16

export function decideHolds(
  all: readonly Candidate[],
  before: readonly Hold[],
  policy: HoldPolicy,
  now: number,
): Decided {
  const counted = countedOf(all)
  const known = new Map(before.map((hold) => [hold.cause, hold]))
  const next = [...new Set([...known.keys(), ...counted.failing.keys()])]
    .flatMap((cause) => step(cause, known.get(cause), counted, policy, now) ?? [])
    .sort((one, other) => rank(one, known) - rank(other, known) || other.failing - one.failing)
  const holds = next.filter((hold, index) => known.has(hold.cause) || index < holdLimit)
  const held = new Set(holds.filter(({ state }) => state === 'held').map(({ cause }) => cause))
  const kept = all.filter((candidate) => isKept(candidate, held))
  const probes = chooseProbes(kept, holds, policy, now)
  const keptIds = new Set(kept.map(({ record }) => record.id).filter((id) => !probes.has(id)))
  return {
    holds,
    probes,
    candidates: all.map((each) => ({
      ...each,
      ...(keptIds.has(each.record.id) ? { why: undefined } : {}),
      ...(fallbackIsKept(each, held) ? { fallback: undefined } : {}),
    })),
  }
}

/** The hold with its probe on its way. */
export const probed = (hold: Hold, host: string, tick: number, now: number): Hold => ({
  ...hold,
  probes: hold.probes + 1,
  probedAt: now,
  probeHost: host,
  probeTick: tick,
})

/** Opens a hold over those that fail now: they are no news any more. */
export const opened = ({ cause, tried }: Hold, failing: number, now: number, by: string): Hold => ({
  cause,
  state: 'open',
  since: now,
  failing,
  tried,
  tolerated: failing,
  probes: 0,
  by,
})

/** Whether any of these hosts still fails from it: an empty zone holds nothing, whatever its items say. */
export const failsFrom = (cause: string, records: readonly HostRecord[]): boolean =>
  records.some((record) => causesOf(record).includes(cause))

interface Counted {
  /** How many hosts, by cause. */
  readonly failing: ReadonlyMap<string, number>
  readonly records: ReadonlyMap<string, HostRecord>
  /** By hypervisor. */
  readonly tried: ReadonlyMap<string, number>
}

/** Counted of hosts that can be served: one that is not Up fails from nothing that a rollout brings. */
function countedOf(all: readonly Candidate[]): Counted {
  const failing = new Map<string, number>()
  const tried = new Map<string, number>()
  for (const { record, eligible } of all) {
    if (!eligible || record.ran === undefined) continue
    tried.set(record.hypervisor, (tried.get(record.hypervisor) ?? 0) + 1)
    for (const cause of causesOf(record)) failing.set(cause, (failing.get(cause) ?? 0) + 1)
  }
  return { failing, tried, records: new Map(all.map(({ record }) => [record.id, record])) }
}

const scopes: Readonly<Partial<Record<Reason, 'host' | 'label' | 'network'>>> = {
  UplinkMissing: 'label',
  UplinkAmbiguous: 'label',
  UplinkUnusable: 'label',
  ApplyIncomplete: 'network',
  XapiFailed: 'network',
  VcenterFailed: 'network',
  HostUnreachable: 'host',
  HostKeyUnknown: 'host',
  HostKeyChanged: 'host',
  LoginRefused: 'host',
  LoginTimedOut: 'host',
  NotRoot: 'host',
  HostLockFailed: 'host',
  JumpHostUnreachable: 'host',
  JumpHostUntrusted: 'host',
  JumpHostRefused: 'host',
  XapiUnreachable: 'host',
  XapiUntrusted: 'host',
  XapiRefused: 'host',
  VcenterUnreachable: 'host',
  VcenterUntrusted: 'host',
  VcenterRefused: 'host',
  WrongHost: 'host',
  HostMisread: 'host',
  CloudStackRefused: 'host',
  TimeOut: 'host',
  Misconfigured: 'host',
  RunCrashed: 'host',
}

/** What the host's last run failed from; none after a run that went well. */
export function causesOf(record: HostRecord): readonly string[] {
  const failed = record.failures > 0 && record.reason !== undefined && scopes[record.reason] === 'host'
  const own = failed ? [`${record.hypervisor}/${record.reason}`] : []
  const ofNetworks = record.exceptions.slice(0, exceptionLimit).map((each) => causeOf(record.hypervisor, each))
  return [...new Set([...own, ...ofNetworks.filter((cause) => cause !== undefined)])]
}

function causeOf(hypervisor: string, { reason, physicalNetwork, uri }: Exception): string | undefined {
  const scope = scopes[reason]
  if (scope === undefined || scope === 'host') return undefined
  const place = scope === 'label' ? physicalNetwork : `${physicalNetwork}/${uri}`
  return `${hypervisor}/${reason}/${place}`
}

const hypervisorOf = (cause: string): string => cause.slice(0, cause.indexOf('/'))

/** A cause's next state; undefined: neither held nor open. */
function step(
  cause: string,
  hold: Hold | undefined,
  counted: Counted,
  policy: HoldPolicy,
  now: number,
): Hold | undefined {
  const failing = counted.failing.get(cause) ?? 0
  const tried = counted.tried.get(hypervisorOf(cause)) ?? 0
  if (failing === 0) return undefined
  if (hold?.state === 'held') {
    return probePassed(hold, counted) ? opened({ ...hold, tried }, failing, now, `probe ${hold.probeHost}`) : hold
  }
  const tolerated = Math.min(hold?.tolerated ?? 0, failing)
  const fresh = failing - tolerated
  if (fresh >= policy.holdHosts && fresh * 100 >= (tried - tolerated) * policy.holdPercent) {
    return { cause, state: 'held', since: now, failing, tried, tolerated, probes: 0 }
  }
  if (hold === undefined) return undefined
  return tolerated === hold.tolerated ? hold : { ...hold, tolerated }
}

function probePassed(hold: Hold, { records }: Counted): boolean {
  if (hold.probeHost === undefined || hold.probeTick === undefined) return false
  const record = records.get(hold.probeHost)
  if (record === undefined || record.ran === undefined || record.ran < hold.probeTick) return false
  const finished = record.failures === 0 && record.settled !== undefined && verifiedSince(record, hold.probedAt)
  return finished && !causesOf(record).includes(hold.cause)
}

/** A job that a pause put back counts as run, and leaves everything else as an older run found it. */
const verifiedSince = ({ verifiedAt }: HostRecord, probedAt: number | undefined): boolean =>
  verifiedAt !== undefined && probedAt !== undefined && verifiedAt >= probedAt

const rank = (hold: Hold, known: ReadonlyMap<string, Hold>): number => (known.has(hold.cause) ? 0 : 1)

function isKept({ record, why }: Candidate, held: ReadonlySet<string>): boolean {
  if (why === 'revision') return [...held].some((cause) => hypervisorOf(cause) === record.hypervisor)
  const healing = why === 'retry' ? record.exceptions.filter(mayHeal) : []
  return healing.length > 0 && healing.every((each) => isHeld(record, each, held))
}

/** What holds many hosts back because nobody reaches them is just what a fall-back is for. */
const fallbackIsKept = ({ record, fallback }: Candidate, held: ReadonlySet<string>): boolean =>
  fallback === 'revision' &&
  [...held].some((cause) => hypervisorOf(cause) === record.hypervisor && !isUnreached(cause.split('/')[1]))

const isUnreached = (name: string | undefined): boolean =>
  Object.entries(reasons).some(([reason, entry]) => reason === name && 'unreached' in entry)

const mayHeal = ({ reason }: Exception): boolean => reasons[reason].retry

const isHeld = ({ hypervisor }: HostRecord, exception: Exception, held: ReadonlySet<string>): boolean => {
  const cause = causeOf(hypervisor, exception)
  return cause !== undefined && held.has(cause)
}

function chooseProbes(
  kept: readonly Candidate[],
  holds: readonly Hold[],
  policy: HoldPolicy,
  now: number,
): ReadonlyMap<string, readonly string[]> {
  const probes = new Map<string, readonly string[]>()
  for (const hold of holds) {
    if (hold.state !== 'held' || now - (hold.probedAt ?? hold.since) < policy.probeMilliseconds) continue
    const host = probeFor(hold, kept)
    if (host !== undefined) probes.set(host.id, [...(probes.get(host.id) ?? []), hold.cause])
  }
  return probes
}

/**
 * Failing hosts put nobody new at risk, but may have faults of their own; the others tell soonest that all is well. So
 * they take turns, those first that ran longest ago.
 */
function probeFor(hold: Hold, kept: readonly Candidate[]): HostRecord | undefined {
  const wantsFailing = hold.probes % 2 === 0
  const preferred = (record: HostRecord): number => (causesOf(record).includes(hold.cause) === wantsFailing ? 0 : 1)
  return kept
    .map(({ record }) => record)
    .filter((record) => record.hypervisor === hypervisorOf(hold.cause))
    .sort((a, b) => preferred(a) - preferred(b) || (a.ran ?? 0) - (b.ran ?? 0) || (a.id < b.id ? -1 : 1))[0]
}
