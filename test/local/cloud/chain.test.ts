import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type EmbeddedCloud, startEmbeddedCloud } from '../../../infra/local/cloud/cloud.ts'
import { seedCloud } from '../../../infra/local/cloudstackSimulator/seed.ts'
import {
  type CloudStackSimulator,
  startCloudStackSimulator,
} from '../../../infra/local/cloudstackSimulator/simulator.ts'
import { newKeyPair } from '../../../infra/local/hostSimulator/keyPair.ts'
import { readHistory } from '../../../shared/flow/history.ts'
import { readStatus } from '../../../shared/flow/status.ts'
import { silent } from '../../../shared/runtime/logger.ts'
import { createRuntime } from '../../../shared/runtime/runtime.ts'

/** Nobody listens on port 1 of this machine: a host that SSH does not reach, and CloudStack does. */
const zone = {
  name: 'zone-1',
  physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' } }],
  clusters: [{ name: 'c1', hosts: ['kvm1', 'kvm2'].map((name) => ({ name, address: '127.0.0.1' })) }],
  networks: [{ name: 'n100', uri: 'vlan://100' }],
}

describe('a driver chain on the embedded cloud, as serverless.yml wires it', () => {
  let cloudstack: CloudStackSimulator
  let cloud: EmbeddedCloud
  let folder: string

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'chain-'))
    const keyFile = join(folder, 'key')
    writeFileSync(keyFile, newKeyPair().privateKey, { mode: 0o600 })
    cloudstack = await startCloudStackSimulator({ seed: seedCloud([zone]) })
    cloud = await startEmbeddedCloud({
      environment: {
        CLOUDSTACK_API_URL: cloudstack.url,
        CLOUDSTACK_API_KEY: cloudstack.apiKey,
        CLOUDSTACK_SECRET_KEY: cloudstack.secretKey,
        BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh|cloudstack',
        BRIDGEKEEPER_SSH_KEY_FILE: keyFile,
        BRIDGEKEEPER_SSH_PORT: '1',
        BRIDGEKEEPER_BACKOFF_SECONDS: '600',
      },
      logger: silent,
      schedules: false,
    })
  })
  afterEach(async () => {
    await cloud.stop(5)
    await cloudstack.stop()
    rmSync(folder, { recursive: true })
  })

  const tick = async (): Promise<void> => {
    await cloud.invoke('snapshot', {})
    await cloud.idle()
  }
  const rows = async (acceptUnverified: boolean) => {
    const { ports, policy } = createRuntime(cloud.environment, silent)
    return { ports, ...(await readStatus(ports, policy, {}, acceptUnverified)) }
  }

  test('a host that SSH does not reach is requested through CloudStack once, and every place says so', async () => {
    await cloudstack.cloud.disable('kvm2')
    await tick()
    expect(cloudstack.requests.updateHost).toBeUndefined()
    expect((await rows(false)).rows.map(({ reason }) => reason)).toEqual(['HostUnreachable', 'HostUnreachable'])
    await tick()
    await tick()
    expect(cloudstack.requests.updateHost).toBe(1) // kvm2 is not Enabled
    const { ports, rows: shown, counts } = await rows(true)
    const [kvm1, kvm2] = ['kvm1', 'kvm2'].map((name) => shown.find(({ record }) => record.name === name))
    expect(kvm1).toMatchObject({
      status: 'Unknown',
      reason: 'RequestedUnverified',
      detail: expect.stringMatching(
        /^requested by cloudstack after kvm-ssh could not reach it: 127\.0\.0\.1:1.* \(updateHost was answered\)$/,
      ),
      record: { wanted: 1, tried: 1, done: 0, failures: 1, requestDone: 1, unreachedBy: 'kvm-ssh' },
    })
    expect(kvm2).toMatchObject({ reason: 'HostUnreachable' })
    expect(counts).toMatchObject({ inSync: 1, unknown: 1 })
    const { zone: zoneId = '', id: host = '' } = kvm1?.record ?? {}
    const lines = await readHistory(ports.store, 'default', { zone: zoneId, host }, 10)
    expect(lines.map(({ what, reason, by }) => [what, reason, by])).toEqual([
      ['request', 'RequestedUnverified', 'cloudstack'],
      ['run', 'HostUnreachable', undefined],
    ])
    expect(cloud.errors).toEqual([])
  })
})
