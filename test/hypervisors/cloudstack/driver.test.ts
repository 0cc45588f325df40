import { afterEach, describe, expect, it } from 'vitest'
import { run } from '../../../shared/hypervisors/run.ts'
import { desiredOf } from '../../factories.ts'
import { type CloudStackHost, startCloudStackHost } from './cloudstackHost.ts'

const never = new AbortController().signal

describe('the driver that only asks CloudStack', () => {
  let host: CloudStackHost
  afterEach(() => host.stop())

  it('sends updateHost with the id alone, once, and every persistent network of the host follows', async () => {
    host = await startCloudStackHost()
    const before = host.simulator.cloud.host('sim1')
    await run(host.driver, host.target, desiredOf(host.desired), 'apply', never)
    expect(host.simulator.requests).toEqual({ listCapabilities: 1, listHosts: 1, updateHost: 1 })
    expect(host.simulator.cloud.setups.map(({ host: id, cause }) => [id, cause])).toEqual([
      [host.target.id, 'updateHost'],
      [host.target.id, 'updateHost'],
    ])
    expect(host.simulator.cloud.host('sim1')).toEqual(before)
  })

  it('never claims what it did not see', async () => {
    host = await startCloudStackHost()
    const ran = await run(host.driver, host.target, desiredOf(host.desired), 'apply', never)
    expect(ran).toEqual({
      verdict: 'Unknown',
      devices: 0,
      created: 0,
      findings: [],
      pending: [],
      readiness: [],
      orphans: [],
      unchanged: false,
      request: { call: 'updateHost', answered: true, at: expect.any(Number) },
    })
  })

  it('asks for nothing but the version in mode observe, and where nothing is desired', async () => {
    host = await startCloudStackHost()
    await run(host.driver, host.target, desiredOf(host.desired), 'observe', never)
    await run(host.driver, host.target, desiredOf([]), 'apply', never)
    expect(host.simulator.requests).toEqual({ listCapabilities: 2 })
  })

  it('counts a request that timed out as made', async () => {
    host = await startCloudStackHost('4.18.0.0', 200)
    host.simulator.faults.hang = 'updateHost'
    await expect(run(host.driver, host.target, desiredOf(host.desired), 'apply', never)).resolves.toMatchObject({
      verdict: 'Unknown',
    })
  })

  it('counts a request as made when the run ends before the server’s pass does', async () => {
    host = await startCloudStackHost()
    host.simulator.faults.hang = 'updateHost'
    const signal = AbortSignal.timeout(200)
    await expect(run(host.driver, host.target, desiredOf(host.desired), 'apply', signal)).resolves.toMatchObject({
      verdict: 'Unknown',
    })
  })

  it('fails the run with CloudStack’s own words when it refuses', async () => {
    host = await startCloudStackHost()
    host.simulator.faults.denied = ['updateHost']
    await expect(run(host.driver, host.target, desiredOf(host.desired), 'apply', never)).rejects.toMatchObject({
      name: 'HostError',
      reason: 'CloudStackRefused',
      message: expect.stringMatching(/updateHost: .*432/),
    })
  })

  it.each(['apply', 'observe'] as const)('requests nothing below 4.17 in mode %s, and says why', async (mode) => {
    host = await startCloudStackHost('4.16.1.0')
    await expect(run(host.driver, host.target, desiredOf(host.desired), mode, never)).rejects.toMatchObject({
      reason: 'CloudStackTooOld',
      message: expect.stringMatching(/CloudStack is 4\.16\.1\.0; only from 4\.17 on .* nothing was requested/),
    })
    expect(host.simulator.requests).toEqual({ listCapabilities: 1 })
  })

  it.each(['4.17.0.0', 'ours-1'])('requests as ever where the version is %s', async (version) => {
    host = await startCloudStackHost(version)
    await run(host.driver, host.target, desiredOf(host.desired), 'apply', never)
    expect(host.simulator.requests.updateHost).toBe(1)
  })
})
