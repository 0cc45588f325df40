import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type EmbeddedCloud, startEmbeddedCloud } from '../../../infra/local/cloud/cloud.ts'
import { seedCloud } from '../../../infra/local/cloudstackSimulator/seed.ts'
import {
  type CloudStackSimulator,
  startCloudStackSimulator,
} from '../../../infra/local/cloudstackSimulator/simulator.ts'
import { readHosts } from '../../../shared/flow/read.ts'
import { silent } from '../../../shared/runtime/logger.ts'
import { createRuntimes } from '../../../shared/runtime/runtime.ts'
import { controlKey, readControl } from '../../../shared/store/items.ts'

/** The same names, and so the same ids, in both clouds. */
const seed = (hosts: number) =>
  seedCloud([
    {
      name: 'zone-1',
      physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1', XenServer: 'guest' } }],
      clusters: [
        {
          name: 'c1',
          hosts: Array.from({ length: hosts }, (_, n) => ({ name: `host${n}`, address: `192.0.2.${n}` })),
        },
      ],
      networks: [{ name: 'n100', uri: 'vlan://100' }],
    },
  ])

describe('two clouds in one deployment', () => {
  let eu: CloudStackSimulator
  let us: CloudStackSimulator
  let deployment: EmbeddedCloud

  const start = (given: Readonly<Record<string, string | undefined>> = {}) =>
    startEmbeddedCloud({
      environment: {
        BRIDGEKEEPER_CLOUD: 'eu,us',
        ...keysOf(eu, 'EU'),
        ...keysOf(us, 'US'),
        BRIDGEKEEPER_DRIVERS__EU: 'KVM=cloudstack',
        BRIDGEKEEPER_DRIVERS__US: 'XenServer=cloudstack',
        BRIDGEKEEPER_CLOUDSTACK_BURST__US: '7',
        BRIDGEKEEPER_ROLLOUT_PERCENT: '100',
        ...given,
      },
      logger: silent,
      schedules: false,
    })

  beforeEach(async () => {
    eu = await startCloudStackSimulator({ seed: seed(3) })
    us = await startCloudStackSimulator({ seed: seed(2) })
    deployment = await start()
  })
  afterEach(async () => {
    await deployment.stop(5)
    await eu.stop()
    await us.stop()
  })

  const keysOf = (simulator: CloudStackSimulator, suffix: string) => ({
    [`CLOUDSTACK_API_URL__${suffix}`]: simulator.url,
    [`CLOUDSTACK_API_KEY__${suffix}`]: simulator.apiKey,
    [`CLOUDSTACK_SECRET_KEY__${suffix}`]: simulator.secretKey,
  })

  const runtimes = () => createRuntimes({ ...deployment.environment, BRIDGEKEEPER_CLOUD: 'eu,us' }, silent)
  const controlOf = async (cloud: string) => readControl(await runtimes().of(cloud).ports.store.get(controlKey(cloud)))

  test('one schedule serves both, each by its own server, lease, rate and drivers', async () => {
    expect(await deployment.invoke('snapshot', {})).toMatchObject({ eu: { hosts: 3 }, us: { hosts: 2 } })
    await deployment.idle()
    expect([eu.requests.updateHost, us.requests.updateHost]).toEqual([3, undefined])
    const [first, second] = [await controlOf('eu'), await controlOf('us')]
    expect([first?.tick, second?.tick]).toEqual([1, 1])
    expect([first?.settings?.drivers, second?.settings?.drivers]).toEqual([
      { KVM: 'cloudstack' },
      { XenServer: 'cloudstack' },
    ])
    expect(deployment.errors).toEqual([])
  })

  test('a cloud that does not answer says so, and the other one is served', async () => {
    await us.stop()
    expect(await deployment.invoke('snapshot', {})).toMatchObject({
      eu: { hosts: 3 },
      us: { failed: expect.stringContaining('refused the connection') },
    })
    await deployment.idle()
    expect(eu.requests.updateHost).toBe(3)
    expect((await controlOf('us'))?.lastGoodAt).toBeUndefined()
    expect((await controlOf('us'))?.failure).toContain('refused the connection')
  })

  test('a cloud that is not set up rightly is named with the mistake, and the other one is served', async () => {
    await deployment.stop(5)
    deployment = await start({ CLOUDSTACK_SECRET_KEY__US: undefined })
    await expect(deployment.invoke('snapshot', {})).rejects.toThrow(
      /^us: ConfigurationError: CLOUDSTACK_SECRET_KEY is not set/,
    )
    await deployment.idle()
    expect(eu.requests.updateHost).toBe(3)
  })

  test('a backfill of one cloud leaves the hosts of the other alone, whose ids are the same', async () => {
    await deployment.invoke('snapshot', {})
    await deployment.idle()
    expect(await deployment.invoke('backfill', { cloud: 'eu', host: 'host1' })).toMatchObject({
      hosts: [{ name: 'host1' }],
    })
    await deployment.idle()
    expect(eu.requests.updateHost).toBe(4)
    const zone = eu.cloud.networks()[0]?.zone ?? ''
    const wanted = async (cloud: string) =>
      (await readHosts(runtimes().of(cloud).ports.store, cloud, zone)).map((record) => record.wanted)
    expect((await wanted('eu')).toSorted()).toEqual([1, 1, 2])
    expect(await wanted('us')).toEqual([1, 1])
    await expect(deployment.invoke('backfill', { cloud: 'asia' })).rejects.toThrow('the cloud "asia" is none of')
  })

  test('a message of a cloud that is gone from the deployment is acknowledged', async () => {
    const body = JSON.stringify({ v: 1, cloud: 'asia', zone: 'z', tick: 1 })
    const event = { Records: [{ messageId: 'm', body, attributes: { ApproximateReceiveCount: '1' } }] }
    expect(await deployment.invoke('diff', event)).toEqual({ acknowledged: 'a message of the cloud asia' })
  })
})
