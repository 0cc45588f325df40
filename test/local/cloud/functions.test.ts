import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type EmbeddedCloud, startEmbeddedCloud } from '../../../infra/local/cloud/cloud.ts'
import { seedCloud } from '../../../infra/local/cloudstackSimulator/seed.ts'
import {
  type CloudStackSimulator,
  startCloudStackSimulator,
} from '../../../infra/local/cloudstackSimulator/simulator.ts'
import { pause, resume } from '../../../shared/flow/pause.ts'
import { silent } from '../../../shared/runtime/logger.ts'
import { createRuntime } from '../../../shared/runtime/runtime.ts'

const zone = {
  name: 'zone-1',
  physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' } }],
  clusters: [{ name: 'c1', hosts: ['1', '2', '3'].map((n) => ({ name: `kvm${n}`, address: `192.0.2.${n}` })) }],
  networks: [{ name: 'n100', uri: 'vlan://100' }],
}

describe('the functions on the embedded cloud, as serverless.yml wires them', () => {
  let cloudstack: CloudStackSimulator
  let cloud: EmbeddedCloud

  beforeEach(async () => {
    cloudstack = await startCloudStackSimulator({ seed: seedCloud([zone]) })
    cloud = await startEmbeddedCloud({
      environment: {
        CLOUDSTACK_API_URL: cloudstack.url,
        CLOUDSTACK_API_KEY: cloudstack.apiKey,
        CLOUDSTACK_SECRET_KEY: cloudstack.secretKey,
        BRIDGEKEEPER_DRIVERS: 'KVM=cloudstack',
        BRIDGEKEEPER_ROLLOUT_PERCENT: '100',
      },
      logger: silent,
      schedules: false,
    })
  })
  afterEach(async () => {
    await cloud.stop(5)
    await cloudstack.stop()
  })

  const tick = async (): Promise<void> => {
    await cloud.invoke('snapshot', {})
    await cloud.idle()
  }

  test('a snapshot leads to one request for every host, and the next one to none', async () => {
    await tick()
    expect(cloudstack.requests.updateHost).toBe(3)
    await tick()
    expect(cloudstack.requests.updateHost).toBe(3)
    expect(cloud.errors).toEqual([])
  })

  test('housekeeping looks at what a snapshot wrote, and finds nothing to sweep', async () => {
    await tick()
    expect(await cloud.invoke('housekeeping', {})).toEqual({
      complete: true,
      swept: { history: 0, hold: 0, tombstone: 0, revision: 0, host: 0, hostKey: 0 },
    })
    expect(cloud.errors).toEqual([])
  })

  test('while the cloud is paused nothing is asked of CloudStack, and after the resume every host is served', async () => {
    const runtime = createRuntime(cloud.environment, silent)
    const act = { by: 'ann@desk' }
    await pause(runtime.ports, runtime.policy, undefined, act)
    await tick()
    expect(cloudstack.requests.updateHost ?? 0).toBe(0)
    await resume(runtime.ports, runtime.policy, undefined, act)
    await cloud.idle()
    expect(cloudstack.requests.updateHost).toBe(3)
    expect(cloud.errors).toEqual([])
  })

  test('a backfill goes by its own queue through snapshot and diff to the host that was chosen', async () => {
    await tick()
    const answer = await cloud.invoke('backfill', { host: 'kvm2' })
    expect(answer).toMatchObject({ hosts: [{ name: 'kvm2' }] })
    await cloud.idle()
    expect(cloudstack.requests.updateHost).toBe(4)
    expect(cloud.errors).toEqual([])
  })
})
