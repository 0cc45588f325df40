/**
 * The KVM driver over SSH (DESIGN 6, 17, 18): one connection a run; each look is one command, its output compared by the
 * pure plan; applying is one batch in three phases. In: how to log in, and the mark. Out: a Driver.
 */
import { type Logger, silent } from '../../runtime/logger.ts'
import { type Driver, HostError, type Target } from '../driver.ts'
import { apply } from './apply.ts'
import { isMark } from './batch.ts'
import { observeCommand } from './commands.ts'
import { readObservation } from './observe.ts'
import { plan } from './plan.ts'
import { checkPrivateKey, connect as connectOverSsh, type SshConnection, type SshOptions } from './ssh.ts'

export interface KvmSshOptions extends SshOptions {
  /** The link group that marks every device created here, 1 to 2147483647; 4814 unless given (DESIGN 3). */
  readonly group?: number
  /** Told of batches that did not run through; silent unless given. */
  readonly logger?: Logger
}

export const defaultGroup = 4814

/** @throws Error at once when an option cannot be used: the private key, the group, accept-new with nowhere to keep keys. */
export function createKvmSshDriver(options: KvmSshOptions): Driver {
  const { group = defaultGroup, logger = silent, hostKeys, hostKeyPolicy } = options
  checkPrivateKey(options)
  if (!isMark(group)) throw new Error(`the link group must be a whole number from 1 to 2147483647, not ${group}`)
  if (hostKeyPolicy === 'accept-new' && hostKeys.accept === undefined)
    throw new Error('accept-new needs a place to keep host keys')
  return kvmDriver((target, signal) => connectOverSsh(target, options, signal), group, logger)
}

/** The same over whatever runs the driver's commands on a host. @param connect @throws HostError */
export function kvmDriver(
  connect: (target: Target, signal: AbortSignal) => Promise<SshConnection>,
  group: number,
  logger: Logger,
): Driver {
  return {
    verifies: true,
    async open(target, signal) {
      const connection = await connect(target, signal)
      return {
        async look(desired) {
          const { stdout } = await connection.exec(observeCommand)
          const facts = readObservation(stdout)
          checkName(facts.hostname, target.name)
          const { actions, ...view } = plan(desired, facts)
          return { ...view, bootId: facts.bootId, apply: () => apply(connection, actions, group, logger) }
        },
        close: connection.close,
      }
    },
  }
}

/** A machine that calls itself something else than CloudStack does is not touched (DESIGN 6). */
function checkName(hostname: string, name: string): void {
  const first = (value: string): string | undefined => value.toLowerCase().split('.')[0]
  if (first(hostname) === first(name)) return
  throw new HostError('WrongHost', `The machine calls itself ${hostname}, and CloudStack calls it ${name}.`)
}
