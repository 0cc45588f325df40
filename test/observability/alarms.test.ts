/**
 * A fault in each dependency raises the alarm that its runbook names, and nothing else: the functions as they are on the embedded cloud, a clock
 * that goes a minute a tick, and CloudWatch's rules over what was measured.
 */
import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Alarm, alarms } from '../../infra/alarms/alarms.ts'
import { deadLettersIn } from '../../infra/local/metricsRegister.ts'
import { pause } from '../../shared/flow/pause.ts'
import { readStatus } from '../../shared/flow/status.ts'
import { sqsClient } from '../../shared/runtime/clients.ts'
import { hostKey } from '../../shared/store/items.ts'
import { isRaised, type Point } from './alarmed.ts'
import { type ObservedCloud, type ObservedOptions, startObservedCloud } from './observedCloud.ts'

let world: ObservedCloud
let points: Point[]
let ahead = 0
const now = (): number => Date.now() + ahead
const minute = 60_000

const names = ['kvm1', 'kvm2', 'kvm3', 'kvm4']
async function start(options: Partial<ObservedOptions> = {}): Promise<void> {
  points = []
  ahead = 0
  const record = (_cloud: string, values: Readonly<Record<string, number>>): void => {
    for (const [name, value] of Object.entries(values)) points.push({ at: now(), name, value })
  }
  world = await startObservedCloud({ names, overrides: () => ({ now, metrics: { record } }), ...options })
}
afterEach(() => world?.stop())

/** So many ticks, a minute apart; what a tick throws is measured by its silence. */
async function ticks(times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    ahead += minute
    await world.tick()
  }
}
const everRaised = new Set<string>()
function raised(): readonly string[] {
  const names = alarms.filter((alarm) => isRaised(alarm, points, now())).map(({ name }) => name)
  for (const name of names) everRaised.add(name)
  return names
}
const last = (name: string): number | undefined => points.findLast((point) => point.name === name)?.value

describe('nothing is raised', () => {
  it('where all is well, and what was measured is what is so', async () => {
    await start()
    await ticks(16)
    expect(raised()).toEqual([])
    const values = ['hostsInSync', 'hostsOutOfSync', 'hostsUnknown', 'hostsNotUp', 'failingShare', 'longestWait']
    expect(values.map(last)).toEqual([4, 0, 0, 0, 0, 0])
    expect(points.filter(({ name }) => name === 'timeToReady')).toHaveLength(4)
    expect(last('cloudstackRequests')).toBeGreaterThan(0)
  })

  it('by hosts that are not Up, which is news and no fault of ours', async () => {
    await start()
    await ticks(2)
    for (const name of names.slice(1)) world.simulator.cloud.disconnect(name)
    await ticks(16)
    expect(raised()).toEqual([])
    expect([last('hostsInSync'), last('hostsNotUp')]).toEqual([1, 3])
  })
})

