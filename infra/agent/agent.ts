/**
 * `bridgekeeper-agent serve|restore|once|version [--config FILE]`: keeps one KVM host's devices as they were last desired, and lets
 * the provisioner look and apply there. In: its configuration. Out: `serve` runs until it is told to end; `restore` brings back
 * at boot what was desired and always ends well; `once` answers one request from standard input.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import pLimit from 'p-limit'
import { largestRequest } from '../../shared/hypervisors/kvm/agent/protocol.ts'
import type { Logger } from '../../shared/runtime/logger.ts'
import { type AgentParts, answer, failed } from './answer.ts'
import { type AgentConfiguration, AgentMisconfigured, configurationFile, readConfiguration } from './configuration.ts'
import { keepIn } from './kept.ts'
import { localCommands } from './localCommands.ts'
import { check, type Memory, nothingYet, type RepairPolicy, restore } from './repair.ts'
import { startServer } from './server.ts'
import { watch } from './watch.ts'

/** EX_CONFIG of sysexits.h: the unit does not start it again until somebody corrects it. */
const misconfigured = 78

const usage = 'bridgekeeper-agent serve|restore|once|version [--config FILE]'

/** For journald: one JSON line each on standard error. */
const line =
  (level: string) =>
  (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    process.stderr.write(`${JSON.stringify({ level, message, ...fields })}\n`)
  }
const logger: Logger = { debug: () => {}, info: line('INFO'), warn: line('WARN'), error: line('ERROR') }

/** The bundle has it built in. */
const version = process.env.BRIDGEKEEPER_AGENT_VERSION ?? versionHere()

function versionHere(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}

main().catch((error: unknown) => {
  process.stderr.write(`bridgekeeper-agent: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = error instanceof AgentMisconfigured ? misconfigured : 1
})

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { config: { type: 'string' } } })
  const [command, ...more] = positionals
  if (more.length > 0 || command === undefined) throw new AgentMisconfigured(`usage: ${usage}`)
  if (command === 'version') return void process.stdout.write(`${version}\n`)
  const configuration = await readConfiguration(values.config ?? configurationFile)
  const turns = pLimit(1)
  const parts: AgentParts = {
    commands: localCommands(),
    keep: keepIn(configuration.data, logger),
    version,
    logger,
    now: Date.now,
    inTurn: (work) => turns(work),
  }
  if (command === 'once') return once(parts)
  if (command === 'restore') return restoreHost(parts, configuration)
  if (command === 'serve') return serve(parts, configuration)
  throw new AgentMisconfigured(`${JSON.stringify(command)} is no command: ${usage}`)
}

async function once(parts: AgentParts): Promise<void> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin) {
    const part: unknown = chunk
    if (!Buffer.isBuffer(part)) break
    size += part.length
    if (size > largestRequest) break
    chunks.push(part)
  }
  const reply =
    size > largestRequest
      ? failed(parts, 'HostMisread', `a request has at most ${largestRequest} bytes`)
      : await answer(parts, Buffer.concat(chunks).toString('utf8'))
  process.stdout.write(`${JSON.stringify(reply)}\n`)
}

const day = 86_400_000

const policyOf = ({ goneSeconds, trustDays }: AgentConfiguration): RepairPolicy => ({
  goneMilliseconds: goneSeconds * 1000,
  trustMilliseconds: trustDays * day,
})

/** Whatever is wrong, the host boots on. */
async function restoreHost(parts: AgentParts, configuration: AgentConfiguration): Promise<void> {
  if (!configuration.repair) return
  const { devices, lacking } = await restore(parts, policyOf(configuration), configuration.restoreSeconds * 1000, delay)
  if (devices === undefined) logger.info('nothing is to be restored')
  else logger.info('restored', { devices, lacking: lacking.slice(0, 16) })
}

async function serve(parts: AgentParts, configuration: AgentConfiguration): Promise<void> {
  if (configuration.admit.length === 0)
    throw new AgentMisconfigured('"admit" names nobody: name the common name of the provisioner’s certificate.')
  const server = await startServer({
    ...configuration,
    logger,
    now: Date.now,
    answer: async (body) => JSON.stringify(await answer(parts, body)),
    refuse: (reason, detail) => JSON.stringify(failed(parts, reason, detail)),
  })
  logger.info('listening', { port: server.port, version })
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())
  process.on('SIGHUP', () => void server.reload())
  if (configuration.repair) await repairUntil(parts, configuration, stop.signal)
  else await new Promise((resolve) => stop.signal.addEventListener('abort', resolve))
  await server.close()
}

async function repairUntil(parts: AgentParts, configuration: AgentConfiguration, signal: AbortSignal): Promise<void> {
  const policy = policyOf(configuration)
  let memory: Memory = nothingYet
  const checkOnce = async (): Promise<void> => {
    memory = await parts.inTurn(() => check(parts, policy, memory))
  }
  await watch({ poll: configuration.pollSeconds * 1000, check: checkOnce, logger, signal })
}
