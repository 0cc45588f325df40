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
import * as z from 'zod'
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

const name = z.string().max(255)
const uri = z.string().max(1024)
const mostNetworks = 16_384

const desiredNetwork = z.object({
  physicalNetwork: name,
  label: name.nullable(),
  uri,
  networks: z
    .array(z.object({ id: name, name: z.string().max(1024) }))
    .max(mostNetworks)
    .readonly(),
})
const guestLabel = z.object({
  physicalNetwork: name,
  label: name.nullable(),
  vlans: z.exactOptional(z.string().max(65_536)),
  isolation: z.exactOptional(name),
})

/** Who the host should be, and by which rules its devices are judged and made. */
export const rules = z.object({
  name,
  machine: name,
  group: z.int().refine(isMark, 'is no link group from 1 to 2147483647'),
  vxlan: z.enum(['native', 'script']),
})

export const desired = z.object({
  networks: z.array(desiredNetwork).max(mostNetworks).readonly(),
  labels: z.array(guestLabel).max(mostNetworks).readonly(),
})

/** On the host's own boot clock, in hundredths of a second, of the boot that was looked at: nothing is done after it. */
const until = z.object({ bootId: name, deadline: z.int().nonnegative() })

const orphan = z.object({
  devices: z.array(name).max(16).readonly(),
  uri: z.exactOptional(uri),
  uplink: z.exactOptional(name),
  physicalNetworks: z.array(name).max(mostNetworks).readonly(),
})

const common = { v: z.literal(protocolVersion), rules }

const request = z.discriminatedUnion('do', [
  z.object({
    ...common,
    do: z.literal('look'),
    /** In mode apply the agent keeps what is desired, and restores and repairs it by itself. */
    mode: z.enum(['observe', 'apply']),
    desired,
    last: z.exactOptional(z.object({ seen: z.string().max(1024), devices: z.int() })),
  }),
  z.object({ ...common, do: z.literal('apply'), desired, until }),
  z.object({ ...common, do: z.literal('remove'), orphan, until }),
])
export type AgentRequest = z.infer<typeof request>

/** Of a newer agent there may be reasons that this release does not know. */
const reason = z.enum(reasonNames).catch('Unrecognised')
const finding = z.object({ physicalNetwork: name, uri, reason, detail: z.string() })
const change = z.object({
  physicalNetwork: name,
  uri,
  devices: z.array(name).readonly(),
  steps: z.array(z.string()).readonly(),
})

/** What the agent did by itself: how often since it was installed, and the last time. */
export const repairs = z.object({
  times: z.int(),
  lastAt: z.exactOptional(z.number()),
  devices: z.array(name).readonly(),
})
export type Repairs = z.infer<typeof repairs>

const view = z.object({
  bootId: name,
  devices: z.int(),
  changes: z.array(change).readonly(),
  findings: z.array(finding).readonly(),
  orphans: z.exactOptional(z.array(orphan).readonly()),
  readiness: z.exactOptional(z.array(finding).readonly()),
  seen: z.exactOptional(z.string()),
  unchanged: z.exactOptional(z.literal(true)),
})

const who = { v: z.int(), version: z.string().max(64) }

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

function issueOf({ issues }: z.ZodError): string {
  const [first] = issues
  return `${first?.path.join('.') || 'it'}: ${first?.message ?? 'is not understood'}`.slice(0, 200)
}