describe('what is raised', () => {
  it('by a CloudStack that is not there: NoGoodSnapshot, and CloudStackSilent once it is left alone', async () => {
    await start()
    await ticks(1)
    await world.simulator.stop()
    await ticks(3)
    expect(raised()).toContain('NoGoodSnapshot')
    for (let more = 0; more < 12 && !raised().includes('CloudStackSilent'); more += 1) await ticks(1)
    expect(raised()).toEqual(['NoGoodSnapshot', 'CloudStackSilent'])
  })

  it('by functions that do not run at all: NoGoodSnapshot', async () => {
    await start()
    await ticks(1)
    ahead += 4 * minute
    expect(raised()).toEqual(['NoGoodSnapshot'])
  })

  it('by hosts that are gone all at once: DisappearanceNotBelieved, and NoGoodSnapshot beside it, until it is believed', async () => {
    await start({ settings: { BRIDGEKEEPER_GUARD_PERCENT: '20' }, names: [...names, 'kvm5', 'kvm6'] })
    await ticks(1)
    for (const name of [...names, 'kvm5']) world.simulator.cloud.removeHost(name)
    const seen = new Set<string>()
    for (let tick = 0; tick < 12; tick += 1) {
      await ticks(1)
      for (const name of raised()) seen.add(name)
    }
    expect([...seen].sort()).toEqual(['DisappearanceNotBelieved', 'NoGoodSnapshot'])
    expect(raised()).toEqual([])
  })

  it('by a message that nobody can read: DeadLetters', async () => {
    await start({ embedded: { timeouts: { diff: 1 }, visibilityBeyondTimeout: 0 } })
    await ticks(1)
    const client = sqsClient(world.cloud.environment)
    const QueueUrl = world.cloud.environment.BRIDGEKEEPER_QUEUE_DIFF
    const message = { QueueUrl, MessageBody: 'no message', MessageGroupId: 'g', MessageDeduplicationId: '1' }
    await client.send(new SendMessageCommand(message))
    await vi.waitFor(async () => expect((await deadLettersIn(world.cloud.environment)).diff).toBe(1), {
      timeout: 20_000,
      interval: 500,
    })
    client.destroy()
    for (const value of Object.values(await deadLettersIn(world.cloud.environment)))
      points.push({ at: now(), name: 'deadLetters', value })
    expect(raised()).toEqual(['DeadLetters'])
  })

  it('by three runs that ended without a report: RunsCrash', async () => {
    await start()
    await ticks(1)
    const { store } = world.runtime.ports
    const { rows } = await readStatus(world.runtime.ports, world.runtime.policy, {}, false)
    for (const { record } of rows.slice(0, 3))
      await store.update({
        key: hostKey('default', record.zone, record.id),
        set: { runId: 'killed', runUntil: Date.now() - 1000 },
      })
    await world.cloud.invoke('backfill', {})
    await world.cloud.idle()
    await ticks(1)
    expect(last('crashedRuns')).toBe(1)
    expect(raised()).toEqual(['RunsCrash'])
  })

  it('by a label that leads nowhere on any host: CauseHeld, and not HostsFail', async () => {
    await start({ label: 'cloudbr9', settings: { BRIDGEKEEPER_HOLD_HOSTS: '2' } })
    await ticks(4)
    expect(raised()).toEqual(['CauseHeld'])
  })

  it('by hosts that answer no SSH: HostsFail', async () => {
    await start()
    await ticks(1)
    for (const host of world.hosts.hosts.slice(0, 2)) await host.takeDown()
    await world.cloud.invoke('backfill', {})
    await ticks(17)
    expect(last('failingShare')).toBe(50)
    expect(raised().filter((name) => name !== 'CauseHeld')).toEqual(['HostsFail'])
  })

  it('by a host that came Up while all is paused: HostsWait', async () => {
    await start()
    await ticks(1)
    world.simulator.cloud.disconnect('kvm1')
    await ticks(1)
    await pause({ ...world.runtime.ports, now }, world.runtime.policy, undefined, { by: 'test' })
    await world.simulator.cloud.connect('kvm1')
    await ticks(10)
    expect(raised()).toEqual([])
    await ticks(7)
    expect(raised()).toEqual(['HostsWait'])
  })

  it('by agents that have no certificate: CertificateEnds', async () => {
    await start({ settings: { BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh,Other=kvm-agent' } })
    await ticks(1)
    await world.cloud.invoke('housekeeping', {})
    expect(last('certificateDays')).toBe(0)
    expect(raised()).toEqual(['CertificateEnds'])
  })
})

it('each alarm was raised by a fault here, and says what it means, where to look, and what to do', () => {
  const said = (alarm: Alarm): string => [alarm.means, alarm.look.join(), alarm.fix].join()
  expect([...everRaised].sort()).toEqual(alarms.map(({ name }) => name).sort())
  for (const alarm of alarms) expect(said(alarm).length).toBeGreaterThan(80)
})
