/**
 * What the provisioner and the agent on a KVM host say to each other: one request, one reply, as JSON, over HTTPS or over the
 * standard input of the one-shot form. Requests hold data only; the agent builds every line itself (DESIGN 6). Parsed by
 * schema on both sides; what one side does not know, it passes over, so that versions may differ while hosts are upgraded.
 *
 * | the other side is                     | what happens                                                             |
 * |---------------------------------------|--------------------------------------------------------------------------|
 * | newer, with more in its messages      | the rest is understood                                                   |
 * | newer, with a reason nobody here knows | the reason is Unrecognised, its words stand                             |
 * | of another protocol version           | an agent refuses, naming its own; the run says AgentOutdated             |
 */
import '../../../english.ts'
import * as z from 'zod/mini'
import { reasonNames } from '../../../reconcile/reasons.ts'
import { isMark } from '../batch.ts'

/** Raised when an older agent could misunderstand a request; the agent serves this one alone. */
export const protocolVersion = 2

/** Where an agent listens, unless it is set otherwise; and the one path that it serves. */
export const agentPort = 4814
export const agentPath = '/v1'

/** 4,000 networks are about 1 MB. */
export const largestRequest = 8 * 1024 * 1024
export const largestReply = 8 * 1024 * 1024

const name = z.string().check(z.maxLength(255))
const uri = z.string().check(z.maxLength(1024))
const mostNetworks = 16_384

const few = <T extends z.ZodMiniType>(schema: T, most = mostNetworks) =>
  z.readonly(z.array(schema).check(z.maxLength(most)))

const desiredNetwork = z.object({
  physicalNetwork: name,
  label: z.nullable(name),
  uri,
  networks: few(z.object({ id: name, name: z.string().check(z.maxLength(1024)) })),
})
const guestLabel = z.object({
  physicalNetwork: name,
  label: z.nullable(name),
  vlans: z.exactOptional(z.string().check(z.maxLength(65_536))),
  isolation: z.exactOptional(name),
})

/** Who the host should be, and by which rules its devices are judged and made. */
export const rules = z.object({
  name,
  machine: name,
  group: z.int().check(z.refine(isMark, 'is no link group from 1 to 2147483647')),
  vxlan: z.enum(['native', 'script']),
})

export const desired = z.object({
  networks: few(desiredNetwork),
  labels: few(guestLabel),
})

/** On the host's own boot clock, in hundredths of a second, of the boot that was looked at: nothing is done after it. */
const until = z.object({ bootId: name, deadline: z.int().check(z.nonnegative()) })

const orphan = z.object({
  devices: few(name, 16),
  uri: z.exactOptional(uri),
  uplink: z.exactOptional(name),
  physicalNetworks: few(name),
})

const common = { v: z.literal(protocolVersion), rules }

const request = z.discriminatedUnion('do', [
  z.object({
    ...common,
    do: z.literal('look'),
    /** In mode apply the agent keeps what is desired, and restores and repairs it by itself. */
    mode: z.enum(['observe', 'apply']),
    desired,
    last: z.exactOptional(z.object({ seen: z.string().check(z.maxLength(1024)), devices: z.int() })),
  }),
  z.object({ ...common, do: z.literal('apply'), desired, until }),
  z.object({ ...common, do: z.literal('remove'), orphan, until }),
])
export type AgentRequest = z.infer<typeof request>

/** Of a newer agent there may be reasons that this release does not know. */
const reason = z.catch(z.enum(reasonNames), 'Unrecognised')
const finding = z.object({ physicalNetwork: name, uri, reason, detail: z.string() })
const change = z.object({
  physicalNetwork: name,
  uri,
  devices: z.readonly(z.array(name)),
  steps: z.readonly(z.array(z.string())),
})

/** What the agent did by itself: how often since it was installed, and the last time. */
export const repairs = z.object({
  times: z.int(),
  lastAt: z.exactOptional(z.number()),
  devices: z.readonly(z.array(name)),
})
export type Repairs = z.infer<typeof repairs>

const view = z.object({
  bootId: name,
  devices: z.int(),
  changes: z.readonly(z.array(change)),
  findings: z.readonly(z.array(finding)),
  orphans: z.exactOptional(z.readonly(z.array(orphan))),
  readiness: z.exactOptional(z.readonly(z.array(finding))),
  seen: z.exactOptional(z.string()),
  unchanged: z.exactOptional(z.literal(true)),
})

const who = { v: z.int(), version: z.string().check(z.maxLength(64)) }

/** In the order in which they are tried. What a look and an apply are answered with is the same: what is there then. */
const reply = z.union([
  z.object({ ...who, failed: z.object({ reason, detail: z.string() }) }),
  z.object({ ...who, view, uptime: z.exactOptional(z.int()), repairs }),
  z.object({ ...who, removal: z.union([z.object({ removed: z.literal(true) }), z.object({ kept: z.string() })]) }),
])
export type AgentReply = z.infer<typeof reply>

/** A request that is none: what is wrong, or which version it is of. */
export type Unusable = { readonly malformed: string } | { readonly version: number }

export function readRequest(text: string): AgentRequest | Unusable {
  const value = jsonOf(text)
  const versioned = z.object({ v: z.int() }).safeParse(value)
  if (versioned.success && versioned.data.v !== protocolVersion) return { version: versioned.data.v }
  const parsed = request.safeParse(value)
  return parsed.success ? parsed.data : { malformed: issueOf(parsed.error) }
}

/** @returns what is wrong, where it is no reply. */
export function readReply(text: string): AgentReply | { readonly malformed: string } {
  const parsed = reply.safeParse(jsonOf(text))
  return parsed.success ? parsed.data : { malformed: issueOf(parsed.error) }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function issueOf({ issues }: z.core.$ZodError): string {
  const [first] = issues
  return `${first?.path.join('.') || 'it'}: ${first?.message ?? 'is not understood'}`.slice(0, 200)
}
