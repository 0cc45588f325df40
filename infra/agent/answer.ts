/**
 * One request to the agent, answered on its host. In: the request's text, and the host's commands. Out: a reply; whatever goes
 * wrong is a reply too. What is desired is kept once the host was looked at: by then it is the host that was meant.
 */
import { HostError } from '../../shared/hypervisors/driver.ts'
import {
  type AgentReply,
  type AgentRequest,
  protocolVersion,
  readRequest,
} from '../../shared/hypervisors/kvm/agent/protocol.ts'
import { type Commands, kvmHost, type Look } from '../../shared/hypervisors/kvm/host.ts'
import type { Reason } from '../../shared/reconcile/reasons.ts'
import type { Logger } from '../../shared/runtime/logger.ts'
import type { Keep } from './kept.ts'

export interface AgentParts {
  readonly commands: Commands
  readonly keep: Keep
  /** The agent's own release. */
  readonly version: string
  readonly logger: Logger
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** One after the other: looks, batches and repairs of one agent never meet. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
}

/** Never throws. */
export async function answer(parts: AgentParts, text: string): Promise<AgentReply> {
  const asked = readRequest(text)
  if ('malformed' in asked)
    return failed(parts, 'HostMisread', `The agent does not understand its request: ${asked.malformed}.`)
  if ('version' in asked)
    return failed(
      parts,
      'AgentOutdated',
      `The agent ${parts.version} speaks protocol ${protocolVersion}, not ${asked.version}.`,
    )
  try {
    return await parts.inTurn(() => doIt(parts, asked))
  } catch (error) {
    if (error instanceof HostError) return failed(parts, error.reason, error.message)
    parts.logger.error('a request failed', { do: asked.do, error: String(error) })
    return failed(parts, 'HostMisread', `The agent failed: ${String(error).slice(0, 300)}`)
  }
}

async function doIt(parts: AgentParts, asked: AgentRequest): Promise<AgentReply> {
  const { commands, keep, logger, version } = parts
  const host = kvmHost(commands, asked.rules, logger)
  const who = { v: protocolVersion, version }
  const seen = async ({ view, listed }: Look): Promise<AgentReply> => {
    const { bootId = '', ...rest } = view
    const uptime = listed === undefined ? {} : { uptime: listed.uptime }
    return { ...who, view: { ...rest, bootId }, ...uptime, repairs: await keep.repairs() }
  }
  switch (asked.do) {
    case 'look': {
      const { desired, mode, last, rules } = asked
      const looked = await host.look(desired.networks, desired.labels, last)
      await keep.keep({ at: parts.now(), mode, rules, desired })
      return seen(looked)
    }
    case 'apply': {
      const { desired, until } = asked
      const { actions } = await sameBoot(until, host.look(desired.networks, desired.labels))
      return seen(await host.apply(actions, until.deadline, desired.networks, desired.labels))
    }
    case 'remove': {
      const { orphan, until } = asked
      await sameBoot(until, host.look([], []))
      return { ...who, removal: await host.remove(orphan, until.deadline) }
    }
  }
}

/** A deadline is of one boot: a later one would read it as far away. */
async function sameBoot<T extends { readonly view: { readonly bootId?: string } }>(
  { bootId }: { readonly bootId: string },
  looking: Promise<T>,
): Promise<T> {
  const looked = await looking
  if (looked.view.bootId === bootId) return looked
  throw new HostError('HostUnreachable', 'The host was rebooted since it was looked at.')
}

/** For whoever asks in a way that is no request at all, too. */
export const failed = ({ version }: Pick<AgentParts, 'version'>, reason: Reason, detail: string): AgentReply => ({
  v: protocolVersion,
  version,
  failed: { reason, detail },
})
