import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type EmbeddedCloud, startEmbeddedCloud } from '../../infra/local/cloud/cloud.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { type SimulatedHosts, startHostSimulator } from '../../infra/local/hostSimulator/hostSimulator.ts'
import { startXapiSimulator, type XapiSimulator } from '../../infra/local/xapiSimulator/simulator.ts'
import { readHosts } from '../../shared/flow/read.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { createRuntime } from '../../shared/runtime/runtime.ts'
import { hostName, type RunningVcenter, startVcenter } from './vcenter.ts'

const patience = { timeout: 40_000, interval: 200 }

/** The real functions on embedded parts, with the amended vcsim and the simulators of CloudStack, of a KVM host and of a XenServer pool. */
describe('a zone of KVM, XenServer and VMware hosts', () => {
  let directory: string
  let vcenter: RunningVcenter
  let kvm: SimulatedHosts
  let xapi: XapiSimulator
  let cloudstack: CloudStackSimulator
  let cloud: EmbeddedCloud | undefined
  let settings: Record<string, string>

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'bridgekeeper-vmware-'))
    vcenter = await startVcenter('amendedVcsim')
    kvm = await startHostSimulator({ names: ['kvm1'] })
    xapi = await startXapiSimulator({ pools: [{ name: 'pool', hosts: ['xen1'] }] })
    const labels = { KVM: 'cloudbr1', XenServer: 'guests' }
    const zone = {
      name: 'zone',
      physicalNetworks: [
        { name: 'own', labels: { ...labels, VMware: 'vSwitch0' } },
        { name: 'shared', labels: { ...labels, VMware: 'DVS0,,vmwaredvs' } },
      ],
      clusters: [
        { name: 'kvm', hosts: kvm.hosts.map(({ name, address }) => ({ name, address })) },
        {
          name: 'xen',
          hypervisor: 'XenServer',
          hosts: xapi.pool.hosts.map(({ name, address }) => ({ name, address })),
        },
        {
          name: 'esx',
          hypervisor: 'VMware',
          hosts: [0, 1].map((at) => ({ name: hostName(0, at), address: `192.0.2.${at + 1}` })),
        },
      ],
      networks: [
        { name: 'net101', uri: 'vlan://101', physicalNetwork: 'own' },
        { name: 'net102', uri: 'vlan://102', physicalNetwork: 'shared' },
        { name: 'net103', uri: 'vlan://103', physicalNetwork: 'shared' },
      ],
    }
    cloudstack = await startCloudStackSimulator({ seed: seedCloud([zone]) })
    writeFileSync(join(directory, 'vcenter.json'), JSON.stringify({ default: vcenter.credentials }), { mode: 0o600 })
    writeFileSync(join(directory, 'key'), kvm.privateKey, { mode: 0o600 })
    writeFileSync(join(directory, 'known_hosts'), kvm.knownHosts())
    const { username, password, fingerprint } = xapi
    const login = { username, password, fingerprints: [fingerprint] }
    writeFileSync(join(directory, 'xapi.json'), JSON.stringify({ default: login }), { mode: 0o600 })
    settings = {
      CLOUDSTACK_API_URL: cloudstack.url,
      CLOUDSTACK_API_KEY: cloudstack.apiKey,
      CLOUDSTACK_SECRET_KEY: cloudstack.secretKey,
      BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh,XenServer=xenserver,VMware=vmware',
      BRIDGEKEEPER_VCENTER_CREDENTIALS_FILE: join(directory, 'vcenter.json'),
      BRIDGEKEEPER_SSH_PORT: String(kvm.port),
      BRIDGEKEEPER_SSH_KEY_FILE: join(directory, 'key'),
      BRIDGEKEEPER_SSH_KNOWN_HOSTS: join(directory, 'known_hosts'),
      BRIDGEKEEPER_XAPI_PORT: String(xapi.port),
      BRIDGEKEEPER_XAPI_CREDENTIALS_FILE: join(directory, 'xapi.json'),
      BRIDGEKEEPER_VERIFY_SECONDS: '1',
      BRIDGEKEEPER_REMOVAL: 'prune',
      BRIDGEKEEPER_REMOVAL_GRACE_SECONDS: '1',
    }
  })
  afterEach(async () => {
    await cloud?.stop(5)
    await cloudstack.stop()
    await vcenter.stop()
    await xapi.close()
    await kvm.close()
    rmSync(directory, { recursive: true })
  })

  const groups = async () => (await vcenter.networks()).filter((name) => name.startsWith('cloud.guest.'))

  it('has every group for every host, from the snapshot to the records, and loses what is deleted', async () => {
    cloud = await startEmbeddedCloud({ environment: settings, logger: silent, intervalSeconds: 1 })
    await vi.waitFor(async () => {
      const { ports } = createRuntime({ ...settings, ...cloud?.environment }, silent)
      const records = await readHosts(ports.store, 'default', cloudstack.cloud.host(hostName(0, 0)).zone)
      expect(records.map(({ name, verdict, devices }) => `${name} ${verdict} ${devices}`).sort()).toEqual([
        `${hostName(0, 0)} InSync 3`,
        `${hostName(0, 1)} InSync 3`,
        'kvm1 InSync 6',
        'xen1 InSync 3',
      ])
    }, patience)
    const before = await groups()
    expect(before.map((name) => name.replace(/\.\d+\.1-/, ' '))).toEqual([
      'cloud.guest.101 vSwitch0',
      'cloud.guest.102 DVS0',
      'cloud.guest.103 DVS0',
    ])
    await cloudstack.cloud.deleteNetwork('net102')
    await vi.waitFor(
      async () => expect(await groups()).toEqual(before.filter((name) => !name.includes('.102.'))),
      patience,
    )
  }, 120_000)

  it('is what doctor finds that it can log in to, or not', async () => {
    const doctor = async (): Promise<readonly string[]> => {
      const program = join(import.meta.dirname, '../../infra/cli/bridgekeeper.ts')
      const { stdout } = await promisify(execFile)(process.execPath, [program, 'doctor', '-o', 'json'], {
        env: { PATH: process.env.PATH, ...settings },
      }).catch((error: { stdout: string }) => error)
      const { checks } = JSON.parse(stdout)
      return checks
        .filter(({ check }: { check: string }) => check.startsWith('vCenter'))
        .map(({ level, check, found }: Record<string, string>) => `${level} ${check}: ${found}`)
    }
    expect(await doctor()).toEqual([
      'ok vCenter credentials: 1 clusters, all have one',
      `ok vCenter login: ${hostName(0, 0)} is in a vCenter that answers`,
    ])
    writeFileSync(join(directory, 'vcenter.json'), JSON.stringify({}), { mode: 0o600 })
    expect(await doctor()).toEqual([
      expect.stringMatching(/^error vCenter credentials: 1 of 1 clusters have none/),
      expect.stringMatching(/^error vCenter login: .*have no entry/),
    ])
  }, 60_000)
})
