/** `page`: what it signs is verified by rules written down here anew, and whoever may not ask is told so. */
import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { run, type Started, start } from './program.ts'

const keys = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'a/secret', AWS_REGION: 'eu-central-1' }
const own = 'abc.lambda-url.eu-central-1.on.aws'

let fake: Server
let endpoint = ''
let asked: string[]
/** What AWS would say to a request that is signed well. */
let answer: (host: string, url: string) => { status: number; body: string; headers?: Record<string, string> }
let running: Started | undefined

beforeEach(async () => {
  asked = []
  answer = (host, url) => {
    if (url.startsWith('/2021-10-31/functions/bridgekeeper-prod-status/url'))
      return { status: 200, body: JSON.stringify({ FunctionUrl: `https://${own}/`, AuthType: 'AWS_IAM' }) }
    return host === own
      ? { status: 200, body: `page of ${url}`, headers: { 'content-type': 'text/html', 'set-cookie': 'x=y' } }
      : { status: 404, body: '{}' }
  }
  fake = createServer((incoming, response) => {
    const { host = '' } = incoming.headers
    asked.push(`${host} ${incoming.url}`)
    const {
      status,
      body,
      headers = {},
    } = isSigned(incoming) ? answer(host, incoming.url ?? '') : { status: 403, body: 'a signature that is not ours' }
    response.writeHead(status, headers).end(body)
  })
  await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve))
  endpoint = `http://127.0.0.1:${(fake.address() as AddressInfo).port}`
})
afterEach(async () => {
  running?.interrupt()
  await running?.ended
  running = undefined
  await new Promise<void>((resolve) => void fake.close(() => resolve()))
})

/** Signature Version 4, as AWS describes it; of a GET without a body. */
function isSigned({ headers, url = '', method }: IncomingMessage): boolean {
  const found =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    )
  if (found === null) return false
  const [, id, day = '', region = '', service = '', signed = '', signature] = found
  const [path = '', query = ''] = url.split('?')
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex')
  const canonical = [
    method,
    path
      .split('/')
      .map((part) => encodeURIComponent(decodeURIComponent(part)))
      .join('/'),
    query.split('&').filter(Boolean).sort().join('&'),
    ...signed.split(';').map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    signed,
    hash(''),
  ].join('\n')
  const scope = `${day}/${region}/${service}/aws4_request`
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, hash(canonical)].join('\n')
  const hmac = (key: string | Buffer, of: string): Buffer => createHmac('sha256', key).update(of).digest()
  const key = [region, service, 'aws4_request'].reduce(hmac, hmac(`AWS4${keys.AWS_SECRET_ACCESS_KEY}`, day))
  const isOurs = id === keys.AWS_ACCESS_KEY_ID && service === 'lambda' && signed.split(';').includes('host')
  return isOurs && hmac(key, text).toString('hex') === signature
}

const page = async (): Promise<string> => {
  running = start(['page', '--stage', 'prod', '--port', '0', '--quiet'], { ...keys, AWS_ENDPOINT_URL: endpoint })
  const { stdout } = running
  await vi.waitFor(() => expect(stdout()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\n$/), { timeout: 20_000 })
  return stdout().trim()
}

interface Got {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}
const get = (
  url: string,
  options: { readonly method?: string; readonly headers?: Record<string, string> } = {},
): Promise<Got> =>
  new Promise((resolve, reject) => {
    request(url, options, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
      .once('error', reject)
      .end()
  })

describe('page', () => {
  it('finds the address, asks it with a signature, and hands over what a page needs and no cookie', async () => {
    const url = await page()
    const { status, headers, body } = await get(`${url}?zone=Z%C3%BCrich+%2F1&host=a%2Bb&reason=(!*')`)
    expect([status, headers['content-type'], headers['set-cookie']]).toEqual([200, 'text/html', undefined])
    expect(body).toMatch(/^page of \/\?/)
    expect(Object.fromEntries(new URL(`http://x${body.slice('page of '.length)}`).searchParams)).toEqual({
      zone: 'Zürich /1',
      host: 'a+b',
      reason: "(!*')",
    })
    expect(asked[1]).toMatch(new RegExp(`^${own} /`))
  })

  it('answers to its own name, to GET, and for the page’s own paths alone', async () => {
    const url = await page()
    expect((await get(url, { headers: { host: 'evil.example:80' } })).status).toBe(403)
    expect((await get(url, { method: 'POST' })).status).toBe(405)
    expect((await get(`${url}2021-10-31/functions`)).status).toBe(404)
    expect((await get(`${url}healthz`)).status).toBe(200)
    expect(asked.filter((each) => each.startsWith(own))).toEqual([`${own} /healthz`])
  })

  it('says what to do where AWS does not let one ask the page', async () => {
    const url = await page()
    answer = () => ({ status: 403, body: 'no' })
    expect(await get(url)).toMatchObject({ status: 502, body: expect.stringContaining('attach the policy of viewers') })
  })

  it('ends with Ctrl-C', async () => {
    await page()
    running?.interrupt()
    expect((await running?.ended)?.code).toBe(0)
  })

  it.each([
    [
      'a stage that is not there',
      404,
      '{}',
      /^bridgekeeper: the function bridgekeeper-prod-status has no address: correct --stage/,
    ],
    [
      'rights that lack',
      403,
      '{}',
      /^bridgekeeper: AWS does not say where .* \(HTTP 403\): attach the policy of viewers/,
    ],
    ['an address that is none', 200, '{"FunctionUrl":"file:///etc/passwd"}', /^bridgekeeper: AWS says no address/],
  ])('tells in one line %s', async (_what, status, body, words) => {
    answer = () => ({ status, body })
    const { code, stderr } = await run(['page', '--stage', 'prod'], { ...keys, AWS_ENDPOINT_URL: endpoint })
    expect(code).toBe(1)
    expect(stderr).toMatch(words)
  })

  it('tells in one line a port that is none, and a stage that lacks', async () => {
    expect((await run(['page', '--stage', 'prod', '--port', '99999'], keys)).stderr).toMatch(/not a port/)
    expect((await run(['page'], keys)).stderr).toMatch(/--stage/)
  })
})
