/**
 * The line to an agent that is not running: over SSH as a user who may do nothing else, the agent's executable answers one
 * request on its standard input (DESIGN 6). In: a connection. Out: an AgentLine, or a HostError that says what is missing.
 */
import { HostError } from '../../driver.ts'
import type { Answer, SshConnection } from '../ssh.ts'
import type { AgentLine } from './driver.ts'

/** Fixed, and what the forced command and the rule of sudo that the installer writes allow. */
export const oneShotCommand = 'sudo -n /usr/sbin/bridgekeeper-agent once'

export const oneShotLine = (connection: SshConnection, user: string): AgentLine => ({
  ask: async (body) => replyOf(await connection.exec(oneShotCommand, `${body}\n`), user),
  close: connection.close,
})

/** A login may print what it likes before the reply, which is one line. */
function replyOf({ stdout, stderr, code }: Answer, user: string): string {
  const reply = stdout.split('\n').findLast((line) => line.startsWith('{'))
  if (code === 0 && reply !== undefined) return reply
  const words = stderr.trim().slice(0, 200)
  if (/^sudo: .*bridgekeeper-agent: command not found/m.test(stderr))
    throw new HostError('AgentMissing', `There is no /usr/sbin/bridgekeeper-agent: ${words}`)
  if (/^sudo:|: sudo: (command )?not found/m.test(stderr))
    throw new HostError('SudoRefused', `${user} may not run the agent: ${words}`)
  if (code === 127) throw new HostError('AgentMissing', `The agent cannot be run: ${words}`)
  throw new HostError('HostMisread', `The agent ended with ${code ?? 'a signal'} and did not answer: ${words}`)
}
