import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type EmbeddedCloud, startEmbeddedCloud } from '../../infra/local/cloud/cloud.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { type SimulatedHosts, startHostSimulator } from '../../infra/local/hostSimulator/hostSimulator.ts'
import { readHosts } from '../../shared/flow/read.ts'
import type { HostRecord } from '../../shared/reconcile/record.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { createRuntime } from '../../shared/runtime/runtime.ts'

const patience = { timeout: 25_000, interval: 100 }

/** The real functions on embedded parts, with the CloudStack simulator and one simulated host. */
describe('devices of networks that CloudStack deleted', () => {
  let directory: string
  let hosts: SimulatedHosts
  let cloudstack: CloudStackSimulator
  let cloud: EmbeddedCloud | undefined
  let settings: Record<string, string>

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'bridgekeeper-prune-'))
    hosts = await startHostSimulator({ names: ['kvm1'] })
    const zone = {
      name: 'zone',
      physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' } }],
      clusters: [{ name: 'cluster', hosts: hosts.hosts.map(({ name, address }) => ({ name, address })) }],
      networks: [101, 102, 103, 104].map((vlan) => ({ name: `net${vlan}`, uri: `vlan://${vlan}` })),
    }
    cloudstack = await startCloudStackSimulator({ seed: seedCloud([zone]) })
    writeFileSync(join(directory, 'key'), hosts.privateKey, { mode: 0o600 })
    writeFileSync(join(directory, 'known_hosts'), hosts.knownHosts())
    settings = {
      CLOUDSTACK_API_URL: cloudstack.url,
      CLOUDSTACK_API_KEY: cloudstack.apiKey,
      CLOUDSTACK_SECRET_KEY: cloudstack.secretKey,
      BRIDGEKEEPER_SSH_PORT: String(hosts.port),
      BRIDGEKEEPER_SSH_KEY_FILE: join(directory, 'key'),
      BRIDGEKEEPER_SSH_KNOWN_HOSTS: join(directory, 'known_hosts'),
      BRIDGEKEEPER_VERIFY_SECONDS: '1',
      BRIDGEKEEPER_REMOVAL_GRACE_SECONDS: '1',
    }
  })
  afterEach(async () => {
    await cloud?.stop(5)
    await cloudstack.stop()
    await hosts.close()
    rmSync(directory, { recursive: true })
  })

  async function start(removal: string): Promise<void> {
    const environment = { ...settings, BRIDGEKEEPER_REMOVAL: removal }
    cloud = await startEmbeddedCloud({ environment, logger: silent, intervalSeconds: 1 })
    await vi.waitFor(() => expect(bridges()).toEqual([101, 102, 103, 104].map((vlan) => `breth1-${vlan}`)), patience)
  }
  const links = () => hosts.hosts[0]?.links().map(({ name }) => name) ?? []
  const bridges = () =>
    links()
      .filter((name) => name.startsWith('breth1-'))
      .sort()

  async function record(): Promise<HostRecord | undefined> {
    const { ports } = createRuntime({ ...settings, ...cloud?.environment }, silent)
    const zone = cloudstack.cloud.host('kvm1').zone
    return (await readHosts(ports.store, 'default', zone))[0]
  }

  it('are removed with policy prune, one that a tap is on is kept, and so is everything else', async () => {
    await start('prune')
    hosts.hosts[0]?.addLink({ name: 'vnet0', master: 'breth1-102', up: true })
    await cloudstack.cloud.deleteNetwork('net101')
    await cloudstack.cloud.deleteNetwork('net102')
    await vi.waitFor(() => expect(links()).not.toContain('breth1-101'), patience)
    await vi.waitFor(async () => expect((await record())?.orphans).toHaveLength(1), patience)
    expect(links()).not.toContain('eth1.101')
    expect(bridges()).toEqual(['breth1-102', 'breth1-103', 'breth1-104'])
    expect(hosts.hosts[0]?.links().find(({ name }) => name === 'vnet0')).toMatchObject({
      master: 'breth1-102',
      up: true,
    })
    expect((await record())?.orphans?.[0]).toMatchObject({ uri: 'vlan://102', kept: expect.stringContaining('vnet0') })
  }, 60_000)

  it('are reported and stay with policy report', async () => {
    await start('report')
    await cloudstack.cloud.deleteNetwork('net101')
    await vi.waitFor(async () => expect((await record())?.orphans).toHaveLength(1), patience)
    expect(bridges()).toHaveLength(4)
  }, 60_000)
})
