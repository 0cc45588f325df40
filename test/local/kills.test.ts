import { afterEach, describe, expect, it } from 'vitest'
import { type KillableCloud, startKillableCloud } from './killableCloud.ts'

/** The real handlers on dynalite and fauxqs, real SSH to simulated hosts; short times, so that a test need not wait. */
describe('on the embedded cloud every host converges, and nothing runs twice at once', () => {
  let cloud: KillableCloud
  afterEach(() => cloud.stop())

  async function expectConverged(): Promise<void> {
    await cloud.untilInSync(90)
    expect(cloud.hosts.hosts.map((host) => host.links().filter((link) => link.group === 4814).length)).toEqual([
      6, 6, 6,
    ])
    expect(cloud.overlaps).toEqual([])
  }

  it('when a snapshot is killed after its state writes and before its diff request', async () => {
    cloud = await startKillableCloud('snapshot', { send: (queue) => queue === 'diff' })
    await expectConverged()
    expect(cloud.killed()).toBe(true)
  }, 120_000)

  it('when a diff is killed after its marks and before its send', async () => {
    cloud = await startKillableCloud('diff', { send: (queue) => queue === 'provisionKvm' })
    await expectConverged()
    expect(cloud.killed()).toBe(true)
  }, 120_000)

  it('when a run is killed between its apply and its report', async () => {
    cloud = await startKillableCloud('provisionKvm', { write: (write) => write.copy?.done !== undefined })
    await expectConverged()
    expect(cloud.killed()).toBe(true)
  }, 120_000)

  it.each(['diff', 'provisionKvm'] as const)(
    'when all messages for %s are lost with their queue',
    async (queue) => {
      cloud = await startKillableCloud(undefined, undefined, queue)
      await expectConverged()
    },
    120_000,
  )
})
