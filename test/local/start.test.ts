import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Service, serviceFile, serviceSchema } from '../../infra/local/cloud/dataDirectory.ts'
import { dynamoDbClient } from '../../shared/runtime/clients.ts'
import { createDynamoDbStore } from '../../shared/store/dynamodb.ts'
import { controlKey } from '../../shared/store/items.ts'

const program = join(import.meta.dirname, '../../infra/local/start.ts')
/** Nothing answers there: every snapshot fails, and is counted. */
const nowhere = {
  CLOUDSTACK_API_URL: 'http://127.0.0.1:9/client/api',
  CLOUDSTACK_API_KEY: 'the-api-key',
  CLOUDSTACK_SECRET_KEY: 'the-secret-key',
}
const patience = { timeout: 15_000, interval: 50 }

interface Started {
  readonly child: ChildProcess
  readonly output: () => string
  readonly ended: Promise<unknown>
}

describe('the service on one machine', () => {
  let folder = ''
  let data = ''
  const started: Started[] = []

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bridgekeeper-start-'))
    data = join(folder, 'data')
  })
  afterEach(async () => {
    for (const { child, ended } of started.splice(0)) {
      child.kill('SIGKILL')
      await ended
    }
    await rm(folder, { recursive: true })
  })

  function start(environment: Readonly<Record<string, string>> = nowhere): Started {
    const child = spawn(process.execPath, [program], {
      env: { PATH: process.env.PATH, BRIDGEKEEPER_DATA: data, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const chunks: string[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(String(chunk)))
    const one = { child, output: () => chunks.join(''), ended: once(child, 'close') }
    started.push(one)
    return one
  }

  const serviceOf = ({ child, output }: Started): Promise<Service> =>
    vi.waitFor(async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${output()}`)
      const service = serviceSchema.parse(JSON.parse(await readFile(serviceFile(data), 'utf8')))
      expect(service.pid).toBe(child.pid)
      return service
    }, patience)

  /** The number of the last snapshot that was begun, read as a client beside the service would. */
  async function tickOf({ environment }: Service): Promise<number> {
    const client = dynamoDbClient(environment)
    const store = createDynamoDbStore({ table: environment.BRIDGEKEEPER_TABLE ?? '', client })
    const tick = await vi.waitFor(async () => {
      const control = await store.get(controlKey('default'))
      expect(control?.holder).toBeUndefined()
      expect(control?.tick).toBeGreaterThan(0)
      return Number(control?.tick)
    }, patience)
    client.destroy()
    return tick
  }

  test('goes on from its records after kill -9', async () => {
    const first = start()
    expect(await tickOf(await serviceOf(first))).toBe(1)
    first.child.kill('SIGKILL')
    await first.ended
    const second = start()
    const service = await serviceOf(second)
    await vi.waitFor(async () => expect(await tickOf(service)).toBe(2), patience)
  })

  test('keeps what it writes to itself, and tells no secret', async () => {
    const running = start()
    await tickOf(await serviceOf(running))
    const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)
    expect([await mode(data), await mode(serviceFile(data))]).toEqual(['700', '600'])
    for (const text of [running.output(), await readFile(serviceFile(data), 'utf8')]) {
      expect(text).not.toMatch(/the-api-key|the-secret-key/)
    }
    const lines = running.output().trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).message)).toContain('started')
  })

  test('is alone in its folder', async () => {
    const first = start()
    await serviceOf(first)
    const second = start()
    expect(await second.ended).toEqual([1, null])
    expect(second.output()).toBe(
      `BRIDGEKEEPER_DATA=${JSON.stringify(data)} is in use by another Bridgekeeper (process ${first.child.pid}): stop that one, or name another folder.\n`,
    )
    expect(first.child.exitCode).toBeNull()
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('ends by itself at %s and leaves its records alone', async (signal) => {
    const running = start()
    await tickOf(await serviceOf(running))
    running.child.kill(signal)
    expect(await running.ended).toEqual([0, null])
    expect(existsSync(serviceFile(data))).toBe(false)
    expect(existsSync(join(data, 'records'))).toBe(true)
  })

  test('says in one line each what is missing, and makes nothing', async () => {
    const running = start({})
    expect(await running.ended).toEqual([1, null])
    expect(running.output().trim().split('\n')).toEqual([
      expect.stringMatching(/^CLOUDSTACK_API_URL is not set: /),
      expect.stringMatching(/^CLOUDSTACK_API_KEY is not set: /),
      expect.stringMatching(/^CLOUDSTACK_SECRET_KEY is not set: /),
    ])
    expect(existsSync(data)).toBe(false)
  })

  test('says in one line that its folder cannot be used', async () => {
    const running = start({ ...nowhere, BRIDGEKEEPER_DATA: '/dev/null/records' })
    expect(await running.ended).toEqual([1, null])
    expect(running.output()).toMatch(/^BRIDGEKEEPER_DATA="\/dev\/null\/records" cannot be used \(ENOTDIR[^\n]*\n$/)
  })
})
