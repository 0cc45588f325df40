/** The function itself, as Lambda asks it: without the ingress, whose bounds Lambda does not have. */
import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Context } from 'aws-lambda'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as z from 'zod'
import { create } from '../../functions/webhook/handler.ts'
import { mostBytes } from '../../shared/flow/webhook.ts'
import type { Queues } from '../../shared/queue/queues.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import { secretInFile } from '../../shared/webhook/secret.ts'
import { createMemoryQueues } from '../simulation/memoryQueues.ts'

let folder: string
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_000_000 })
  folder = mkdtempSync(join(tmpdir(), 'webhook-'))
  await keep('eu', 'the-secret-of-eu')
  await keep('us', 'the-secret-of-us')
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(folder, { recursive: true })
})

const keep = (cloud: string, secret: string) => secretInFile(join(folder, 'webhook', cloud, 'secret')).write(secret)
const later = (milliseconds: number) => vi.setSystemTime(Date.now() + milliseconds)
const created = '{"event":"NETWORK.CREATE","status":"Completed"}'
const answerShape = z.object({ statusCode: z.int(), body: z.string() })
const context = { getRemainingTimeInMillis: () => 10_000 } as Context

function scene(over: Partial<Queues> = {}) {
  const memory = createMemoryQueues(Date.now, () => ({ visibilityMilliseconds: 60_000 }))
  const store = createMemoryStore()
  const environment = { BRIDGEKEEPER_CLOUD: 'eu,us', BRIDGEKEEPER_DATA: folder }
  const overrides = { store, queues: { ...memory, ...over }, logger: silent }
  const handler = create(environment, overrides)
  /** @param name of the header, which HTTP takes in any case */
  const post = async (secret: string, body = created, name = 'x-cs-signature') => {
    const signature = createHmac('sha256', secret).update(body).digest('base64')
    const headers = { [name]: signature, host: 'us.example.org', 'x-cs-event': 'NETWORK.CREATE' }
    const event = { requestContext: { http: { method: 'POST' } }, headers, body, isBase64Encoded: false }
    return answerShape.parse(await handler(event, context))
  }
  const kicked = () => memory.sent.map(({ queue, message: { group } }) => `${queue} ${group}`)
  return { post, kicked }
}

describe('the function webhook', () => {
  it('starts a snapshot of the cloud whose secret fits, whatever else the request says', async () => {
    const { post, kicked } = scene()
    expect(await post('the-secret-of-eu')).toMatchObject({ statusCode: 200, body: 'signed, and a snapshot begins\n' })
    expect(kicked()).toEqual(['snapshot eu'])
    expect(await post('the-secret-of-us', '{"event":"NETWORK.DELETE","cloud":"eu"}', 'X-CS-Signature')).toMatchObject({
      statusCode: 200,
    })
    expect(kicked()).toEqual(['snapshot eu', 'snapshot us'])
  })

  it('starts one a minute for each cloud, and does not wait for a clock that was set back', async () => {
    const { post, kicked } = scene()
    const sendTen = async () => {
      for (let times = 0; times < 10; times += 1) await post('the-secret-of-eu')
    }
    await sendTen()
    later(59_999)
    await sendTen()
    expect(kicked()).toEqual(['snapshot eu'])
    later(1)
    await sendTen()
    expect(kicked()).toEqual(['snapshot eu', 'snapshot eu'])
    later(-3_600_000)
    await sendTen()
    expect(kicked()).toHaveLength(3)
  })

  it('starts one for many that come at once', async () => {
    const { post, kicked } = scene()
    await Promise.all(Array.from({ length: 100 }, () => post('the-secret-of-eu')))
    expect(kicked()).toEqual(['snapshot eu'])
  })

  it('takes what is not larger than an event can be', async () => {
    const { post, kicked } = scene()
    const sized = (bytes: number) => created.padEnd(bytes)
    expect((await post('the-secret-of-eu', sized(mostBytes + 1))).statusCode).toBe(413)
    expect(kicked()).toEqual([])
    expect((await post('the-secret-of-eu', sized(mostBytes))).statusCode).toBe(200)
    expect(kicked()).toEqual(['snapshot eu'])
  })

  it('knows a changed secret after a minute, and the old one no longer', async () => {
    const { post } = scene()
    expect((await post('the-secret-of-eu')).statusCode).toBe(200)
    await keep('eu', 'another-secret-of-eu')
    later(60_000)
    expect((await post('another-secret-of-eu')).statusCode).toBe(200)
    expect((await post('the-secret-of-eu')).statusCode).toBe(401)
  })

  it('tells a stranger the same, whether there is a secret or none', async () => {
    const { post: known } = scene()
    const told = await known('guessed-by-a-stranger')
    rmSync(join(folder, 'webhook'), { recursive: true })
    const { post: unknown } = scene()
    expect(await unknown('guessed-by-a-stranger')).toEqual(told)
    expect(told.statusCode).toBe(401)
  })

  it('fails where the queue does, which costs the minute and no more', async () => {
    let fails = true
    const sent: string[] = []
    const { post } = scene({
      send: async (queue) => {
        if (fails) throw new Error('the queue does not answer')
        sent.push(queue)
      },
    })
    await expect(post('the-secret-of-eu')).rejects.toThrow('the queue does not answer')
    fails = false
    expect((await post('the-secret-of-eu')).body).toBe('signed, and one was asked for within the last minute\n')
    later(60_000)
    expect((await post('the-secret-of-eu')).body).toBe('signed, and a snapshot begins\n')
    expect(sent).toEqual(['snapshot'])
  })
})
