/**
 * Runs a plan's actions on a host, at most three commands over one connection. In: a connection, actions, the mark. Out:
 * nothing: whatever a command answers, only the next look tells what is there.
 */
import type { Logger } from '../../runtime/logger.ts'
import { batchOf } from './batch.ts'
import { ipBatchCommand, sysctlCommand } from './commands.ts'
import type { Action } from './plan.ts'
import type { SshConnection } from './ssh.ts'

/** Exit 1 means that some lines failed, 255 that one ended its batch; both are logged, neither is thrown. @throws HostError */
export async function apply(
  connection: SshConnection,
  actions: readonly Action[],
  group: number,
  logger: Logger,
): Promise<void> {
  const batch = batchOf(actions, group)
  const phases = [
    { phase: 'create', command: ipBatchCommand, input: batch.create },
    { phase: 'ipv6Off', command: sysctlCommand, input: batch.ipv6Off },
    { phase: 'up', command: ipBatchCommand, input: batch.up },
  ]
  for (const { phase, command, input } of phases) {
    if (input === '') continue
    const { code, stderr } = await connection.exec(command, input)
    if (code !== 0) logger.warn('a batch did not run through', { phase, code, stderr: stderr.slice(0, 2000) })
  }
}
