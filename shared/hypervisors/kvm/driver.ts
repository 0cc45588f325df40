/**
 * The KVM driver over SSH (DESIGN 6, 17, 18): one connection a run; each look is one command, its output compared by the
 * pure plan, or by the host itself with a digest of how it was last seen; applying is one batch in three phases, removing one orphan one command. In: how to log in, and the mark. Out: a Driver.
 */

import { createHash } from 'node:crypto'
import { type Logger, silent } from '../../runtime/logger.ts'
import { type Driver, HostError, type LastLook, type Session, type Target, type View } from '../driver.ts'
import { apply } from './apply.ts'
import { isMark } from './batch.ts'
import { observeCommand } from './commands.ts'
import { digestOf } from './digest.ts'
import { defaultGroup } from './names.ts'
import { readObservation, readUnchanged } from './observe.ts'
import { orphansOf } from './orphans.ts'
import { plan } from './plan.ts'
import { readiness } from './readiness.ts'
import { remove } from './removal.ts'
import {
  checkPrivateKey,
  connect as connectOverSsh,
  defaultCommandTimeout,
  type SshConnection,
  type SshOptions,
} from './ssh.ts'
import type { VxlanMode } from './wanted.ts'

export interface KvmSshOptions extends SshOptions, KvmRules {
  /** The link group that marks every device created here, 1 to 2147483647; 4814 unless given (DESIGN 3). */
  readonly group?: number
  /** Told of batches that did not run through; silent unless given. */
  readonly logger?: Logger
}

/** @throws Error at once when an option cannot be used: the private key, the group, accept-new with nowhere to keep keys. */
export function createKvmSshDriver(options: KvmSshOptions): Driver {
  const { group = defaultGroup, hostKeys, hostKeyPolicy } = options
  checkPrivateKey(options)
  if (!isMark(group)) throw new Error(`the link group must be a whole number from 1 to 2147483647, not ${group}`)
  if (hostKeyPolicy === 'accept-new' && hostKeys.accept === undefined)
    throw new Error('accept-new needs a place to keep host keys')
  return kvmDriver((target, signal) => connectOverSsh(target, options, signal), options.group, options.logger, options)
}

export interface KvmRules {
  /** Milliseconds since the epoch; this machine's clock unless given. */
  readonly now?: () => number
  /** Milliseconds that a batch may take to begin its last phase; the connection's own limit as a rule. */
  readonly commandTimeout?: number
  /** Who makes VXLAN devices; we unless given. */
  readonly vxlan?: VxlanMode
  /** What machines call themselves, by CloudStack's name for the host, where the two differ. */
  readonly hostnames?: Readonly<Record<string, string>>
}

/** The same over whatever runs the driver's commands on a host. @param connect @throws HostError */
export function kvmDriver(
  connect: (target: Target, signal: AbortSignal) => Promise<SshConnection>,
  group: number = defaultGroup,
  logger: Logger = silent,
  rules: KvmRules = {},
): Driver {
  return {
    verifies: true,
    open: async (target, signal) => openSession(await connect(target, signal), target, group, logger, rules),
  }
}

function openSession(
  connection: SshConnection,
  target: Target,
  group: number,
  logger: Logger,
  { now = Date.now, commandTimeout = defaultCommandTimeout, vxlan = 'native', hostnames = {} }: KvmRules,
): Session {
  let clock: Clock | undefined
  const machine = Object.hasOwn(hostnames, target.name) ? (hostnames[target.name] ?? target.name) : target.name
  const rules = rulesOf(machine, group, vxlan)

  return {
    async look(desired, labels = [], last) {
      const { stdout } = await connection.exec(observeCommand, `${knownDigest(last, rules)}\n`)
      const seenBy = now()
      const same = readUnchanged(stdout)
      if (same !== null && last !== undefined) {
        checkName(same.hostname, machine, target.name)
        return unchangedView(same.bootId, last)
      }
      const facts = readObservation(stdout)
      checkName(facts.hostname, machine, target.name)
      const seen = { uptime: facts.kernel.uptime, seenBy }
      clock = seen
      const { actions, ...view } = plan(desired, facts, group, vxlan)
      const orphans = orphansOf(desired, labels, facts, group)
      const isRight = view.changes.length === 0 && view.findings.length === 0 && orphans.length === 0
      const digest = isRight ? digestOf(stdout) : undefined
      return {
        ...view,
        ...(digest === undefined ? {} : { seen: `${rules}.${digest}` }),
        bootId: facts.bootId,
        orphans,
        readiness: readiness(labels, facts, vxlan),
        apply: () => apply(connection, actions, group, onHost(seen, now() + commandTimeout), logger),
      }
    },
    remove: async (orphan, deadline) => {
      if (clock === undefined) throw new Error('an orphan is removed after a look only')
      return remove(connection, orphan, group, onHost(clock, deadline))
    },
    close: connection.close,
  }
}

/** The host's boot clock, in hundredths of a second, as read at `seenBy` by our clock or a little before. */
interface Clock {
  readonly uptime: number
  readonly seenBy: number
}

/** A moment of ours on the host's boot clock: never later than that moment, and earlier by at most what the look took. */
const onHost = ({ uptime, seenBy }: Clock, moment: number): number =>
  Math.max(0, uptime + Math.floor((moment - seenBy) / 10))

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

const unchangedView = (bootId: string, { seen, devices }: LastLook): View => ({
  bootId,
  devices,
  changes: [],
  findings: [],
  seen,
  unchanged: true,
  apply: async () => {},
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
