/**
 * Does what the plan found missing. In: the plan, the session, the datacenter's lease. Out: what vCenter refused, group by group;
 * whether it was all done is for the next look to say.
 *
 * - the custom fields are defined first
 * - the host's own groups: one call a group, eight at a time; a group that is there already is as good as one that was added
 * - the datacenter's: under its lease, planned anew from a reading that is later than any change of ours; private VLANs first, then
 *   many groups in one call; where such a call is refused, one by one
 * - what was added here, and was nowhere in the datacenter before, is marked
 */
import { setTimeout as delay } from 'node:timers/promises'
import pLimit from 'p-limit'
import { HostError, type SharedLease } from '../driver.ts'
import type { DatacenterFacts, VimHost, VimSwitch } from './facts.ts'
import { defineFields, type FieldKeys, type Made, madeFor, markMade } from './marks.ts'
import type { Group } from './names.ts'
import type { HostAction, Plan, SharedAction } from './plan.ts'
import { VimFault } from './soap.ts'
import { changedGroupSpec, hostGroupSpec, learnsMac, newGroupSpec, privateVlanSpec } from './specifications.ts'
import type { Reading, Vcenter } from './vcenter.ts'
import { value } from './xml.ts'

export interface Applying {
  readonly vcenter: Vcenter
  readonly host: VimHost
  readonly facts: DatacenterFacts
  /** The plan again, from a reading that was begun at that moment or later. */
  readonly planned: (since: number) => Promise<{ readonly plan: Plan; readonly reading: Reading }>
  readonly lease: SharedLease
  readonly mark: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly signal: AbortSignal
}

/** What vCenter refused, by the group's name. */
export type Refusals = ReadonlyMap<string, VimFault>

export interface Applied {
  readonly refusals: Refusals
  /** From when on a reading shows all that was done. */
  readonly since: number
}

/** In one call: what a vCenter creates in a few seconds. */
const mostGroups = 50
/** vCenter learns of a host's group a moment later. */
const patience = { tries: 8, wait: 1_000 }

const isThere = (error: unknown): boolean =>
  error instanceof VimFault && ['DuplicateName', 'AlreadyExists'].includes(error.type)

export function throwIfEnded(signal: AbortSignal): void {
  if (signal.aborted) throw new HostError('TimeOut', 'The run ended before everything was done.')
}

export async function apply(found: Plan, applying: Applying): Promise<Applied> {
  const { vcenter, signal } = applying
  throwIfEnded(signal)
  const refusals = new Map<string, VimFault>()
  const asked = vcenter.now()
  const own = found.steps.flatMap(({ here, uri }) => here.map((action) => ({ action, uri })))
  const since = own.length === 0 ? asked : await applyToHost(own, applying, refusals)
  if (found.steps.every(({ shared }) => shared.length === 0)) return { refusals, since }
  const ofDatacenter = await applying.lease(`vcenter-${vcenter.place}`, signal, (until) =>
    applyToDatacenter(Math.max(asked, vcenter.changedAt()), until, applying, refusals),
  )
  return { refusals, since: Math.max(since, ofDatacenter) }
}

interface Own {
  readonly action: HostAction
  readonly uri: string
}

/** @returns from when on a reading of the datacenter shows it */
async function applyToHost(own: readonly Own[], applying: Applying, refusals: Map<string, VimFault>): Promise<number> {
  const { vcenter, host, facts, signal } = applying
  const isNew = ({ action }: Own): boolean => !facts.networks.some(({ name }) => name === action.group.name)
  const keys = own.some(isNew) ? await defineFields(vcenter, facts.fields, 'standard', signal) : new Map()
  const limit = pLimit(8)
  const added: { readonly group: Group; readonly uri: string }[] = []
  const one = async (work: Own): Promise<void> => {
    const { action, uri } = work
    const { group } = action
    const spec = hostGroupSpec(group)
    try {
      if (action.do === 'updateHostGroup') {
        await vcenter.change('UpdatePortGroup', host.networkSystem, [value('pgName', group.name), spec], signal)
        return
      }
      await vcenter.change('AddPortGroup', host.networkSystem, [spec], signal)
      if (isNew(work)) added.push({ group, uri })
    } catch (error) {
      if (!(error instanceof VimFault)) throw error
      if (!isThere(error)) refusals.set(group.name, error)
    }
  }
  const ends = await Promise.allSettled(own.map((work) => limit(() => one(work))))
  const marked =
    added.length === 0
      ? undefined
      : await applying.lease(`vcenter-${vcenter.place}`, signal, () => markAdded(added, keys, applying))
  // Also where one failed for good: what was added is marked before that is told.
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return marked ?? vcenter.now()
}

