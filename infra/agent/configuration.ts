/**
 * The agent's own configuration, one JSON file on its host. In: the file's text. Out: settings with their defaults, or an
 * error that names the key, its value and the fix. No secret stands in it: certificate and key are files of CloudStack's agent.
 */
import '../../shared/english.ts'
import { readFile } from 'node:fs/promises'
import * as z from 'zod'
import { agentPort } from '../../shared/hypervisors/kvm/agent/protocol.ts'

export const configurationFile = '/etc/bridgekeeper/agent.json'

const file = z.string().min(1).max(4096)
const whole = (from: number, to: number) => z.int().min(from).max(to)

const configuration = z.strictObject({
  /**
   * Whose certificates may speak to the agent: common names, or `sha256:` and the hexadecimal digest of a public key. CloudStack
   * signs whatever name a host asks for (FACTS H), so only a key cannot be had by somebody who is root on another host.
   */
  admit: z.array(z.string().min(1).max(255)).max(16).default([]),
  listen: z.string().min(1).max(255).default('::'),
  port: whole(1, 65_535).default(agentPort),
  /** As CloudStack's agent has them (DESIGN 25). */
  certificate: file.default('/etc/cloudstack/agent/cloud.crt'),
  key: file.default('/etc/cloudstack/agent/cloud.key'),
  ca: file.default('/etc/cloudstack/agent/cloud.ca.crt'),
  data: file.default('/var/lib/bridgekeeper'),
  /** False: the agent only does what it is asked. */
  repair: z.boolean().default(true),
  /** How long a whole pair must be gone before it is made again, seconds between checks, and days without a word. */
  goneSeconds: whole(1, 86_400).default(300),
  pollSeconds: whole(1, 3_600).default(30),
  trustDays: whole(1, 365).default(7),
  /** How long a boot waits for uplinks. */
  restoreSeconds: whole(1, 600).default(60),
})
export type AgentConfiguration = z.infer<typeof configuration>

/** Thrown when the file cannot be used; its message is fit to be printed as it is. */
export class AgentMisconfigured extends Error {
  override readonly name = 'AgentMisconfigured'
}

/** Without a file everything is as its default. @throws AgentMisconfigured */
export async function readConfiguration(path: string): Promise<AgentConfiguration> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    if (code === 'ENOENT') return configuration.parse({})
    throw new AgentMisconfigured(`${path} cannot be read (${code}).`)
  }
  return parseConfiguration(text, path)
}

export function parseConfiguration(text: string, path: string): AgentConfiguration {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new AgentMisconfigured(`${path} is not JSON: ${error instanceof Error ? error.message : 'unknown'}.`)
  }
  const parsed = configuration.safeParse(value)
  if (parsed.success) return parsed.data
  throw new AgentMisconfigured(parsed.error.issues.map((issue) => problem(path, value, issue)).join('\n'))
}

function problem(path: string, value: unknown, issue: z.core.$ZodIssue): string {
  const [key = ''] = issue.path
  if (issue.code === 'unrecognized_keys')
    return `${path}: ${issue.keys.join(', ')} is no setting; there are ${Object.keys(configuration.shape).join(', ')}.`
  const given =
    typeof value === 'object' && value !== null ? Object.entries(value).find(([name]) => name === key)?.[1] : value
  return `${path}: ${String(key)} ${(JSON.stringify(given) ?? 'nothing').slice(0, 200)}: ${issue.message}.`
}
