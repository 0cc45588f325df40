/** From 4.11 to 4.22 and beyond: what a server lacks stops no tick, and is not claimed. */
import { afterEach, describe, expect, it } from 'vitest'
import type { CloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { newest, oldest } from '../../shared/cloudstack/capabilities.ts'
import { deploymentOn } from './deployment.ts'
import { startScene } from './scene.ts'

const settings = { BRIDGEKEEPER_DRIVERS: 'KVM=cloudstack', BRIDGEKEEPER_LIST_SECONDS: '60' }
const minors = Array.from({ length: 12 }, (_, index) => `4.${11 + index}`)

let simulator: CloudStackSimulator | undefined
afterEach(async () => {
  await simulator?.stop()
  simulator = undefined
})

it('are all the versions that this release was made for', () => {
  expect([minors[0], minors.at(-1)]).toEqual([oldest, newest])
})

describe.each([...minors, '4.23', '5.0'].map((version) => `${version}.0.0`))('a server of %s', (version) => {
  const sends = !['4.11', '4.12', '4.13', '4.14', '4.15', '4.16'].some((old) => version.startsWith(`${old}.`))

  it(`is read, and its hosts are ${sends ? 'requested' : 'never claimed to be'}`, async () => {
    simulator = await startScene({ version })
    const deployment = deploymentOn(simulator, simulator, settings)
    expect(await deployment.tick()).toMatchObject({ hosts: 2, edges: 2, zonesDue: 1 })
    const reports = await deployment.work()
    const reasons = (await deployment.status()).rows.map(({ reason, detail }) => [reason, detail ?? ''])
    if (sends) {
      expect(reports).toMatchObject([{ verdict: 'Unknown' }, { verdict: 'Unknown' }])
      expect(reasons.map(([reason]) => reason)).toEqual(['RequestedUnverified', 'RequestedUnverified'])
      expect(simulator.cloud.setups).toHaveLength(6)
    } else {
      const why = expect.stringContaining(`CloudStack is ${version}; only from 4.17 on`)
      expect(reports).toMatchObject([{ failed: 'CloudStackTooOld' }, { failed: 'CloudStackTooOld' }])
      expect(reasons).toEqual([
        ['CloudStackTooOld', why],
        ['CloudStackTooOld', why],
      ])
      expect([simulator.requests.updateHost, simulator.cloud.setups]).toEqual([undefined, []])
    }
  })
})
