/** The embedded cloud over the CloudStack simulator and simulated hosts behind real SSH, with every log entry that a function makes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedCloud, type EmbeddedCloudOptions, startEmbeddedCloud } from '../../infra/local/cloud/cloud.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { type SimulatedHosts, startHostSimulator } from '../../infra/local/hostSimulator/hostSimulator.ts'
import { type Logger, silent } from '../../shared/runtime/logger.ts'
import { createRuntime, type Runtime } from '../../shared/runtime/runtime.ts'

export interface Entry {
  readonly message: string
  readonly [field: string]: unknown
}

export interface ObservedCloud {
  readonly simulator: CloudStackSimulator
  readonly hosts: SimulatedHosts
  readonly cloud: EmbeddedCloud
  /** What was logged, in order. */
  readonly entries: readonly Entry[]
  /** For one beside the functions, as a command is. */
  readonly runtime: Runtime
  /** One snapshot, and all that follows from it. */
  tick(): Promise<void>
  stop(): Promise<void>
}

export interface ObservedOptions extends Pick<EmbeddedCloudOptions, 'overrides'> {
  readonly names: readonly string[]
  readonly settings?: Readonly<Record<string, string>>
  /** The traffic label of the hosts' guest network; cloudbr1 unless given, which they have. */
  readonly label?: string
  readonly embedded?: Pick<EmbeddedCloudOptions, 'timeouts' | 'visibilityBeyondTimeout'>
}

export async function startObservedCloud({
  names,
  settings = {},
  overrides,
  label = 'cloudbr1',
  embedded,
}: ObservedOptions): Promise<ObservedCloud> {
  const folder = mkdtempSync(join(tmpdir(), 'observed-'))
  const hosts = await startHostSimulator({ names })
  const zone = {
    name: 'zone-1',
    physicalNetworks: [{ name: 'guest', labels: { KVM: label } }],
    clusters: [{ name: 'c1', hosts: hosts.hosts.map(({ name, address }) => ({ name, address })) }],
    networks: [{ name: 'n100', uri: 'vlan://100' }],
  }
  const simulator = await startCloudStackSimulator({ seed: seedCloud([zone]) })
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    return join(folder, name)
  }
  const environment = {
    CLOUDSTACK_API_URL: simulator.url,
    CLOUDSTACK_API_KEY: simulator.apiKey,
    CLOUDSTACK_SECRET_KEY: simulator.secretKey,
    BRIDGEKEEPER_SSH_PORT: String(hosts.port),
    BRIDGEKEEPER_SSH_KEY_FILE: file('key', hosts.privateKey),
    BRIDGEKEEPER_SSH_KNOWN_HOSTS: file('known_hosts', hosts.knownHosts()),
    BRIDGEKEEPER_ROLLOUT_PERCENT: '100',
    ...settings,
  }
  const entries: Entry[] = []
  const cloud = await startEmbeddedCloud({
    environment,
    logger: keeping(entries),
    schedules: false,
    ...embedded,
    ...(overrides === undefined ? {} : { overrides }),
  })
  const runtime = createRuntime({ ...environment, ...cloud.environment }, silent)
  return {
    ...{ simulator, hosts, cloud, entries, runtime },
    tick: async () => {
      await cloud.invoke('snapshot', {})
      await cloud.idle()
    },
    stop: async () => {
      await cloud.stop(5)
      await simulator.stop()
      await hosts.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function keeping(entries: Entry[]): Logger {
  const add = (message: string, fields = {}): void => void entries.push({ message, ...fields })
  return { debug: add, info: add, warn: add, error: add }
}
