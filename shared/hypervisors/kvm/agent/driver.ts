/**
 * The KVM driver by the agent on the host (DESIGN 6, 17, 25): the same looks, plans and batches as over SSH, made there. In: a
 * way to ask the agent of a host, the rules. Out: a Driver. The agent looks again before it applies: it acts on what is there.
 */
import { type Driver, HostError, type LastLook, type Session, type Target, type View } from '../../driver.ts'
import { type Clock, machineOf, onHost } from '../host.ts'
import { defaultGroup } from '../names.ts'
import type { VxlanMode } from '../wanted.ts'
import { type AgentReply, type AgentRequest, protocolVersion, readReply } from './protocol.ts'

/** One session with the agent of one host. */
export interface AgentLine {
  /** @param body a request as JSON. @returns the reply's text, not parsed, not trusted. @throws HostError */
  ask(body: string): Promise<string>
  /** May be called again, and never throws. */
  close(): Promise<void>
}

export interface AgentRules {
  /** In mode apply the agent keeps what is desired, and restores it by itself. */
  readonly mode: 'observe' | 'apply'
  readonly group?: number
  readonly vxlan?: VxlanMode
  readonly hostnames?: Readonly<Record<string, string>>
  readonly now?: () => number
  /** Milliseconds from a decision to the last moment at which a phase of it may begin. */
  readonly applyWithin?: number
}

/** @param open @throws HostError */
export function agentDriver(
  open: (target: Target, signal: AbortSignal) => Promise<AgentLine>,
  rules: AgentRules,
): Driver {
  return { verifies: true, open: async (target, signal) => openSession(await open(target, signal), target, rules) }
}

type AgentDesired = Extract<AgentRequest, { readonly do: 'look' }>['desired']
type Asked = AgentRequest extends infer One ? (One extends AgentRequest ? Omit<One, 'v' | 'rules'> : never) : never

function openSession(line: AgentLine, { name }: Target, options: AgentRules): Session {
  const { mode, group = defaultGroup, vxlan = 'native', hostnames = {}, now = Date.now, applyWithin = 60_000 } = options
  const rules = { name, machine: machineOf(name, hostnames), group, vxlan }
  const ask = async (asked: Asked): Promise<AgentReply> =>
    understood(await line.ask(JSON.stringify({ v: protocolVersion, rules, ...asked })))
  let looked: (Clock & { readonly bootId: string }) | undefined

  const viewOf = (answer: AgentReply, desired: AgentDesired): View => {
    if (!('view' in answer)) throw misread('it did not say what it saw')
    const { view, uptime, version, repairs } = answer
    const seen = uptime === undefined ? undefined : { uptime, seenBy: now(), bootId: view.bootId }
    looked = seen ?? looked
    const shown: View = {
      ...view,
      agent: { version, repairs },
      apply: async () => {
        if (view.changes.length === 0) return shown
        if (seen === undefined) throw misread('it saw something to do and not when')
        const until = { bootId: seen.bootId, deadline: onHost(seen, now() + applyWithin) }
        return viewOf(await ask({ do: 'apply', desired, until }), desired)
      },
    }
    return shown
  }

  return {
    async look(networks, labels = [], last?: LastLook): Promise<View> {
      const desired = { networks, labels }
      return viewOf(await ask({ do: 'look', mode, desired, ...(last === undefined ? {} : { last }) }), desired)
    },
    async remove(orphan, deadline) {
      if (looked === undefined) throw new Error('an orphan is removed after a look only')
      const until = { bootId: looked.bootId, deadline: onHost(looked, deadline) }
      const answer = await ask({ do: 'remove', orphan, until })
      if (!('removal' in answer)) throw misread('it did not say what it removed')
      return answer.removal
    },
    close: () => line.close(),
  }
}

const misread = (problem: string): HostError => new HostError('HostMisread', `The agent's answer: ${problem}.`)

/** @throws HostError also the one that happened on the host. */
function understood(text: string): AgentReply {
  const answer = readReply(text)
  if ('malformed' in answer) throw misread(answer.malformed)
  if ('failed' in answer) throw new HostError(answer.failed.reason, answer.failed.detail.slice(0, 500))
  return answer
}
