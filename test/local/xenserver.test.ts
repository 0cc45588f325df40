import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type EmbeddedCloud, startEmbeddedCloud } from '../../infra/local/cloud/cloud.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { type SimulatedHosts, startHostSimulator } from '../../infra/local/hostSimulator/hostSimulator.ts'
import { startXapiSimulator, type XapiSimulator } from '../../infra/local/xapiSimulator/simulator.ts'
import { readHosts } from '../../shared/flow/read.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { createRuntime } from '../../shared/runtime/runtime.ts'

const patience = { timeout: 40_000, interval: 200 }

/** The real functions on embedded parts, with the simulators of CloudStack, of a KVM host and of a XenServer pool. */
describe('a zone of KVM and XenServer hosts', () => {
  let directory: string
  let kvm: SimulatedHosts
  let xapi: XapiSimulator
  let cloudstack: CloudStackSimulator
  let cloud: EmbeddedCloud | undefined
  let settings: Record<string, string>

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'bridgekeeper-xen-'))
    kvm = await startHostSimulator({ names: ['kvm1'] })
    xapi = await startXapiSimulator({ pools: [{ name: 'pool', hosts: ['xen1', 'xen2', 'xen3'] }] })
    const zone = {
      name: 'zone',
      physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1', XenServer: 'guests' } }],
      clusters: [
        { name: 'k', hosts: kvm.hosts.map(({ name, address }) => ({ name, address })) },
        {
          name: 'x',
          hypervisor: 'XenServer',
          hosts: xapi.pool.hosts.map(({ name, address }) => ({ name, address })),
        },
      ],
      networks: [101, 102, 103].map((vlan) => ({ name: `net${vlan}`, uri: `vlan://${vlan}` })),
    }
    cloudstack = await startCloudStackSimulator({ seed: seedCloud([zone]) })
    writeFileSync(join(directory, 'key'), kvm.privateKey, { mode: 0o600 })
    writeFileSync(join(directory, 'known_hosts'), kvm.knownHosts())
    const { username, password, fingerprint } = xapi
    const { cluster = '' } = cloudstack.cloud.host('xen1')
    const credentials = { clusters: { [cluster]: { username, password, fingerprints: [fingerprint] } } }
    writeFileSync(join(directory, 'xapi.json'), JSON.stringify(credentials), { mode: 0o600 })
    settings = {
      CLOUDSTACK_API_URL: cloudstack.url,
      CLOUDSTACK_API_KEY: cloudstack.apiKey,
      CLOUDSTACK_SECRET_KEY: cloudstack.secretKey,
      BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh,XenServer=xenserver',
      BRIDGEKEEPER_SSH_PORT: String(kvm.port),
      BRIDGEKEEPER_SSH_KEY_FILE: join(directory, 'key'),
      BRIDGEKEEPER_SSH_KNOWN_HOSTS: join(directory, 'known_hosts'),
      BRIDGEKEEPER_XAPI_PORT: String(xapi.port),
      BRIDGEKEEPER_XAPI_CREDENTIALS_FILE: join(directory, 'xapi.json'),
      BRIDGEKEEPER_VERIFY_SECONDS: '1',
      BRIDGEKEEPER_REMOVAL: 'prune',
      BRIDGEKEEPER_REMOVAL_GRACE_SECONDS: '1',
    }
    cloud = await startEmbeddedCloud({ environment: settings, logger: silent, intervalSeconds: 1 })
  })
  afterEach(async () => {
    await cloud?.stop(5)
    await cloudstack.stop()
    await xapi.close()
    await kvm.close()
    rmSync(directory, { recursive: true })
  })

  const verdicts = async (): Promise<readonly string[]> => {
    const { ports } = createRuntime({ ...settings, ...cloud?.environment }, silent)
    const records = await readHosts(ports.store, 'default', cloudstack.cloud.host('kvm1').zone)
    return records.map(({ name, verdict, devices }) => `${name} ${verdict} ${devices}`).sort()
  }
  const vlans = (): readonly string[] =>
    [...xapi.pool.database.tables.network]
      .filter(([, network]) => String(network.name_label).startsWith('VLAN-'))
      .flatMap(([ref]) => xapi.pool.vlansOf(ref))
      .sort()

  it('has every network on every host, from the snapshot to the records, and loses what is deleted', async () => {
    const everywhere = ['xen1', 'xen2', 'xen3'].flatMap((name) => [101, 102, 103].map((id) => `${name} eth1.${id}`))
    await vi.waitFor(async () => {
      expect(await verdicts()).toEqual(['kvm1 InSync 6', 'xen1 InSync 3', 'xen2 InSync 3', 'xen3 InSync 3'])
    }, patience)
    expect(vlans()).toEqual(everywhere)
    expect(xapi.pool.requests['network.create']).toBe(3)

    xapi.pool.reboot('xen2', ['eth1'])
    await vi.waitFor(() => expect(xapi.pool.requests['PIF.plug']).toBe(3), patience)

    await cloudstack.cloud.deleteNetwork('net101')
    await vi.waitFor(() => expect(vlans()).toEqual(everywhere.filter((vlan) => !vlan.endsWith('.101'))), patience)
    await vi.waitFor(() => expect(xapi.pool.requests['network.destroy']).toBe(1), patience)
  }, 120_000)
})
