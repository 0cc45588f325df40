/**
 * A deployment on a store and queues in memory, and a clock that the test moves: the functions' own code, and the real
 * client with one key against a CloudStack simulator. In: the simulator, a key, settings. Out: its ticks and jobs.
 */
import type { CloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { type CloudStack, createCloudStack } from '../../shared/cloudstack/client.ts'
import { diff } from '../../shared/flow/diff.ts'
import { type Policy, policyOf } from '../../shared/flow/policy.ts'
import { type ProvisionReport, provision } from '../../shared/flow/provision.ts'
import { readHosts } from '../../shared/flow/read.ts'
import { createSharedGate } from '../../shared/flow/sharedGate.ts'
import { type SnapshotReport, snapshot } from '../../shared/flow/snapshot.ts'
import { type CloudStatus, readStatus } from '../../shared/flow/status.ts'
import { createCloudStackDriver } from '../../shared/hypervisors/cloudstack/driver.ts'
import type { Driver } from '../../shared/hypervisors/driver.ts'
import { diffRequest, job } from '../../shared/queue/queues.ts'
import type { HostRecord } from '../../shared/reconcile/record.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import type { Ports } from '../../shared/runtime/ports.ts'
import { type Control, controlKey, readControl } from '../../shared/store/items.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'

import { createMemoryQueues } from '../simulation/memoryQueues.ts'

export interface Deployment {
  readonly ports: Ports
  readonly policy: Policy
  readonly cloudstack: () => CloudStack
  advance(seconds: number): void
  tick(): Promise<SnapshotReport>
  /** Runs every diff and job that waits, until none does. */
  work(): Promise<readonly ProvisionReport[]>
  control(): Promise<Control | undefined>
  records(zone: string): Promise<readonly HostRecord[]>
  status(): Promise<CloudStatus>
}

export interface Keys {
  readonly apiKey: string
  readonly secretKey: string
}

/** @param driver of every hypervisor; the one that asks CloudStack unless given */
export function deploymentOn(
  { url }: CloudStackSimulator,
  { apiKey, secretKey }: Keys,
  settings: Readonly<Record<string, string>>,
  driver?: Driver,
): Deployment {
  let time = Date.now()
  let ids = 0
  const now = (): number => time
  const policy = policyOf(parseConfiguration(settings))
  const queues = createMemoryQueues(now, () => ({ visibilityMilliseconds: 60_000 }))
  const store = createMemoryStore()
  const ports: Ports = { store, queues, logger: silent, now, random: () => 0, newId: () => `id-${++ids}` }
  const sleep = async (milliseconds: number): Promise<void> => {
    time += milliseconds
  }
  const gate = createSharedGate({ ...ports, cloud: policy.cloud, rate: policy.rate, sleep })
  const cloudstack = (): CloudStack => createCloudStack({ url, apiKey, secretKey, gate, sleep, timeoutMs: 5000 })
  const provisioner = { ports, policy, cloudstack, driver: () => driver ?? createCloudStackDriver(cloudstack()) }

  async function work(): Promise<readonly ProvisionReport[]> {
    const reports: ProvisionReport[] = []
    for (;;) {
      const asked = queues.receive('diff')
      const jobs = [...queues.receive('provisionCloudstack'), ...queues.receive('provisionKvm')]
      if (asked.length + jobs.length === 0) return reports
      for (const { body, acknowledge } of asked) {
        await diff(ports, policy, diffRequest.parse(body), false)
        acknowledge()
      }
      for (const { body, acknowledge } of jobs) {
        reports.push(await provision(provisioner, job.parse(body), 60_000))
        acknowledge()
      }
    }
  }

  return {
    ports,
    policy,
    cloudstack,
    advance: (seconds) => {
      time += seconds * 1000
    },
    tick: () => snapshot(ports, cloudstack(), gate, policy, 60_000),
    work,
    control: async () => readControl(await store.get(controlKey(policy.cloud))),
    records: (zone) => readHosts(store, policy.cloud, zone),
    status: () => readStatus(ports, policy, {}, false),
  }
}
