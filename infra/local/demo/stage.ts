/**
 * Everything that the story plays on, started together: hosts, the CloudStack simulator, Bridgekeeper on embedded parts.
 * In: what the hosts are. Out: handles, and the questions that the story asks again and again.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type CloudStatus, readStatus } from '../../../shared/flow/status.ts'
import type { HostRecord } from '../../../shared/reconcile/record.ts'
import { green } from '../../../shared/reconcile/status.ts'
import { silent } from '../../../shared/runtime/logger.ts'
import { createRuntime } from '../../../shared/runtime/runtime.ts'
import { type EmbeddedCloud, startEmbeddedCloud } from '../cloud/cloud.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../cloudstackSimulator/simulator.ts'
import { type DemoHost, type DemoHosts, type Kernel, startHosts } from './hosts.ts'
import { lateHost, pairsOf, scene, seedOf, zoneOf } from './scene.ts'

export interface Stage {
  readonly hosts: DemoHosts
  readonly cloudstack: CloudStackSimulator
  host(name: string): DemoHost
  /** From now on its schedule runs. */
  startBridgekeeper(): Promise<void>
  records(): Promise<readonly HostRecord[]>
  /** Waits until these hosts have every network of their zone, by their own word. @throws Error past the limit. */
  untilRight(names: readonly string[], withLater: boolean): Promise<void>
  /** Waits until Bridgekeeper says that this many hosts, and no fewer, are in sync. @throws Error past the limit, naming the first reason. */
  untilInSync(hosts: number): Promise<void>
  stop(): Promise<void>
}

/** The demo's schedule, in seconds: a minute and an hour in real life. */
export const intervalSeconds = 1
export const verifySeconds = 6
const limitSeconds = 60

export async function setStage(kernel: Kernel): Promise<Stage> {
  const hosts = await startHosts(
    kernel,
    scene.flatMap((zone) => zone.hosts),
  )
  const cloudstack = await startCloudStackSimulator({ seed: seedOf(hosts.hosts), onSetup: () => false })
  const environment = {
    CLOUDSTACK_API_URL: cloudstack.url,
    CLOUDSTACK_API_KEY: cloudstack.apiKey,
    CLOUDSTACK_SECRET_KEY: cloudstack.secretKey,
    BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh',
    BRIDGEKEEPER_VERIFY_SECONDS: String(verifySeconds),
    BRIDGEKEEPER_BACKOFF_SECONDS: '1',
    ...hosts.settings,
  }
  let cloud: EmbeddedCloud | undefined
  const status = (): Promise<CloudStatus> => {
    const { ports, policy } = createRuntime({ ...environment, ...cloud?.environment }, silent)
    return readStatus(ports, policy, {}, false)
  }
  const host = (name: string): DemoHost => {
    const found = hosts.hosts.find((each) => each.name === name)
    if (found === undefined) throw new Error(`no host is called ${name}`)
    return found
  }
  const isRight = async (name: string, withLater: boolean): Promise<boolean> => {
    const pairs = pairsOf(zoneOf(name), withLater)
    return (await host(name).witness(pairs)).length === pairs.length
  }

  return {
    hosts,
    cloudstack,
    host,
    startBridgekeeper: async () => {
      cloud = await startEmbeddedCloud({ environment, intervalSeconds, logger: silent })
    },
    records: async () => (await status()).rows.map((row) => row.record),
    untilRight: async (names, withLater) => {
      for (const name of names) await until(`${name} has its networks`, () => isRight(name, withLater))
    },
    untilInSync: (count) =>
      until('every host is in sync', async () => {
        const { rows, counts } = await status()
        return rows.length === count && green(counts) && counts.notUp === 0
      }),
    stop: async () => {
      await cloud?.stop(5)
      await cloudstack.stop()
      await hosts.stop()
    },
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + limitSeconds * 1000; Date.now() < end; await delay(250)) {
    if (await holds().catch(() => false)) return
  }
  throw new Error(`after ${limitSeconds} s it is still not so that ${what}`)
}

/** The hosts that CloudStack knows from the start. */
export const firstHosts = scene.flatMap((zone) => zone.hosts).filter((name) => name !== lateHost)
