/**
 * The KVM driver over SSH (DESIGN 6, 17, 18): one connection a run; each look is one command, its output compared by the
 * pure plan, or by the host itself with a digest of how it was last seen; applying is one batch in three phases, removing one orphan one command. In: how to log in, and the mark. Out: a Driver.
 */

import type { DesiredNetwork, GuestLabel } from '../../reconcile/model.ts'
import { type Logger, silent } from '../../runtime/logger.ts'
import type { Driver, Session, Target, View } from '../driver.ts'
import { agentDriver } from './agent/driver.ts'
import { oneShotLine } from './agent/oneShot.ts'
import { isMark } from './batch.ts'
import { type Clock, kvmHost, type Look, machineOf, onHost } from './host.ts'
import { defaultGroup } from './names.ts'
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
  /** Of what an agent in its one-shot form keeps; apply unless given. */
  readonly mode?: 'observe' | 'apply'
  /** Told of batches that did not run through; silent unless given. */
  readonly logger?: Logger
}

/**
 * Root runs the driver's own commands; anybody else may only hand data to the agent on the host (DESIGN 6).
 * @throws Error at once when an option cannot be used: the private key, the group, accept-new with nowhere to keep keys.
 */
export function createKvmSshDriver(options: KvmSshOptions): Driver {
  const { group = defaultGroup, hostKeys, hostKeyPolicy } = options
  checkPrivateKey(options)
  if (!isMark(group)) throw new Error(`the link group must be a whole number from 1 to 2147483647, not ${group}`)
  if (hostKeyPolicy === 'accept-new' && hostKeys.accept === undefined)
    throw new Error('accept-new needs a place to keep host keys')
  const connect = (target: Target, signal: AbortSignal): Promise<SshConnection> =>
    connectOverSsh(target, options, signal)
  if (options.user === 'root') return kvmDriver(connect, group, options.logger, options)
  const { mode = 'apply' } = options
  return agentDriver(async (target, signal) => oneShotLine(await connect(target, signal), options.user), {
    ...options,
    mode,
  })
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

/** What a look was for: networks, and labels of every guest physical network. */
type Looked = readonly [readonly DesiredNetwork[], readonly GuestLabel[]]

function openSession(
  connection: SshConnection,
  target: Target,
  group: number,
  logger: Logger,
  { now = Date.now, commandTimeout = defaultCommandTimeout, vxlan = 'native', hostnames = {} }: KvmRules,
): Session {
  let clock: Clock | undefined
  const machine = machineOf(target.name, hostnames)
  const host = kvmHost(connection, { name: target.name, machine, group, vxlan }, logger)

  const viewOf = ({ view, actions, listed }: Look, desired: Looked): View => {
    if (listed === undefined) {
      const unchanged: View = { ...view, apply: async () => unchanged }
      return unchanged
    }
    const seen = { uptime: listed.uptime, seenBy: now() }
    clock = seen
    return {
      ...view,
      apply: async () => viewOf(await host.apply(actions, onHost(seen, now() + commandTimeout), ...desired), desired),
    }
  }

  return {
    look: async (networks, labels = [], last) => viewOf(await host.look(networks, labels, last), [networks, labels]),
    remove: async (orphan, deadline) => {
      if (clock === undefined) throw new Error('an orphan is removed after a look only')
      return host.remove(orphan, onHost(clock, deadline))
    },
    close: connection.close,
  }
}
