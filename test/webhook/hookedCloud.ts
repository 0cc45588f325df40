/** The embedded cloud with its ingress, the CloudStack simulator in a version with webhooks, and simulated hosts behind real SSH. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type EmbeddedCloud, startEmbeddedCloud } from '../../infra/local/cloud/cloud.ts'
import { type Ingress, startIngress } from '../../infra/local/cloud/ingress.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import {
  type SimulatedHost,
  type SimulatedHosts,
  startHostSimulator,
} from '../../infra/local/hostSimulator/hostSimulator.ts'
import { readStatus } from '../../shared/flow/status.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { createRuntime } from '../../shared/runtime/runtime.ts'
import { runInProcess } from '../rights/inProcess.ts'

export interface HookedCloud {
  readonly simulator: CloudStackSimulator
  readonly hosts: SimulatedHosts
  readonly cloud: EmbeddedCloud
  readonly ingress: Ingress
  /** How often a snapshot was started. */
  snapshots(): number
  webhook(...args: readonly string[]): ReturnType<typeof runInProcess>
  /** Once these were verified after now, with so many devices. @returns milliseconds */
  untilInSync(devices: number, ...names: readonly Pick<SimulatedHost, 'name'>[]): Promise<number>
  stop(): Promise<void>
}

export async function startHookedCloud(): Promise<HookedCloud> {
  const folder = mkdtempSync(join(tmpdir(), 'hooked-'))
  const hosts = await startHostSimulator({ names: ['kvm1', 'kvm2', 'kvm3'] })
  const seed = seedCloud([
    {
      name: 'zone-1',
      physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' } }],
      clusters: [{ name: 'c1', hosts: hosts.hosts.map(({ name, address }) => ({ name, address })) }],
      networks: [{ name: 'n100', uri: 'vlan://100' }],
    },
  ])
  const simulator = await startCloudStackSimulator({ seed, version: '4.20.0.0' })
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    return join(folder, name)
  }
  const settings = {
    CLOUDSTACK_API_URL: simulator.url,
    CLOUDSTACK_API_KEY: simulator.apiKey,
    CLOUDSTACK_SECRET_KEY: simulator.secretKey,
    BRIDGEKEEPER_DATA: folder,
    BRIDGEKEEPER_SSH_PORT: String(hosts.port),
    BRIDGEKEEPER_SSH_KEY_FILE: file('key', hosts.privateKey),
    BRIDGEKEEPER_SSH_KNOWN_HOSTS: file('known_hosts', hosts.knownHosts()),
    BRIDGEKEEPER_ROLLOUT_PERCENT: '100',
  }
  let snapshots = 0
  const info = (message: string): void => {
    if (message === 'snapshot') snapshots += 1
  }
  const cloud = await startEmbeddedCloud({ environment: settings, logger: { ...silent, info }, schedules: false })
  const ingress = await startIngress(cloud, { address: '127.0.0.1', port: 0 })
  const runtime = createRuntime({ ...settings, ...cloud.environment }, silent)
  return {
    simulator,
    hosts,
    cloud,
    ingress,
    snapshots: () => snapshots,
    webhook: (...args) => runInProcess(['webhook', ...args], settings),
    untilInSync: async (devices, ...named) => {
      const [begun, since] = [performance.now(), Date.now()]
      for (;;) {
        const { rows } = await readStatus(runtime.ports, runtime.policy, {}, false)
        const right = rows.filter(
          ({ status, record }) =>
            status === 'InSync' && record.devices === devices && (record.verifiedAt ?? 0) >= since,
        )
        const took = performance.now() - begun
        if (named.every(({ name }) => right.some(({ record }) => record.name === name))) return took
        if (took > 20_000) throw new Error(`not in sync: ${JSON.stringify(rows)}`)
        await delay(20)
      }
    },
    stop: async () => {
      await ingress.stop()
      await cloud.stop(5)
      await simulator.stop()
      await hosts.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
