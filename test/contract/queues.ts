/** What every implementation of the queues must do: FIFO by group, once per deduplication id, again if not acknowledged. */
import { expect, it } from 'vitest'
import type { Message } from '../../shared/queue/queues.ts'

export interface Received {
  readonly body: unknown
  readonly receives: number
  acknowledge(): Promise<void>
}

/** One queue of visibility `visibilityMilliseconds`, whose messages are received at most twice. */
export interface ContractQueue {
  send(messages: readonly Message[]): Promise<void>
  /** Whatever may be received now. */
  receive(): Promise<readonly Received[]>
  purge(): Promise<void>
  /** The next delivery of what is in flight and not acknowledged, once its visibility has ended. */
  receiveAgain(): Promise<readonly Received[]>
  /** The body of the next dead letter: of a message in flight whose last visibility ends. */
  nextDead(): Promise<unknown>
}

let messages = 0

/** A message like no other, in a group of its own unless told. */
function message(given: Partial<Message> & { readonly host?: string } = {}): Message {
  const number = ++messages
  const { host = `h${number}`, ...rest } = given
  const body = { v: 1, cloud: 'default', zone: 'zone-1', host, tick: number, why: 'edge' } as const
  return { body, group: `g${number}`, deduplication: `d${number}`, ...rest }
}

const hosts = (all: readonly { readonly body: unknown }[]): readonly unknown[] =>
  all.map(({ body }) => (typeof body === 'object' && body !== null && 'host' in body ? body.host : body))

export function queueContract(queue: () => ContractQueue): void {
  const acknowledge = (received: readonly Received[]) => Promise.all(received.map((one) => one.acknowledge()))

  it('delivers what was sent, with how often it was received', async () => {
    const sent = message()
    await queue().send([sent])
    const received = await queue().receive()
    expect(received).toMatchObject([{ body: sent.body, receives: 1 }])
    await acknowledge(received)
  })

  it('takes more than ten messages in one call, and delivers each once', async () => {
    const sent = Array.from({ length: 13 }, () => message())
    await queue().send(sent)
    const received: Received[] = []
    for (let some = await queue().receive(); some.length > 0; some = await queue().receive()) received.push(...some)
    expect(new Set(hosts(received))).toEqual(new Set(hosts(sent)))
    expect(received).toHaveLength(13)
    await acknowledge(received)
  })

  it('delivers the messages of a group in order, the next one only when the one before is acknowledged', async () => {
    const group = 'one at a time'
    await queue().send([message({ group, host: 'a' }), message({ group, host: 'b' })])
    const first = await queue().receive()
    expect(hosts(first)).toEqual(['a'])
    expect(await queue().receive()).toEqual([])
    await acknowledge(first)
    const second = await queue().receive()
    expect(hosts(second)).toEqual(['b'])
    await acknowledge(second)
  })

  it('delivers the messages of several groups side by side', async () => {
    await queue().send([message({ host: 'a' }), message({ host: 'b' })])
    const received = [...(await queue().receive()), ...(await queue().receive())]
    expect(new Set(hosts(received))).toEqual(new Set(['a', 'b']))
    await acknowledge(received)
  })

  it('takes a message with a deduplication id that it had, and never delivers it, also once the first is deleted', async () => {
    const deduplication = 'the same'
    await queue().send([message({ deduplication, host: 'a' }), message({ deduplication, host: 'b' })])
    const received = await queue().receive()
    expect(hosts(received)).toEqual(['a'])
    await acknowledge(received)
    await queue().send([message({ deduplication, host: 'c' })])
    expect(await queue().receive()).toEqual([])
  })

  it('delivers a message again that was not acknowledged, before the later ones of its group', async () => {
    const group = 'again'
    await queue().send([message({ group, host: 'a' }), message({ group, host: 'b' })])
    const [first] = await queue().receive()
    const again = await queue().receiveAgain()
    expect(again).toMatchObject([{ body: { host: 'a' }, receives: 2 }])
    await first?.acknowledge()
    expect(await queue().receive()).toEqual([])
    await acknowledge(again)
    const next = await queue().receive()
    expect(hosts(next)).toEqual(['b'])
    await acknowledge(next)
  })

  it('moves a message to the dead letters that was received twice and never acknowledged', async () => {
    await queue().send([message({ host: 'nobody takes it' })])
    await queue().receive()
    expect(await queue().receiveAgain()).toMatchObject([{ receives: 2 }])
    expect(await queue().nextDead()).toMatchObject({ host: 'nobody takes it' })
    expect(await queue().receive()).toEqual([])
  })

  it('forgets everything when purged, also what is in flight', async () => {
    const group = 'purged'
    await queue().send([message({ group, host: 'in flight' }), message({ group, host: 'waiting' })])
    await queue().receive()
    await queue().purge()
    expect(await queue().receive()).toEqual([])
    await queue().send([message({ group, host: 'new' })])
    const received = await queue().receive()
    expect(hosts(received)).toEqual(['new'])
    await acknowledge(received)
  })
}
