/**
 * The status page as an address: it shows and changes nothing. In: a request, how a cloud is read, the time. Out: an answer.
 *
 * | GET or HEAD    | the answer                                                                |
 * |----------------|---------------------------------------------------------------------------|
 * | /              | the page, of ?cloud=, filtered by ?zone= &status= &reason= &host= &sheet= |
 * | /page.css      | its style: nothing else is loaded, and no script runs                     |
 * | /status.json   | the same hosts as data                                                    |
 * | /healthz       | ok                                                                        |
 * | anything else  | 404; another method: 405                                                  |
 */
import type { HttpAnswer, HttpRequest } from '../runtime/httpEvent.ts'
import { filterOf, sheetOf } from './filter.ts'
import { pageOf, type Seen, style } from './view.ts'

export interface Readable {
  readonly clouds: readonly string[]
  /** @param cloud one of them. @throws what the store throws */
  read(cloud: string): Promise<Omit<Seen, 'cloud' | 'clouds'>>
}

const headers = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

const answer = (statusCode: number, type: string, body: string, more: HttpAnswer['headers'] = {}): HttpAnswer => ({
  statusCode,
  headers: { ...headers, 'content-type': `${type}; charset=utf-8`, ...more },
  body,
})
const text = (statusCode: number, said: string, more: HttpAnswer['headers'] = {}): HttpAnswer =>
  answer(statusCode, 'text/plain', `${said}\n`, more)

/** @throws what the store throws */
export async function answerPage(request: HttpRequest, readable: Readable, now: number): Promise<HttpAnswer> {
  if (!['GET', 'HEAD'].includes(request.method)) return text(405, 'GET or HEAD', { allow: 'GET, HEAD' })
  const whole = await answerTo(request, readable, now)
  return request.method === 'HEAD' ? { ...whole, body: '' } : whole
}

async function answerTo({ path, query }: HttpRequest, readable: Readable, now: number): Promise<HttpAnswer> {
  if (path === '/healthz') return text(200, 'ok')
  if (path === '/page.css') return answer(200, 'text/css', style)
  if (path !== '/' && path !== '/status.json') return text(404, 'there is /, /status.json and /healthz')
  const asked = new URLSearchParams(query)
  const named = asked.get('cloud') ?? ''
  const cloud = named === '' ? readable.clouds[0] : readable.clouds.find((one) => one === named)
  if (cloud === undefined) return text(404, `there is no such cloud: ${readable.clouds.join(', ')}`)
  const seen: Seen = { cloud, clouds: readable.clouds, ...(await readable.read(cloud)) }
  const filter = filterOf(asked)
  return path === '/'
    ? answer(200, 'text/html', pageOf(seen, filter, now).html)
    : answer(200, 'application/json', `${JSON.stringify(dataOf(seen, filter))}\n`)
}

/** Times are ISO 8601 in UTC. */
function dataOf({ cloud, status }: Seen, filter: ReturnType<typeof filterOf>) {
  const { rows, found, sheet, sheets } = sheetOf(status.rows, filter)
  const time = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString())
  return {
    ...{ version: 1, cloud, lastGoodSnapshot: time(status.control?.lastGoodAt), counts: status.counts },
    ...{ found, sheet, sheets },
    hosts: rows.map(({ zone, record, status: is, reason, detail, next, desired }) => ({
      ...{ zone, id: record.id, name: record.name, hypervisor: record.hypervisor, state: record.state, status: is },
      ...{ reason: reason ?? null, detail: detail ?? null, next: next ?? null, networks: desired.length },
      verifiedAt: time(record.verifiedAt),
    })),
  }
}
