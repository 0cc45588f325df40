import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Service, serviceFile, serviceSchema } from '../../infra/local/cloud/dataDirectory.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { dynamoDbClient } from '../../shared/runtime/clients.ts'
import { createDynamoDbStore } from '../../shared/store/dynamodb.ts'
import { controlKey } from '../../shared/store/items.ts'
import { run } from '../cli/program.ts'

const program = join(import.meta.dirname, '../../infra/local/start.ts')
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

  let simulator: CloudStackSimulator
  let working: Readonly<Record<string, string>> = {}
  beforeAll(async () => {
    simulator = await startCloudStackSimulator()
    working = {
      CLOUDSTACK_API_URL: simulator.url,
      CLOUDSTACK_API_KEY: simulator.apiKey,
      CLOUDSTACK_SECRET_KEY: simulator.secretKey,
      BRIDGEKEEPER_DRIVERS: 'Simulator=cloudstack',
    }
  })
  afterAll(() => simulator.stop())

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

  function start(environment: Readonly<Record<string, string>> = working): Started {
    const child = spawn(process.execPath, [program], {
      cwd: folder,
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
      for (const secret of [simulator.apiKey, simulator.secretKey]) expect(text).not.toContain(secret)
    }
    const lines = running.output().trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).message)).toContain('started')
  })

  test('listens for CloudStack’s webhook where it is told to, and nowhere else', async () => {
    const silent = start()
    await serviceOf(silent)
    expect(silent.output()).not.toContain('"webhook"')
    silent.child.kill('SIGTERM')
    await silent.ended
    const running = start({ ...working, BRIDGEKEEPER_WEBHOOK_LISTEN: '0' })
    await serviceOf(running)
    const url = await vi.waitFor(() => {
      const [, found] = /"webhook":"(http:\/\/127\.0\.0\.1:\d+\/)"/.exec(running.output()) ?? []
      if (found === undefined) throw new Error('it has not told its address')
      return found
    }, patience)
    expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401)
    const taken = start({
      ...working,
      BRIDGEKEEPER_DATA: join(folder, 'other'),
      BRIDGEKEEPER_WEBHOOK_LISTEN: new URL(url).port,
    })
    await taken.ended
    expect(taken.child.exitCode).toBe(1)
    expect(taken.output()).toMatch(
      /BRIDGEKEEPER_WEBHOOK_LISTEN=127\.0\.0\.1:\d+ cannot be listened on \(EADDRINUSE\): choose another/,
    )
    running.child.kill('SIGTERM')
    await running.ended
    expect(running.child.exitCode).toBe(0)
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

  test.each([
    [
      'a wrong address',
      { CLOUDSTACK_API_URL: 'http://127.0.0.1:9/client/api' },
      /^CLOUDSTACK_API_URL="http:\/\/127\.0\.0\.1:9\/client\/api" does not work: CloudStack at 127\.0\.0\.1:9 refused the connection: /,
    ],
    [
      'a wrong key',
      { CLOUDSTACK_SECRET_KEY: 'wrong' },
      /^CLOUDSTACK_API_KEY=\(hidden\) and CLOUDSTACK_SECRET_KEY=\(hidden\) do not work at "http.*401.*bad key, bad signature or unknown command/,
    ],
    [
      'an unknown driver',
      { BRIDGEKEEPER_DRIVERS: 'KVM=telepathy' },
      /^BRIDGEKEEPER_DRIVERS="KVM=telepathy" names the driver "telepathy", which does not exist; drivers are /,
    ],
    [
      'no SSH key',
      { BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh' },
      /^BRIDGEKEEPER_SSH_KEY_FILE is not set: name the file of the private key/,
    ],
    [
      'the driver xenserver without credentials',
      { BRIDGEKEEPER_DRIVERS: 'XenServer=xenserver' },
      /^BRIDGEKEEPER_XAPI_CREDENTIALS_FILE is not set: name the file/,
    ],
    [
      'an SSH key that is not there',
      { BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh', BRIDGEKEEPER_SSH_KEY_FILE: '/nowhere' },
      /^BRIDGEKEEPER_SSH_KEY_FILE="\/nowhere" cannot be read \(ENOENT\): /,
    ],
    [
      'an SSH key that is none',
      { BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh', BRIDGEKEEPER_SSH_KEY_FILE: 'not-a-key' },
      /^BRIDGEKEEPER_SSH_KEY_FILE="[^"]+": the SSH private key cannot be used/,
    ],
    [
      'an SSH key that others may read',
      { BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh', BRIDGEKEEPER_SSH_KEY_FILE: '/etc/hostname' },
      /^BRIDGEKEEPER_SSH_KEY_FILE="\/etc\/hostname" may be read by others: chmod 600 it/,
    ],
    [
      'a misspelt setting',
      { BRIDGEKEEPER_MOD: 'observe' },
      /^BRIDGEKEEPER_MOD is not a setting: did you mean BRIDGEKEEPER_MODE\?/,
    ],
  ])('says in one line what is wrong with %s, and makes nothing', async (_what, change, says) => {
    const file = join(folder, 'not-a-key')
    await writeFile(file, 'hunter2', { mode: 0o600 })
    const running = start({ ...working, ...change })
    expect(await running.ended).toEqual([1, null])
    expect(running.output()).toMatch(says)
    expect(running.output().trim().split('\n')).toHaveLength(1)
    expect(running.output()).not.toContain(simulator.secretKey)
    expect(existsSync(data)).toBe(false)
  })

  describe('with two clouds', () => {
    let other: CloudStackSimulator
    let both: Readonly<Record<string, string>> = {}
    beforeAll(async () => {
      other = await startCloudStackSimulator()
      both = {
        BRIDGEKEEPER_CLOUD: 'eu,us',
        BRIDGEKEEPER_DRIVERS: 'Simulator=cloudstack',
        ...keysOf(simulator, 'EU'),
        ...keysOf(other, 'US'),
      }
    })
    afterAll(() => other.stop())

    const keysOf = ({ url, apiKey, secretKey }: CloudStackSimulator, suffix: string) => ({
      [`CLOUDSTACK_API_URL__${suffix}`]: url,
      [`CLOUDSTACK_API_KEY__${suffix}`]: apiKey,
      [`CLOUDSTACK_SECRET_KEY__${suffix}`]: secretKey,
    })

    test('serves both, and a command is told which one it is about', async () => {
      const running = start(both)
      await serviceOf(running)
      const status = (...args: string[]) => run(['status', '-o', 'json', ...args], { BRIDGEKEEPER_DATA: data })
      expect(await status()).toMatchObject({
        code: 1,
        stderr: 'bridgekeeper: there are several clouds: name one with --cloud: eu, us.\n',
      })
      expect(await status('--cloud', 'asia')).toMatchObject({
        code: 1,
        stderr: 'bridgekeeper: --cloud "asia" is none of the clouds here: eu, us.\n',
      })
      for (const cloud of ['eu', 'us']) {
        await vi.waitFor(async () => {
          const { code, stdout } = await status('--cloud', cloud)
          expect(code).toBe(0)
          expect(JSON.parse(stdout)).toMatchObject({ cloud, hosts: [] })
        }, patience)
      }
    })

    test('says of each mistake of which cloud it is, and makes nothing', async () => {
      const running = start({ ...both, CLOUDSTACK_SECRET_KEY__US: 'wrong', BRIDGEKEEPER_MODE__EU: 'watch' })
      expect(await running.ended).toEqual([1, null])
      expect(running.output().trim().split('\n')).toEqual([
        expect.stringMatching(/^cloud eu: BRIDGEKEEPER_MODE="watch" is neither observe nor apply/),
        expect.stringMatching(
          /^cloud us: CLOUDSTACK_API_KEY=\(hidden\) and CLOUDSTACK_SECRET_KEY=\(hidden\) do not work/,
        ),
      ])
      expect(existsSync(data)).toBe(false)
    })
  })

  test('says in one line that its folder cannot be used', async () => {
    const running = start({ ...working, BRIDGEKEEPER_DATA: '/dev/null/records' })
    expect(await running.ended).toEqual([1, null])
    expect(running.output()).toMatch(/^BRIDGEKEEPER_DATA="\/dev\/null\/records" cannot be used \(ENOTDIR[^\n]*\n$/)
  })
})
