/**
 * A management server, or whatever answers in its place, that answers with anything at all: the whole tick ends in bounds, what
 * was in force stays in force, status says why in words, and the first honest answer makes everything right again.
 */
import { createServer } from 'node:http'
import { createGzip, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Asked, type HostileWorld, type Misbehaviour, startHostileWorld } from './hostileWorld.ts'

let world: HostileWorld
beforeEach(async () => {
  world = await startHostileWorld()
  expect((await world.tick()).report).toMatchObject({ tick: 1, hosts: 5, edges: 5 })
})
afterEach(() => world.stop())

/** Real milliseconds: however busy this machine is, nothing may last until the client's own time-out. */
const bound = 8_000
/** Where only the time-out helps. */
const hasty = 400

type Answer = (asked: Asked) => void | Promise<void>

const to =
  (command: string, answer: Answer): Misbehaviour =>
  async (asked) => {
    if (asked.command !== command) return false
    await answer(asked)
    return true
  }

const saying =
  (status: number, body: string | Buffer, headers: Readonly<Record<string, string>> = {}): Answer =>
  ({ response }) =>
    void response.writeHead(status, headers).end(body)

/** The simulator's answer, changed. */
const changed =
  (change: (text: string) => string | Buffer, headers: Readonly<Record<string, string>> = {}): Answer =>
  async ({ response, honest }) => {
    const { status, text } = await honest()
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(change(text))
  }

const pouring =
  (block: Buffer, headers: Readonly<Record<string, string>> = {}): Answer =>
  ({ response }) => {
    const more = (): void => {
      while (!response.destroyed && response.write(block));
    }
    response
      .on('error', () => {})
      .on('drain', more)
      .writeHead(200, headers)
    more()
  }

const dripping: Answer = ({ response }) => {
  response.writeHead(200).write('{"list')
  const drip = setInterval(() => response.write(' '), 20)
  response.on('close', () => clearInterval(drip))
}

const half: Answer = async ({ response, socket, honest }) => {
  const { text } = await honest()
  response.writeHead(200, { 'Content-Length': Buffer.byteLength(text) }).write(text.slice(0, text.length / 2))
  setTimeout(() => socket.destroy(), 20)
}

