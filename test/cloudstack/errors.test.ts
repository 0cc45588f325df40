/** Every way to fail gives one clear line, and none of them holds a key or a signature, however deep one looks. */
import { createServer, type RequestListener, type Server } from 'node:http'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { createCloudStack } from '../../shared/cloudstack/client.ts'
import {
  CloudStackError,
  MalformedAnswer,
  NoAnswer,
  RequestRefused,
  WrongEndpoint,
} from '../../shared/cloudstack/errors.ts'
import { describeFailure } from '../../shared/cloudstack/failure.ts'
import { anyCommand } from './anyCommand.ts'
import { captures, captureText } from './fixtures.ts'

const keys = { apiKey: 'very-secret-api-key', secretKey: 'very-secret-secret-key' }

let server: Server | undefined
afterEach(async () => {
  server?.closeAllConnections()
  await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())))
  server = undefined
})

async function serve(listener: RequestListener): Promise<string> {
  const started = createServer(listener)
  server = started
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
  const address = started.address()
  return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

const answering =
  (status: number, body: string, headers: Readonly<Record<string, string>> = {}): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { ...headers }).end(body)
  }

/** @returns the error of a call, after looking into every corner of it */
async function failureOf(url: string, command = 'listZones', timeoutMs = 2000): Promise<CloudStackError> {
  const call = anyCommand({ url, ...keys }, timeoutMs)
  const error = await call(command, {}, z.unknown()).then(
    () => expect.unreachable('it should have failed'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(CloudStackError)
  const everything = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true }) + JSON.stringify(error)
  for (const secret of [...Object.values(keys), 'signature=', 'apikey=']) expect(everything).not.toContain(secret)
  if (!(error instanceof CloudStackError)) throw error
  expect(error.message).not.toContain('\n')
  return error
}