/** Under the datacenter's lease, since hosts that added the same group share what is marked. @returns when that was read */
async function markAdded(
  added: readonly { readonly group: Group; readonly uri: string }[],
  keys: FieldKeys,
  { vcenter, mark, signal }: Applying,
): Promise<number> {
  for (let tried = 1; ; tried++) {
    const { facts, begunAt } = await vcenter.read(vcenter.changedAt(), signal)
    const made = added.flatMap(({ group: { name, isTagged }, uri }): readonly Made[] =>
      facts.networks.filter((network) => network.name === name).map((network) => ({ network, uri, isTagged })),
    )
    if (made.length < added.length && tried < patience.tries) {
      await delay(patience.wait, undefined, { signal }).catch(() => throwIfEnded(signal))
      continue
    }
    // Of a run on another host that added the same at the same moment.
    const unmarked = made.filter(({ network }) => madeFor(network, mark) === undefined)
    await markMade(vcenter, keys, unmarked, mark, signal)
    return begunAt
  }
}

/** @returns from when on a reading shows it */
async function applyToDatacenter(
  since: number,
  until: number,
  applying: Applying,
  refusals: Map<string, VimFault>,
): Promise<number> {
  const { vcenter, now, signal, mark, planned } = applying
  const { plan, reading } = await planned(since)
  const todo = plan.steps.flatMap(({ shared, uri }) => shared.map((action) => ({ action, uri })))
  if (todo.length === 0) return reading.begunAt
  const { facts } = reading
  const keys = await defineFields(vcenter, facts.fields, 'distributed', signal)
  const inTime = (): void => {
    throwIfEnded(signal)
    if (now() >= until) throw new HostError('TimeOut', `The lease of ${vcenter.place} was over before all was done.`)
  }
  const refused = async (names: readonly string[], work: () => Promise<void>): Promise<boolean> => {
    inTime()
    try {
      await work()
      return false
    } catch (error) {
      if (!(error instanceof VimFault)) throw error
      if (!isThere(error)) for (const name of names) refusals.set(name, error)
      return true
    }
  }
  await addPrivateVlans(todo, applying, refused)
  const added = await addGroups(todo, applying, refused, refusals)
  for (const { action } of todo) {
    if (action.do !== 'reconfigureGroup') continue
    const { group, network, configVersion } = action
    const spec = changedGroupSpec(group, configVersion)
    await refused([group.name], () => vcenter.task('ReconfigureDVPortgroup_Task', network, [spec], signal))
  }
  const after = await vcenter.read(vcenter.changedAt(), signal)
  const made = added.flatMap(({ group, on, uri }): readonly Made[] =>
    after.facts.networks
      .filter((network) => network.name === group.name && network.group?.on === on.ref.id)
      .map((network) => ({ network, uri, isTagged: group.isTagged })),
  )
  await markMade(vcenter, keys, made, mark, signal)
  return after.begunAt
}

interface Todo {
  readonly action: SharedAction
  readonly uri: string
}

type Refused = (names: readonly string[], work: () => Promise<void>) => Promise<boolean>

/** One call a switch with all its pairs, each once; the switch's version is read just before. */
async function addPrivateVlans(todo: readonly Todo[], { vcenter, signal }: Applying, refused: Refused): Promise<void> {
  const pairs = todo.flatMap(({ action }) => (action.do === 'addPrivateVlan' ? [action] : []))
  for (const [id, ofSwitch] of Map.groupBy(pairs, ({ on }) => on.ref.id)) {
    const entries = new Map(ofSwitch.flatMap((one) => one.entries).map((entry) => [entry.secondary, entry]))
    const on = ofSwitch.find((one) => one.on.ref.id === id)?.on
    if (on === undefined) continue
    // A group whose pair is refused is refused itself, and told by its own name.
    await refused([], async () => {
      const { configVersion } = await vcenter.privateVlans(on.ref, signal)
      await vcenter.task('ReconfigureDvs_Task', on.ref, [privateVlanSpec(configVersion, [...entries.values()])], signal)
    })
  }
}

interface Added {
  readonly group: Group
  readonly on: VimSwitch
  readonly uri: string
}

/** @returns those that were added here, and not by somebody else at the same moment */
async function addGroups(
  todo: readonly Todo[],
  { vcenter, signal }: Applying,
  refused: Refused,
  refusals: Map<string, VimFault>,
): Promise<readonly Added[]> {
  const wanted = todo.flatMap(({ action, uri }): readonly Added[] =>
    action.do === 'addGroup' ? [{ group: action.group, on: action.on, uri }] : [],
  )
  const added: Added[] = []
  const add = async (some: readonly Added[], on: VimSwitch): Promise<boolean> => {
    const specs = some.map(({ group }) => newGroupSpec(group, learnsMac(vcenter.apiVersion, on.version)))
    const names = some.map(({ group }) => group.name)
    const isRefused = await refused(names, () => vcenter.task('AddDVPortgroup_Task', on.ref, specs, signal))
    if (!isRefused) {
      added.push(...some)
      for (const name of names) refusals.delete(name)
    }
    return !isRefused
  }
  for (const ofSwitch of Map.groupBy(wanted, ({ on }) => on.ref.id).values()) {
    const [first] = ofSwitch
    if (first === undefined) continue
    for (let at = 0; at < ofSwitch.length; at += mostGroups) {
      const some = ofSwitch.slice(at, at + mostGroups)
      if ((await add(some, first.on)) || some.length === 1) continue
      for (const { group } of some) refusals.delete(group.name)
      for (const one of some) await add([one], first.on)
    }
  }
  return added
}