const halfChunked: Answer = async ({ socket, honest }) => {
  const { text } = await honest()
  const chunk = text.slice(0, text.length / 2)
  socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.length.toString(16)}\r\n`)
  socket.write(chunk, () => socket.destroy())
}

const raw =
  (text: string): Answer =>
  ({ socket }) =>
    void socket.end(text)

/** 256 MB of blanks in a quarter of a megabyte. */
async function bomb(): Promise<Buffer> {
  const gzip = createGzip()
  const chunks: Buffer[] = []
  gzip.on('data', (chunk: Buffer) => chunks.push(chunk))
  const block = Buffer.alloc(1024 * 1024, ' ')
  for (let count = 0; count < 256; count++) if (!gzip.write(block)) await new Promise((go) => gzip.once('drain', go))
  await new Promise<void>((resolve) => gzip.once('end', resolve).end())
  return Buffer.concat(chunks)
}

const packed = bomb()
const gzip = { 'Content-Encoding': 'gzip' }
const manyBrackets = 'more than 1000000 objects and lists'
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

const cases: readonly (readonly [string, Answer, string | RegExp])[] = [
  ['429 with Retry-After in seconds, again and again', saying(429, '', { 'Retry-After': '2' }), 'HTTP 429'],
  ['429 that asks for an hour', saying(429, '', { 'Retry-After': '3600' }), 'asked to wait 3600 s'],
  [
    '429 until a date',
    ({ response }) => {
      const headers = { 'Retry-After': new Date(Date.now() + 600_000).toUTCString(), Date: new Date().toUTCString() }
      response.writeHead(429, headers).end()
    },
    /asked to wait (599|600) s/,
  ],
  ['503 without an end', saying(503, '<html>starting</html>'), 'HTTP 503'],
  ['a proxy’s 502', saying(502, '<html>Bad gateway</html>'), 'HTTP 502'],
  ['a server’s own error page', saying(500, '<html>java.lang.NullPointerException</html>'), 'HTTP 500 and no JSON'],
  ['a connection that is reset', ({ socket }) => void socket.resetAndDestroy(), 'closed the connection'],
  ['half an answer, and the end of the connection', half, 'broke off in the middle'],
  ['half an answer in chunks', halfChunked, /broke off in the middle|is cut \(HPE_/],
  ['a length that is longer than the answer', changed((text) => text, { 'Content-Length': '100000' }), 'within 0.4 s'],
  [
    'a length that is shorter than the answer',
    raw('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"listhosts":1}'),
    /cut or damaged|is cut \(HPE_/,
  ],
  ['an answer that drips without an end', dripping, 'did not answer'],
  ['no answer at all', () => {}, 'did not answer'],
  ['1 GB', pouring(Buffer.alloc(1024 * 1024, ' '), { 'Content-Length': String(1024 ** 3) }), 'more than is read'],
  ['blanks without an end', pouring(Buffer.alloc(1024 * 1024, ' ')), 'more than is read'],
  ['a gzip bomb', async (asked) => saying(200, await packed, gzip)(asked), 'more than is read'],
  ['invalid JSON', changed((text) => text.slice(0, -3)), 'cut or damaged'],
  ['JSON with a comma too many', changed((text) => text.replace('[', '[,')), 'cut or damaged'],
  ['a proxy’s web page', saying(200, '<!DOCTYPE html><p>Please log in</p>'), 'see what answers in its place'],
  ['a proxy that wants a password', saying(407, '<html>who?</html>'), 'name and a password (HTTP 407)'],
  ['nothing, with 204', saying(204, ''), 'no JSON'],
  ['UTF-16', changed((text) => Buffer.from(`\ufeff${text}`, 'utf16le')), 'not UTF-8'],
  ['Latin-1', changed((text) => Buffer.from(text.replace(/"count":/, '"é":1,"count":'), 'latin1')), 'not UTF-8'],
  [
    'a character cut in two',
    changed((text) => Buffer.concat([Buffer.from(text), Buffer.from('é').subarray(0, 1)])),
    'not UTF-8',
  ],
  ['plain text said to be compressed', changed((text) => text, gzip), 'not compressed as it says'],
  ['compressed text that is cut', changed((text) => gzipSync(text).subarray(0, -20), gzip), 'cut or damaged'],
  ['what is no HTTP', raw('SSH-2.0-OpenSSH_9.6\r\n'), 'what is no HTTP'],
  [
    'headers without an end',
    ({ socket }) => void socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(200_000)}`),
    'what is no HTTP',
  ],
  ['rows of another kind', changed((text) => text.replace(/"id":"[^"]*"/, '"id":7')), 'not understood'],
  ['rows nested a million deep', changed((text) => text.replace(/\[.*\]/s, nested(1_000_000))), 'not understood'],
  ['rows nested seven million deep', changed((text) => text.replace(/\[.*\]/s, nested(7_000_000))), manyBrackets],
  [
    'five million rows of nothing',
    changed((text) => text.replace(/\[.*\]/s, `[${'{},'.repeat(5e6)}{}]`)),
    manyBrackets,
  ],
  ['nothing but opening brackets', saying(200, '['.repeat(16e6)), manyBrackets],
  ['a million rows', changed((text) => text.replace(/\[.*\]/s, `[${'{},'.repeat(1_000_000)}{}]`)), 'not understood'],
  ['a count of 1e15', changed((text) => text.replace(/"count":\d+/, '"count":1e15')), 'was not complete'],
  ['a count below nothing', changed((text) => text.replace(/"count":\d+/, '"count":-1')), 'not understood'],
  ['a row less than the count', changed((text) => text.replace(/"count":(\d+)/, '"count":1$1')), 'was not complete'],
  ['another command’s answer', saying(200, '{"listvirtualmachinesresponse":{}}'), 'another answer'],
  ['a list', saying(200, '[]'), 'no JSON'],
  ['a refusal of the key', saying(401, '{"errorresponse":{"errorcode":401,"errortext":"no"}}'), 'check both keys'],
  ['a refusal of the role', saying(432, '{"errorresponse":{"errorcode":432,"errortext":"no"}}'), 'does not allow'],
  ['a broken database', saying(530, '{"errorresponse":{"errorcode":530,"errortext":"DB"}}'), 'refused'],
]

const regexOf = (text: string | RegExp): RegExp =>
  typeof text === 'string' ? new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : text

const onlyTimeHelps = /did not answer|within/

/** A listing of events that is not whole only says that networks must be listed. */
const harmlessInEvents = /count of 1e15|less than the count/

describe.each(['listHosts', 'listEvents', 'listNetworks'])('what %s is answered with', (command) => {
  const concerned = cases.filter(
    ([what]) =>
      (command === 'listHosts' || !/bomb|1 GB/.test(what)) && // They take a second each.
      (command !== 'listEvents' || !harmlessInEvents.test(what)),
  )

  const kept = command === 'listHosts' ? ('with hosts' as const) : undefined

  it.each(concerned)('%s: the tick ends, the last good stays, status says why', async (_what, answer, why) => {
    const before = await world.inForce(kept)
    world.simulator.cloud.disconnect('kvm1')
    await world.simulator.cloud.createNetwork({
      name: 'new',
      zone: 'zone1',
      offering: 'l2-persistent-vlan',
      vlan: '900',
    })
    world.misbehave = to(command, answer)
    if (onlyTimeHelps.test(String(why))) world.patience = hasty
    const { report, took } = await world.tick()
    if (kept !== undefined) expect(report).toMatchObject({ failed: expect.stringMatching(regexOf(why)) })
    expect(took).toBeLessThan(bound)
    expect(await world.inForce(kept)).toBe(before)
    const status = await world.status()
    expect(status).toContain('the last snapshot failed')
    expect(status).toMatch(regexOf(why))
    expect(status).not.toMatch(/signature=|apikey|simulator-admin/)

    world.misbehave = () => false
    world.patience = 10_000
    world.clock.at += 3_600_000
    expect((await world.tick()).report).toMatchObject({ hosts: 5, edges: 0 })
    expect(await world.uris()).toContain('vlan://900')
    expect(await world.status()).not.toContain('failed')
  })
})

describe('what is strange and yet right', () => {
  it.each<[string, Answer]>([
    ['unknown fields', changed((text) => text.replace(/\{"id"/g, '{"new":{"a":[1]},"id"'))],
    ['an unknown field nested deep', changed((text) => text.replace('{"id"', `{"new":${nested(100_000)},"id"`))],
    ['a field twice, the same', changed((text) => text.replace(/("id":"[^"]*")/g, '$1,$1'))],
    [
      'a row twice, and the count with it',
      changed((text) => text.replace(/"count":5,"host":\[(\{.*?\}),\{/, '"count":6,"host":[$1,$1,{')),
    ],
    ['a field called __proto__', changed((text) => text.replace(/\{"id"/g, '{"__proto__":{"id":"x"},"id"'))],
    ['a byte order mark', changed((text) => Buffer.from(`\ufeff${text}`))],
    ['blanks around', changed((text) => `\n\n ${text}\r\n`)],
    ['another content type', changed((text) => text, { 'Content-Type': 'text/html;charset=iso-8859-1' })],
    ['compressed', changed((text) => gzipSync(text), gzip)],
    ['letters as escapes', changed((text) => text.replaceAll('kvm', '\\u006bvm'))],
  ])('%s: the tick is as ever', async (_what, answer) => {
    const before = await world.inForce('with hosts')
    world.misbehave = async (asked) => {
      if (!asked.command.startsWith('list')) return false
      await answer(asked)
      return true
    }
    expect((await world.tick()).report).toMatchObject({ hosts: 5, edges: 0 })
    expect(await world.inForce('with hosts')).toBe(before)
  })
})

describe('an answer that parses and shows less', () => {
  it.each([
    ['listNetworks', 'an empty one', '{"listnetworksresponse":{}}', '6 of 6 networks are gone'],
    ['listHosts', 'an empty one', '{"listhostsresponse":{}}', '5 of 5 hosts are gone'],
    [
      'listHosts',
      'one whose last key of two is empty',
      '{"listhostsresponse":{"count":9},"listhostsresponse":{}}',
      '5 of 5 hosts are gone',
    ],
  ])('%s, %s: is not believed, and status says so', async (command, _what, text, why) => {
    const [uris, states] = [await world.uris(), await world.hostStates()]
    world.misbehave = to(command, saying(200, text))
    await world.tick()
    expect(await world.uris()).toEqual(uris)
    expect(await world.hostStates()).toEqual(states)
    expect(await world.status()).toContain(why)
  })

  it('offerings that are not persistent any more, all at once', async () => {
    const uris = await world.uris()
    world.misbehave = to(
      'listNetworkOfferings',
      changed((text) => text.replaceAll('"ispersistent":true', '"ispersistent":false')),
    )
    await world.tick()
    expect(await world.uris()).toEqual(uris)
    expect(await world.status()).toContain('6 of 6 networks are gone')
  })
})

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('%i is never followed with the key', async (status) => {
    let asked = 0
    const elsewhere = createServer((_request, response) => {
      asked += 1
      response.end('{}')
    })
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
    const address = elsewhere.address()
    const target = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    world.misbehave = to('listHosts', saying(status, '', { Location: `http://${target}/client/api` }))
    expect((await world.tick()).report).toMatchObject({ failed: expect.stringContaining(`a redirect to ${target}`) })
    await new Promise((resolve) => elsewhere.close(resolve))
    expect(asked).toBe(0)
  })
})

describe('1 GB', () => {
  it('is cut off long before it has come', async () => {
    let sent = 0
    const block = Buffer.alloc(64 * 1024, ' ')
    world.misbehave = to('listHosts', ({ response }) => {
      const more = (): void => {
        while (!response.destroyed && response.write(block)) sent += block.length
      }
      response
        .on('error', () => {})
        .on('drain', more)
        .writeHead(200, { 'Content-Length': String(1024 ** 3) })
      more()
    })
    expect((await world.tick()).report).toHaveProperty('failed')
    expect(sent).toBeLessThan(64 * 1024 * 1024)
  })
})

describe('a server that starts for half a minute', () => {
  it('is asked a few times, left alone, and asked again once it may answer', async () => {
    const before = await world.inForce('with hosts')
    const up = world.clock.at + 60_000 + 30_000
    let asked = 0
    world.misbehave = ({ response }) => {
      if (world.clock.at >= up) return false
      asked += 1
      response.writeHead(503).end('<html>starting</html>')
      return true
    }
    const first = await world.tick()
    expect(first.report).toMatchObject({ failed: expect.stringContaining('HTTP 503 to listHosts') })
    expect(await world.inForce('with hosts')).toBe(before)
    expect(await world.status()).toContain('HTTP 503')
    expect(asked).toBe(4)
    expect((await world.tick()).report).toMatchObject({ hosts: 5, edges: 0 })
    expect(await world.status()).not.toContain('503')
  })
})
