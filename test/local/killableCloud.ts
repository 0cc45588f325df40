/**
 * Bridgekeeper on embedded parts with three simulated hosts and the CloudStack simulator, in which one function can be
 * killed once at an exact call. In: which function, where. Out: the parts, and what was seen: overlapping runs, the kill.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type EmbeddedCloud, startEmbeddedCloud } from '../../infra/local/cloud/cloud.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { type SimulatedHosts, startHostSimulator } from '../../infra/local/hostSimulator/hostSimulator.ts'
import { readStatus } from '../../shared/flow/status.ts'
import type { QueueName } from '../../shared/queue/queues.ts'
import { silent } from '../../shared/runtime/logger.ts'
import type { Ports } from '../../shared/runtime/ports.ts'
import { createRuntime, type Runtime } from '../../shared/runtime/runtime.ts'
import type { Store } from '../../shared/store/store.ts'
import { type At, killedAt } from '../simulation/faults.ts'

export interface KillableCloud {
  readonly cloud: EmbeddedCloud
  readonly hosts: SimulatedHosts
  /** Hosts on which a run was acquired while another one was neither reported nor recorded as crashed. */
  readonly overlaps: readonly string[]
  killed(): boolean
  /** @throws Error past so many seconds */
  untilInSync(seconds: number): Promise<void>
  stop(): Promise<void>
}

const vlans = [101, 102, 103]
/** How long a killed function's other calls fail too: until it is surely over, and before it is called again. */
const deathMilliseconds = 300

/** @param losing the first messages for this queue vanish, as in a purge before anybody received them */
export async function startKillableCloud(name?: string, at?: At, losing?: QueueName): Promise<KillableCloud> {
  const directory = mkdtempSync(join(tmpdir(), 'bridgekeeper-kills-'))
  const hosts = await startHostSimulator({ names: ['kvm1', 'kvm2', 'kvm3'] })
  const cloudstack = await startCloudStackSimulator({ seed: seedOf(hosts) })
  const file = (called: string, content: string): string => {
    writeFileSync(join(directory, called), content, { mode: 0o600 })
    return join(directory, called)
  }
  const settings = {
    CLOUDSTACK_API_URL: cloudstack.url,
    CLOUDSTACK_API_KEY: cloudstack.apiKey,
    CLOUDSTACK_SECRET_KEY: cloudstack.secretKey,
    BRIDGEKEEPER_SSH_PORT: String(hosts.port),
    BRIDGEKEEPER_SSH_KEY_FILE: file('key', hosts.privateKey),
    BRIDGEKEEPER_SSH_KNOWN_HOSTS: file('known_hosts', hosts.knownHosts()),
    BRIDGEKEEPER_OUTSTANDING_SECONDS: '4',
    BRIDGEKEEPER_BACKOFF_SECONDS: '1',
  }

  const overlaps: string[] = []
  let runtime: Runtime | undefined
  const ports = (): Ports => {
    if (runtime === undefined) throw new Error('a function was called before the cloud had started')
    return runtime.ports
  }
  const real = { store: watched(() => ports().store, overlaps), queues: losingOnce(ports, losing) }
  const killing = at === undefined ? undefined : killedOnce(real, at)
  const cloud = await startEmbeddedCloud({
    environment: settings,
    logger: silent,
    intervalSeconds: 1,
    timeouts: { snapshot: 3, diff: 3, provisionKvm: 4 },
    visibilityBeyondTimeout: 1,
    overrides: (called) => (called === name && killing ? killing.ports : real),
  })
  runtime = createRuntime({ ...settings, ...cloud.environment }, silent)
  const { policy } = runtime

  return {
    cloud,
    hosts,
    overlaps,
    killed: () => killing?.killed() ?? false,
    untilInSync: async (seconds) => {
      for (const end = Date.now() + seconds * 1000; Date.now() < end; await delay(100)) {
        const { counts } = await readStatus(ports(), policy, {}, false)
        if (counts.inSync === hosts.hosts.length) return
      }
      const { rows } = await readStatus(ports(), policy, {}, false)
      throw new Error(`not in sync after ${seconds} s: ${JSON.stringify(rows.map((row) => row.record))}`)
    },
    stop: async () => {
      await cloud.stop(5)
      await cloudstack.stop()
      await hosts.close()
      rmSync(directory, { recursive: true })
    },
  }
}

const seedOf = (hosts: SimulatedHosts) =>
  seedCloud([
    {
      name: 'zone',
      physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' } }],
      clusters: [{ name: 'cluster', hosts: hosts.hosts.map(({ name, address }) => ({ name, address })) }],
      networks: vlans.map((vlan) => ({ name: `net${vlan}`, uri: `vlan://${vlan}` })),
    },
  ])

type Reached = Pick<Ports, 'store' | 'queues'>

function losingOnce(ports: () => Ports, losing: QueueName | undefined): Ports['queues'] {
  let left = losing === undefined ? 0 : 1
  return {
    send: async (queue, messages) => {
      if (queue === losing && left-- > 0) return
      await ports().queues.send(queue, messages)
    },
  }
}

/** The real store, which notes a run that begins while another one is open. */
function watched(store: () => Store, overlaps: string[]): Store {
  const open = new Set<string>()
  return {
    get: (key) => store().get(key),
    list: (pk, prefix, range) => store().list(pk, prefix, range),
    delete: (key, when) => store().delete(key, when),
    update: async (write) => {
      const item = await store().update(write)
      if (item === undefined) return undefined
      if (write.remove?.includes('runId')) open.delete(write.key.sk)
      if (write.set?.runId !== undefined) {
        if (open.has(write.key.sk)) overlaps.push(write.key.sk)
        open.add(write.key.sk)
      }
      return item
    },
  }
}

/** Ports that die once, as killedAt has it, and live again when that function is surely over. */
function killedOnce(real: Reached, at: At): { readonly ports: Reached; killed(): boolean } {
  const killable = killedAt(real, at)
  let diedAt: number | undefined
  const now = (): Reached => {
    if (killable.killed()) diedAt ??= Date.now()
    return diedAt !== undefined && Date.now() - diedAt > deathMilliseconds ? real : killable.ports
  }
  return {
    killed: killable.killed,
    ports: {
      store: {
        get: (key) => now().store.get(key),
        list: (pk, prefix, range) => now().store.list(pk, prefix, range),
        update: (write) => now().store.update(write),
        delete: (key, when) => now().store.delete(key, when),
      },
      queues: { send: (queue, messages) => now().queues.send(queue, messages) },
    },
  }
}
