/**
 * Runs a plan's actions on a host and looks again, as one command over one connection. In: a connection, actions, the mark, the
 * deadline. Out: what the host printed of itself afterwards: only that tells what is there, whatever the phases answered.
 */
import type { Logger } from '../../runtime/logger.ts'
import { HostError } from '../driver.ts'
import { batchOf, type Piece, piecesOf } from './batch.ts'
import { applyCommand, applyEnds, marker } from './commands.ts'
import type { Commands } from './host.ts'
import type { Action } from './plan.ts'

/**
 * Exit 1 of a phase means that some of its lines failed, 255 that one ended it; both are logged, neither is thrown.
 * @param deadline on the host's own boot clock, in hundredths of a second: no phase begins after it
 * @returns what observeCommand would print, or undefined where the command ended before it came to that
 * @throws HostError HostUnreachable where the batch did not arrive whole, HostBusy while another run is at work on the host, HostLockFailed where nobody can be, TimeOut at the deadline
 */
export async function apply(
  commands: Commands,
  actions: readonly Action[],
  group: number,
  deadline: number,
  logger: Logger,
): Promise<string | undefined> {
  if (actions.length === 0) return undefined
  const batch = piecesOf(actions)
    .map((piece) => pieceInput(piece, group))
    .join('')
  const answer = await commands.exec(applyCommand, `${deadline}\n${Buffer.byteLength(batch)}\n${batch}\n`)
  const stderr = answer.stderr.slice(0, 2000)
  const [reports = ''] = answer.stdout.split(marker('host'), 1)
  for (const [, phase, code] of reports.matchAll(/^(create|ipv6Off|up) (\d+)$/gm))
    logger.warn('a batch did not run through', { phase, code: Number(code), stderr })
  if (answer.code === 0) return answer.stdout
  const { code } = answer
  if (code === applyEnds.late)
    throw new HostError('TimeOut', 'The host came to this batch, or to a part of it, too late.')
  if (code === applyEnds.locked) throw new HostError('HostBusy', 'Another run is at work on this host.')
  if (code === applyEnds.vxlanLocked)
    throw new HostError('HostBusy', 'CloudStack is at work on its VXLAN devices (/var/run/cloud/vxlan.lock).')
  if (code === applyEnds.cut)
    throw new HostError('HostUnreachable', 'The batch did not reach the host whole, and nothing of it was done.')
  if (code === applyEnds.lockFile)
    throw new HostError('HostLockFailed', `The host cannot be locked: ${stderr.trim().slice(0, 200)}`)
  logger.warn('a batch did not run through', { phase: 'all', code, stderr })
  return undefined
}

function pieceInput({ kind, actions }: Piece, group: number): string {
  const { create, ipv6Off, up } = batchOf(actions, group)
  return [kind, create, ipv6Off, up].map((part) => `${part};`).join('')
}
