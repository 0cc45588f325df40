/** What the agent answers to right, strange and hostile requests. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { answer } from '../../infra/agent/answer.ts'
import { HostError, type Session } from '../../shared/hypervisors/driver.ts'
import { agentDriver } from '../../shared/hypervisors/kvm/agent/driver.ts'
import { protocolVersion } from '../../shared/hypervisors/kvm/agent/protocol.ts'
import { network, targetOf } from '../hypervisors/kvm/factory.ts'
import { type SimulatedAgent, startSimulatedAgent } from './simulatedAgent.ts'

let host: SimulatedAgent
beforeEach(async () => {
  host = await startSimulatedAgent()
})
afterEach(() => host.stop())

const rules = { name: 'kvm1', machine: 'kvm1', group: 4814, vxlan: 'native' }
const look = {
  v: protocolVersion,
  rules,
  do: 'look',
  mode: 'apply',
  desired: { networks: [network('vlan://100')], labels: [] },
}
const ask = (value: unknown): ReturnType<typeof answer> => answer(host.parts, JSON.stringify(value))

const open = (replies?: (body: string) => string): Promise<Session> => {
  const driver =
    replies === undefined
      ? host.driver()
      : agentDriver(async () => ({ ask: async (body) => replies(body), close: async () => {} }), { mode: 'apply' })
  return driver.open(targetOf({ name: 'kvm1', address: '192.0.2.1' }), new AbortController().signal)
}
const reasonOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => (error instanceof HostError ? error.reason : error),
  )

describe('a request', () => {
  it('that is right is answered with what is to be done', async () => {
    expect(await ask(look)).toMatchObject({
      v: protocolVersion,
      version: '0.1.0',
      view: { changes: [{ uri: 'vlan://100' }] },
    })
  })

  it('of a newer release, with more in it, is understood', async () => {
    expect(await ask({ ...look, more: 1, desired: { ...look.desired, alsoThis: [] } })).toHaveProperty('view')
  })

  it('of another protocol version is refused with both versions', async () => {
    const reply = await ask({ v: protocolVersion + 1, do: 'something else' })
    expect(reply).toMatchObject({
      failed: {
        reason: 'AgentOutdated',
        detail: expect.stringContaining(`protocol ${protocolVersion}, not ${protocolVersion + 1}`),
      },
    })
  })

  it.each([
    ['no JSON', 'GET / HTTP/1.1'],
    ['an empty one', ''],
    ['a mark that is every device’s', JSON.stringify({ ...look, rules: { ...rules, group: 0 } })],
    ['an order that does not exist', JSON.stringify({ ...look, do: 'exec', command: 'reboot' })],
    [
      'a deadline that is no number',
      JSON.stringify({
        v: protocolVersion,
        rules,
        do: 'apply',
        desired: look.desired,
        until: { bootId: 'x', deadline: '9' },
      }),
    ],
    [
      'more networks than any host has',
      JSON.stringify({
        ...look,
        desired: { labels: [], networks: Array.from({ length: 16_385 }, () => network('vlan://1')) },
      }),
    ],
  ])('that is %s changes nothing and says what is wrong', async (_says, text) => {
    const before = host.state()
    expect(await answer(host.parts, text)).toMatchObject({ failed: { reason: 'HostMisread' } })
    expect(host.state()).toBe(before)
  })

  it('for another machine is refused, and what it desired is not kept', async () => {
    expect(await ask({ ...look, rules: { ...rules, machine: 'kvm2' } })).toMatchObject({
      failed: { reason: 'WrongHost' },
    })
    expect(await host.parts.keep.desired()).toBeUndefined()
  })

  it('whose names would be lines of their own reaches no batch', async () => {
    const evil = network('vlan://100', 'eth1\nlink del dev cloudbr1')
    const before = host.state()
    const reply = await ask({ ...look, do: 'apply', desired: { networks: [evil], labels: [] }, until: await untilOf() })
    expect(reply).toHaveProperty('view.findings')
    expect(host.state()).toBe(before)
  })

  it('to apply before a reboot is not done after it', async () => {
    const until = await untilOf()
    host.reboot()
    expect(await ask({ v: protocolVersion, rules, do: 'apply', desired: look.desired, until })).toMatchObject({
      failed: { reason: 'HostUnreachable', detail: expect.stringContaining('rebooted') },
    })
    expect(host.names()).not.toContain('breth1-100')
  })
})

async function untilOf(): Promise<{ bootId: string; deadline: number }> {
  const reply = await ask(look)
  if (!('view' in reply) || reply.uptime === undefined) throw new Error('the host was not listed')
  return { bootId: reply.view.bootId, deadline: reply.uptime + 6_000 }
}

describe('a reply', () => {
  it('of an agent of another release, with more in it, is understood', async () => {
    const session = await open(() =>
      JSON.stringify({
        v: protocolVersion,
        version: '0.2.7',
        view: {
          bootId: 'b',
          devices: 0,
          changes: [],
          findings: [{ physicalNetwork: 'p', uri: 'vlan://1', reason: 'TooModern', detail: 'd', new: 1 }],
        },
        repairs: { times: 0, devices: [] },
        weather: 'fine',
      }),
    )
    const view = await session.look([])
    expect(view.findings).toMatchObject([{ reason: 'Unrecognised', detail: 'd' }])
    expect(view.agent?.version).toBe('0.2.7')
  })

  it.each([
    ['is no JSON', '<html>'],
    ['is empty', ''],
    ['answers something else', JSON.stringify({ v: protocolVersion, version: '0', applied: true })],
    ['lacks what was seen', JSON.stringify({ v: protocolVersion, version: '0', view: {} })],
  ])('that %s is HostMisread', async (_says, text) => {
    expect(await reasonOf((await open(() => text)).look([]))).toBe('HostMisread')
  })

  it('that tells of a failure on the host is that failure', async () => {
    const text = JSON.stringify({
      v: protocolVersion,
      version: '0.1.0',
      failed: { reason: 'HostBusy', detail: 'Another run is at work.' },
    })
    expect(await reasonOf((await open(() => text)).look([]))).toBe('HostBusy')
  })
})

it('an apply that comes after its deadline does nothing', async () => {
  const session = await host
    .driver({ applyWithin: 1_000 })
    .open(targetOf({ name: 'kvm1', address: '192.0.2.1' }), new AbortController().signal)
  const view = await session.look([network('vlan://100')])
  const late = host.driver({ applyWithin: -1 })
  expect(view.changes).toHaveLength(1)
  const lateView = await (
    await late.open(targetOf({ name: 'kvm1', address: '192.0.2.1' }), new AbortController().signal)
  ).look([network('vlan://100')])
  expect(await reasonOf(lateView.apply())).toBe('TimeOut')
  expect(host.names()).not.toContain('breth1-100')
})
