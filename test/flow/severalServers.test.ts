/**
 * Several management servers behind one address: a connection stays with the server that took it, so whoever asks a sick one
 * again has to come over a new connection. Also: a tick ends before its function does, and a recorded request soon is worth nothing.
 */
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { create } from '../../functions/snapshot/handler.ts'
import { createCloudStack } from '../../shared/cloudstack/client.ts'
import { RequestRefused } from '../../shared/cloudstack/errors.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { controlKey } from '../../shared/store/items.ts'
import { type Asked, type HostileWorld, startHostileWorld } from './hostileWorld.ts'

let world: HostileWorld
beforeEach(async () => {
  world = await startHostileWorld()
})
afterEach(() => world.stop())

const saying =
  (status: number, body: string) =>
  ({ response }: Asked): void =>
    void response.writeHead(status).end(body)

const brokenDatabase = '{"errorresponse":{"errorcode":530,"errortext":"Unable to get a connection from the pool"}}'

/** As a balancer spreads them: the first new connection goes to a sick server, the second to a well one, and so on. */
function everySecondIsSick(sick: (asked: Asked) => void): { readonly asked: string[] } {
  const servers = new Map<Socket, number>()
  const asked: string[] = []
  world.misbehave = (one) => {
    const server = servers.get(one.socket) ?? servers.size
    servers.set(one.socket, server)
    asked.push(`${one.command} ${server % 2 === 0 ? 'sick' : 'well'}`)
    if (server % 2 === 1) return false
    sick(one)
    return true
  }
  return { asked }
}

describe('one of two servers', () => {
  it.each<[string, (asked: Asked) => void]>([
    ['answers 503', saying(503, 'starting')],
    ['is gone behind a gateway', saying(502, '<html>Bad gateway</html>')],
    ['has lost its database', saying(530, brokenDatabase)],
    ['shows its own error page', saying(500, '<html>NullPointerException</html>')],
    ['resets connections', ({ socket }) => void socket.resetAndDestroy()],
    [
      'breaks off in the middle of its answers',
      ({ response, socket }) => {
        response.writeHead(200, { 'Content-Length': '5000' }).write('{"listhosts')
        setTimeout(() => socket.destroy(), 20)
      },
    ],
  ])('%s: the tick is served by the other one', async (_what, sick) => {
    const { asked } = everySecondIsSick(sick)
    expect((await world.tick()).report).toMatchObject({ hosts: 5, edges: 5 })
    expect(await world.uris()).toHaveLength(6)
    expect(asked.slice(0, 3)).toEqual(['listHosts sick', 'listHosts well', 'listEvents well'])
    expect(asked.filter((one) => one.endsWith('sick'))).toHaveLength(1)
    expect(world.connections()).toBe(2)
  })

  it('with a broken database is asked only once to change something', async () => {
    const { asked } = everySecondIsSick(saying(530, brokenDatabase))
    await expect(createCloudStack(world).updateHost('x')).rejects.toThrow(RequestRefused)
    expect(asked).toEqual(['updateHost sick'])
  })

  it.each([502, 504])(
    'behind a gateway that gave up with %i is not asked to change something again',
    async (status) => {
      const { asked } = everySecondIsSick(saying(status, '<html>Gateway</html>'))
      const refused = createCloudStack(world).updateHost('x')
      await expect(refused).rejects.toMatchObject({ name: 'NoAnswer', timedOut: true })
      expect(asked).toEqual(['updateHost sick'])
    },
  )

  it('all of them with a broken database: a read is asked twice, and the error is CloudStack’s own', async () => {
    let asked = 0
    world.misbehave = (one) => {
      asked += 1
      saying(530, brokenDatabase)(one)
      return true
    }
    expect((await world.tick()).report).toMatchObject({ failed: expect.stringContaining('refused listHosts with 530') })
    expect([asked, world.connections()]).toEqual([2, 2])
  })

  it('a server that was well is asked over the same connection again', async () => {
    await world.tick()
    await world.tick()
    expect(world.connections()).toBe(1)
  })
})

describe('a tick of a server that answers slowly', () => {
  it('ends before its function is ended, and says why', async () => {
    world.misbehave = async () => {
      await new Promise((resolve) => setTimeout(resolve, 150))
      return false
    }
    const environment = {
      CLOUDSTACK_API_URL: world.url,
      CLOUDSTACK_API_KEY: world.apiKey,
      CLOUDSTACK_SECRET_KEY: world.secretKey,
    }
    const { store, queues } = world.ports
    const snapshot = create(environment, { store, queues, logger: silent })
    const remaining = 700
    const started = performance.now()
    const report = await snapshot({}, contextWith(remaining))
    expect(performance.now() - started).toBeLessThan(remaining)
    const reason = expect.stringMatching(/was so slow that no time was left to (ask|wait for its answer to) list/)
    expect(report).toMatchObject({ failed: reason })
    expect(await store.get(controlKey('default'))).toMatchObject({ failure: reason })
  })
})

describe('a request that somebody recorded', () => {
  it('is refused ten minutes later, though its signature is right', async () => {
    const bodies: string[] = []
    const recording = createServer((asked, response) => {
      asked.on('data', (chunk) => bodies.push(String(chunk))).on('end', () => response.end('{"listzonesresponse":{}}'))
    })
    await new Promise<void>((resolve) => recording.listen(0, '127.0.0.1', resolve))
    const address = recording.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/client/api`
    const { apiKey, secretKey, clock, simulator } = world
    await createCloudStack({ url, apiKey, secretKey, now: () => clock.at }).call('listZones', {}, z.unknown())
    recording.closeAllConnections()
    recording.close()
    const replay = async (): Promise<number> => {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      return (await fetch(simulator.url, { method: 'POST', headers, body: bodies[0] ?? '' })).status
    }
    clock.at += 599_000
    const soon = await replay()
    clock.at += 2_000
    expect([soon, await replay()]).toEqual([200, 401])
  })
})

function contextWith(remaining: number) {
  const end = performance.now() + remaining
  const nothing = (): void => {}
  return {
    callbackWaitsForEmptyEventLoop: false,
    functionName: 'snapshot',
    functionVersion: '1',
    invokedFunctionArn: 'arn',
    memoryLimitInMB: '512',
    awsRequestId: 'id',
    logGroupName: 'group',
    logStreamName: 'stream',
    getRemainingTimeInMillis: () => end - performance.now(),
    done: nothing,
    fail: nothing,
    succeed: nothing,
  }
}
