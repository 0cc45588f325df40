/**
 * One run on one host, whatever the hypervisor: look, apply, look again, verdict. In: a driver, the host, its desired
 * networks, the mode. Out: what was found and done; a HostError if the host could not be served.
 *
 * - look: what is there, compared with what is desired by the driver's pure plan; or that it is all as last time
 * - nothing to do, or mode observe: the first look is the outcome
 * - apply what is missing, in one batch
 * - look again: only what was seen counts; what is still missing is ApplyIncomplete, network by network
 * - what is done about orphans is the caller's to decide
 */
import type { Desired } from '../reconcile/model.ts'
import { reasons } from '../reconcile/reasons.ts'
import type { AgentSeen, OrphanOutcome, Request, Verdict } from '../reconcile/record.ts'
import type { Change, Driver, Finding, LastLook, Orphan, Session, Target, View } from './driver.ts'

export interface Run {
  readonly verdict: Verdict
  readonly bootId?: string
  /** Desired devices present and right at the end. */
  readonly devices: number
  /** Devices that were missing at the start and are right at the end. */
  readonly created: number
  /** What is not right at the end. */
  readonly findings: readonly Finding[]
  /** Of those, what an apply would do (mode observe). */
  readonly pending: readonly Change[]
  /** What would stand in the way of networks to come. */
  readonly readiness: readonly Finding[]
  readonly orphans: readonly OrphanOutcome[]
  /** As of a View. */
  readonly seen?: string
  readonly unchanged: boolean
  readonly agent?: AgentSeen
  /** What CloudStack was asked, by a driver that only asks. */
  readonly request?: Request
  /** What the agent made by itself the last time. */
  readonly repaired?: readonly string[]
}

/** What is done about what a look found orphaned, on the session that found it. */
export type Prune = (session: Session, orphans: readonly Orphan[]) => Promise<readonly OrphanOutcome[]>

export async function run(
  driver: Driver,
  target: Target,
  desired: Desired,
  mode: 'observe' | 'apply',
  signal: AbortSignal,
  prune: Prune = async () => [],
  last?: LastLook,
): Promise<Run> {
  const session = await driver.open(target, signal)
  try {
    const before = await session.look(desired.networks, desired.labels, last)
    signal.throwIfAborted()
    const isDone = before.changes.length === 0 || mode === 'observe'
    const after = isDone ? before : await before.apply()
    return outcome(driver, before, after, mode, await prune(session, after.orphans ?? []))
  } finally {
    await session.close()
  }
}

function outcome(
  driver: Driver,
  before: View,
  after: View,
  mode: 'observe' | 'apply',
  orphans: readonly OrphanOutcome[],
): Run {
  const findings = [...after.findings, ...(mode === 'apply' ? after.changes.map(incomplete) : [])]
  const inSync = findings.every(({ reason }) => reasons[reason].harmless) && after.changes.length === 0
  return {
    verdict: driver.verifies ? (inSync ? 'InSync' : 'OutOfSync') : 'Unknown',
    ...(after.bootId === undefined ? {} : { bootId: after.bootId }),
    devices: after.devices,
    created: Math.max(0, after.devices - before.devices),
    findings,
    pending: after.changes,
    readiness: after.readiness ?? [],
    orphans,
    ...(after.seen === undefined ? {} : { seen: after.seen }),
    unchanged: after.unchanged ?? false,
    ...(after.request === undefined ? {} : { request: after.request }),
    ...agentOf(after),
  }
}

function agentOf({ agent }: View): Pick<Run, 'agent' | 'repaired'> {
  if (agent === undefined) return {}
  const { times, lastAt, devices } = agent.repairs
  const at = lastAt === undefined ? {} : { repairedAt: lastAt }
  return { agent: { version: agent.version, repairs: times, ...at }, repaired: devices }
}

const incomplete = ({ physicalNetwork, uri, devices, steps }: Change): Finding => ({
  physicalNetwork,
  uri,
  reason: 'ApplyIncomplete',
  detail: `${devices.join(', ')}: still to do: ${steps.join(', ')}`,
})
