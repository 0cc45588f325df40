/** A key that loses a right between two ticks: what was read before stays in force, and the status says why (DESIGN 5). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { summary } from '../../infra/cli/statusText.ts'
import type { Faults } from '../../infra/local/cloudstackSimulator/faults.ts'
import type { CloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { readDesired } from '../../shared/flow/read.ts'
import { type Deployment, deploymentOn } from './deployment.ts'
import { startScene } from './scene.ts'

const settings = { BRIDGEKEEPER_DRIVERS: 'KVM=cloudstack', BRIDGEKEEPER_LIST_SECONDS: '60' }

const losses: readonly (readonly [string, Faults, string])[] = [
  ['to see broadcast URIs', { rightLost: true }, 'listNetworks shows no broadcast URI for 3 of 3 persistent networks'],
  ['to call listNetworks', { denied: ['listNetworks'] }, 'refused listNetworks with 432: the role of this account'],
  ['to call listTrafficTypes', { denied: ['listTrafficTypes'] }, 'refused listTrafficTypes with 432'],
  ['to call listEvents', { denied: ['listEvents'] }, 'refused listEvents with 432'],
]

describe.each(losses)('a key that lost the right %s', (_right, loss, why) => {
  let simulator: CloudStackSimulator
  let deployment: Deployment
  let zone: string

  beforeEach(async () => {
    simulator = await startScene()
    deployment = deploymentOn(simulator, simulator, settings)
    zone = simulator.cloud.host('kvm1').zone
    await deployment.tick()
    await deployment.work()
  })
  afterEach(() => simulator.stop())

  const lose = (): void => void Object.assign(simulator.faults, loss)
  const uris = async (): Promise<readonly string[]> =>
    ((await readDesired(deployment.ports.store, 'default', zone, 'KVM'))?.networks ?? []).map(({ uri }) => uri).sort()
  const said = async (): Promise<string> => summary(await deployment.status(), deployment.ports.now())

  it('keeps the last good set in force, tick after tick, and the status says why', async () => {
    const before = await uris()
    expect(before).toEqual(['vlan://101', 'vlan://102', 'vlan://103'])
    expect(await said()).not.toContain('failed')
    const lastGoodAt = (await deployment.control())?.lastGoodAt
    lose()
    for (let tick = 0; tick < 8; tick += 1) {
      deployment.advance(70)
      await deployment.tick()
    }
    expect(await uris()).toEqual(before)
    expect(await deployment.control()).toMatchObject({ lastGoodAt, failureAt: deployment.ports.now() })
    expect(await said()).toContain('the last good ones stay in force')
    expect(await said()).toContain(why)
  })

  it('still serves a host that comes back, by the last good set', async () => {
    lose()
    simulator.cloud.disconnect('kvm2')
    deployment.advance(70)
    await deployment.tick()
    await simulator.cloud.connect('kvm2')
    deployment.advance(70)
    expect(await deployment.tick()).toMatchObject({ edges: 1, zonesDue: 1 })
    expect(await deployment.work()).toMatchObject([{ host: simulator.cloud.host('kvm2').id, verdict: 'Unknown' }])
  })

  it('is as before once the right is given back', async () => {
    lose()
    deployment.advance(70)
    await deployment.tick()
    Object.assign(simulator.faults, { rightLost: false, denied: [] })
    deployment.advance(70)
    await deployment.tick()
    expect(await deployment.control()).toMatchObject({ lastGoodAt: deployment.ports.now() })
    expect(await said()).not.toContain('failed')
  })
})

describe('a key that lost the right to call listHosts', () => {
  it('ends the tick, and the status says why', async () => {
    const simulator = await startScene()
    const deployment = deploymentOn(simulator, simulator, settings)
    await deployment.tick()
    simulator.faults.denied = ['listHosts']
    deployment.advance(70)
    expect(await deployment.tick()).toMatchObject({ failed: expect.stringContaining('refused listHosts with 432') })
    expect(summary(await deployment.status(), deployment.ports.now())).toContain('refused listHosts with 432')
    expect((await deployment.records(simulator.cloud.host('kvm1').zone)).map(({ state }) => state)).toEqual([
      'Up',
      'Up',
    ])
    await simulator.stop()
  })
})