describe('an error that CloudStack answers', () => {
  const refused = captures.filter(({ file, httpStatus }) => httpStatus >= 400 && file.endsWith('.json'))

  it('was captured in every code that matters', () => {
    expect([...new Set(refused.map(({ httpStatus }) => httpStatus))].sort()).toEqual([401, 431, 432, 530])
  })

  it.each(refused)('$file is RequestRefused with its code', async ({ file, httpStatus }) => {
    const host = await serve(answering(httpStatus, captureText(file)))
    const error = await failureOf(`http://${host}/client/api`)
    expect(error).toBeInstanceOf(RequestRefused)
    expect(error).toMatchObject({ code: httpStatus, transient: httpStatus >= 500 })
    expect(error.message).toContain(`CloudStack at ${host} refused listZones with ${httpStatus}`)
  })

  it('401 names all three causes', async () => {
    const host = await serve(answering(401, captureText('error.bad-signature.json')))
    expect((await failureOf(`http://${host}`)).message).toContain('bad key, bad signature or unknown command')
  })

  it.each([
    [
      'twenty minutes behind',
      20,
      /the signature had expired when it came, since this machine's clock says \S+Z, the server's \S+Z/,
    ],
    ['eight minutes behind', 8, /bad key.*check both keys, and set both clocks by NTP: this machine's clock says/],
    ['an hour ahead', -60, /bad key.*check both keys, and set both clocks by NTP: this machine's clock says/],
    ['a minute behind', 1, /bad key.*check both keys, and the clock of this machine \(/],
  ])('401 while this machine’s clock is %s tells both clocks where they matter', async (_what, minutes, expected) => {
    const sent = new Date(Date.now() + minutes * 60_000).toUTCString()
    const host = await serve(answering(401, captureText('error.expired.json'), { Date: sent }))
    expect((await failureOf(`http://${host}`)).message).toMatch(expected)
  })

  it('401 from a server that tells no time is still explained', async () => {
    const host = await serve((_request, response) => {
      response.sendDate = false
      response.writeHead(401).end(captureText('error.expired.json'))
    })
    expect((await failureOf(`http://${host}`)).message).toContain('check both keys')
  })

  it('is quoted without the keys, on one line and not for ever', async () => {
    const errortext = `no ${keys.apiKey}\nor ${keys.secretKey} ${'x'.repeat(10_000)}`
    const host = await serve(answering(431, JSON.stringify({ errorresponse: { errorcode: 431, errortext } })))
    expect((await failureOf(`http://${host}`)).message.length).toBeLessThan(600)
  })
})

describe('an answer that is not the API', () => {
  it.each([
    ['a web page', 200, '<html></html>'],
    ['a page that says not found', 404, '<h1>404</h1>'],
    ['XML', 401, captureText('error.xml-unknown-command.xml')],
    ['nothing', 200, ''],
    ['a list', 200, '[]'],
    ['a word', 200, '"ok"'],
    ['an object of something else', 200, '{"status":"ok","version":"1"}'],
  ])('%s is WrongEndpoint and names the host', async (_what, status, body) => {
    const host = await serve(answering(status, body))
    const error = await failureOf(`http://${host}/wrong`)
    expect(error).toBeInstanceOf(WrongEndpoint)
    expect(error.message).toContain(host)
    expect(error.message).toContain('/client/api')
  })

  it('a redirect is not followed with the key', async () => {
    let asked = 0
    const host = await serve((_request, response) => {
      asked += 1
      response.writeHead(307, { Location: 'http://elsewhere.example/steal?x=1' }).end()
    })
    const error = await failureOf(`http://${host}`)
    expect([error.name, asked]).toEqual(['WrongEndpoint', 1])
    expect(error.message).toContain('a redirect to elsewhere.example:')
  })

  it('an answer to another command is MalformedAnswer', async () => {
    const host = await serve(answering(200, '{"listhostsresponse":{}}'))
    expect(await failureOf(`http://${host}`)).toBeInstanceOf(MalformedAnswer)
  })

  it('an answer without end is MalformedAnswer, and is cut off', async () => {
    const block = Buffer.alloc(1024 * 1024, ' ')
    const host = await serve((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(block));
      }
      response.on('drain', more).writeHead(200)
      more()
    })
    const error = await failureOf(`http://${host}`, 'listZones', 20_000)
    expect([error.name, error.message]).toEqual(['MalformedAnswer', expect.stringContaining('more than is read')])
  })
})

describe('no answer', () => {
  it('a refused connection says what to check', async () => {
    const host = await serve(() => {})
    await new Promise<void>((resolve) => server?.close(() => resolve()))
    const error = await failureOf(`http://${host}`)
    expect(error).toBeInstanceOf(NoAnswer)
    expect(error.message).toBe(
      `CloudStack at ${host} refused the connection: see that the management server runs and that the port is right`,
    )
  })

  it('a host name without an address says so', async () => {
    const error = await failureOf('http://nowhere.invalid/client/api')
    expect(error.name).toBe('NoAnswer')
    expect(error.message).toMatch(/^CloudStack at nowhere\.invalid (has no address|could not be looked up)/)
  })

  it('a server that hangs is given up in time, and may still be at work', async () => {
    const host = await serve(() => {})
    const error = await failureOf(`http://${host}`, 'listZones', 50)
    expect(error).toMatchObject({ name: 'NoAnswer', timedOut: true })
    expect(error.message).toContain('did not answer listZones within 0.05 s')
  })

  it('an answer that drips is given up in time too', async () => {
    const host = await serve((_request, response) => {
      const drip = setInterval(() => response.write(' '), 10)
      response.on('close', () => clearInterval(drip))
    })
    expect(await failureOf(`http://${host}`, 'listZones', 100)).toMatchObject({ timedOut: true })
  })

  it('a connection that is cut says so', async () => {
    const host = await serve((request) => request.socket.destroy())
    const error = await failureOf(`http://${host}`)
    expect([error.name, error.timedOut]).toEqual(['NoAnswer', false])
    expect(error.message).toContain('closed the connection without an answer')
  })

  it('a kept connection that died is replaced, once and unseen', async () => {
    const asked = new Map<unknown, number>()
    const host = await serve((request, response) => {
      const times = (asked.get(request.socket) ?? 0) + 1
      asked.set(request.socket, times)
      if (times > 1) request.socket.destroy()
      else response.end('{"listzonesresponse":{}}')
    })
    const client = createCloudStack({ url: `http://${host}`, ...keys })
    for (let call = 0; call < 3; call += 1) expect(await client.call('listZones', {}, z.unknown())).toEqual({})
    expect([...asked.values()]).toEqual([2, 2, 1])
  })

  it('https to a port that speaks http is WrongEndpoint', async () => {
    const host = await serve(answering(200, ''))
    const error = await failureOf(`https://${host}`)
    expect([error.name, error.message]).toEqual([
      'WrongEndpoint',
      expect.stringContaining('does not speak TLS as asked'),
    ])
  })

  it.each(['SELF_SIGNED_CERT_IN_CHAIN', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID'])(
    'a certificate with %s is WrongEndpoint',
    (code) => {
      const thrown = Object.assign(new Error('certificate'), { code })
      const error = describeFailure(thrown, new URL('https://cloud.example/client/api'), 'listZones', 1000)
      expect([error.name, error.message]).toEqual(['WrongEndpoint', expect.stringContaining(code)])
    },
  )
})

describe('a URL', () => {
  it.each(['', 'cloud.example', 'ftp://cloud.example/client/api', 'http://user:pass@cloud.example/client/api'])(
    '%s is refused at once, unquoted',
    (url) => {
      expect(() => createCloudStack({ url, ...keys })).toThrow('must look like https://cloud.example.org/client/api')
    },
  )
})
