/**
 * A KVM host behind whatever runs the driver's fixed commands on it: an SSH connection, or the agent on the host itself. In:
 * commands, who the host should be, the mark. Out: a look compared by the pure plan, its actions applied, an orphan removed;
 * deadlines are on the host's own boot clock.
 */
import { createHash } from 'node:crypto'
import type { DesiredNetwork, GuestLabel } from '../../reconcile/model.ts'
import { type Logger, silent } from '../../runtime/logger.ts'
import { HostError, type LastLook, type Orphan, type Removal, type View } from '../driver.ts'
import { apply } from './apply.ts'
import { marker, notRootEnd, observeCommand } from './commands.ts'
import { digestOf } from './digest.ts'
import { factsOf, readListing, readUnchanged } from './observe.ts'
import { orphansOf } from './orphans.ts'
import { type Action, plan } from './plan.ts'
import { readiness } from './readiness.ts'
import { remove } from './removal.ts'
import type { SshConnection } from './ssh.ts'
import type { VxlanMode } from './wanted.ts'

/** What runs fixed commands on a host, with data on stdin. */
export type Commands = Pick<SshConnection, 'exec'>

export interface HostRules {
  /** CloudStack's name for the host, and what the machine should call itself. */
  readonly name: string
  readonly machine: string
  /** The link group that marks what is created here. */
  readonly group: number
  readonly vxlan: VxlanMode
}

export interface Look {
  readonly view: Omit<View, 'apply'>
  readonly actions: readonly Action[]
  /** The names of all its devices, and its boot clock in hundredths of a second; absent where it was not listed. */
  readonly listed?: { readonly names: ReadonlySet<string>; readonly uptime: number }
}

export interface KvmHost {
  /** @throws HostError NotRoot, WrongHost, HostMisread, and what the commands throw */
  look(desired: readonly DesiredNetwork[], labels: readonly GuestLabel[], last?: LastLook): Promise<Look>
  /**
   * Does the actions of a look, and looks again at the same desired networks and labels.
   * @param deadline on the host's boot clock, in hundredths of a second. @throws HostError, also as `look` does
   */
  apply(
    actions: readonly Action[],
    deadline: number,
    desired: readonly DesiredNetwork[],
    labels: readonly GuestLabel[],
  ): Promise<Look>
  /** @param deadline as of `apply`. @throws HostError */
  remove(orphan: Orphan, deadline: number): Promise<Removal>
}

export function kvmHost(commands: Commands, host: HostRules, logger: Logger = silent): KvmHost {
  const { name, machine, group, vxlan } = host
  const rules = rulesOf(machine, group, vxlan)

  const listed = (output: string, desired: readonly DesiredNetwork[], labels: readonly GuestLabel[]): Look => {
    const listing = readListing(output)
    const facts = factsOf(listing)
    checkName(facts.hostname, machine, name)
    const { actions, ...view } = plan(desired, facts, group, vxlan)
    const orphans = orphansOf(desired, labels, facts, group)
    const isRight = view.changes.length === 0 && view.findings.length === 0 && orphans.length === 0
    const digest = isRight ? digestOf(listing) : undefined
    const seen = digest === undefined ? {} : { seen: `${rules}.${digest}` }
    return {
      view: { ...view, ...seen, bootId: facts.bootId, orphans, readiness: readiness(labels, facts, vxlan) },
      actions,
      listed: { names: new Set(facts.links.map((link) => link.name)), uptime: facts.kernel.uptime },
    }
  }

  const look: KvmHost['look'] = async (desired, labels, last) => {
    const { stdout, stderr, code } = await commands.exec(
      observeCommand,
      `${knownDigest(last, rules)}\n`,
      marker('host'),
    )
    if (code === notRootEnd) throw new HostError('NotRoot', `The login is not root but ${stderr.trim().slice(0, 200)}.`)
    const same = readUnchanged(stdout)
    if (same === null || last === undefined) return listed(stdout, desired, labels)
    checkName(same.hostname, machine, name)
    return { view: unchangedView(same.bootId, last), actions: [] }
  }

  return {
    look,
    apply: async (actions, deadline, desired, labels) => {
      const output = await apply(commands, actions, group, deadline, logger)
      return output === undefined ? look(desired, labels) : listed(output, desired, labels)
    },
    remove: (orphan, deadline) => remove(commands, orphan, group, deadline),
  }
}

/** What else decides whether a host is right, beside the networks: what was seen under other rules proves nothing. */
const rulesOf = (...settings: readonly unknown[]): string =>
  createHash('sha256')
    .update(JSON.stringify([observeCommand, ...settings]))
    .digest('hex')
    .slice(0, 16)

/** The digest for the host to compare itself with; empty: it is to be listed. */
function knownDigest(last: LastLook | undefined, rules: string): string {
  const [, seenUnder, digest = ''] = /^([0-9a-f]{16})\.([0-9a-f]{64})$/.exec(last?.seen ?? '') ?? []
  return seenUnder === rules ? digest : ''
}

const unchangedView = (bootId: string, { seen, devices }: LastLook): Look['view'] => ({
  bootId,
  devices,
  changes: [],
  findings: [],
  seen,
  unchanged: true,
})

/**
 * A machine that calls itself something else than it should is not touched (DESIGN 6). First labels are compared, case apart.
 * @param machine what it should call itself: CloudStack's name for it, unless a setting says otherwise
 */
function checkName(hostname: string, machine: string, name: string): void {
  const first = (value: string): string | undefined => value.toLowerCase().split('.')[0]
  if (first(hostname) === first(machine)) return
  const wanted = machine === name ? `CloudStack calls it ${name}` : `${name} is set to be ${machine}`
  throw new HostError('WrongHost', `The machine calls itself ${hostname}, and ${wanted}.`)
}

/** What a machine should call itself: CloudStack's name for the host, unless a setting says otherwise. */
export const machineOf = (name: string, hostnames: Readonly<Record<string, string>>): string =>
  Object.hasOwn(hostnames, name) ? (hostnames[name] ?? name) : name

/** The host's boot clock, in hundredths of a second, as read at `seenBy` by our clock or a little before. */
export interface Clock {
  readonly uptime: number
  readonly seenBy: number
}

/** A moment of ours on the host's boot clock: never later than that moment, and earlier by at most what the look took. */
export const onHost = ({ uptime, seenBy }: Clock, moment: number): number =>
  Math.max(0, uptime + Math.floor((moment - seenBy) / 10))
