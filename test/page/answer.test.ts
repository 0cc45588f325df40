/** The status page as an address: what it shows of hosts with hostile names, how it is filtered, and what it answers to strangers' questions. */
import { describe, expect, it } from 'vitest'
import type { HostRow } from '../../shared/flow/status.ts'
import { answerPage, type Readable } from '../../shared/page/answer.ts'
import { rowsOfSheet } from '../../shared/page/filter.ts'
import { count } from '../../shared/reconcile/status.ts'
import { hostRecord, vlan } from '../factories.ts'

const now = 1_000_000
const row = (name: string, more: Partial<HostRow> = {}): HostRow => ({
  ...{ zone: 'Zürich', status: 'InSync', desired: [vlan(100)] },
  record: hostRecord({ name, verifiedAt: now - 90_000 }),
  ...more,
})
const bad = {
  status: 'OutOfSync',
  reason: 'Conflict',
  detail: 'eth1.100 belongs to br-storage',
  next: 'Look at it.',
} as const
const readableOf = (rows: readonly HostRow[]): Readable => ({
  clouds: ['eu', 'us'],
  read: async () => ({
    status: { control: undefined, rows, counts: count(rows) },
    standing: { pauses: [], holds: [], refusals: [] },
  }),
})
const ask = (path: string, rows: readonly HostRow[] = [], method = 'GET') => {
  const [before = '/', query = ''] = path.split('?')
  return answerPage({ method, path: before, query, headers: {}, body: Buffer.alloc(0) }, readableOf(rows), now)
}
const namesIn = (html: string): readonly string[] =>
  [...html.matchAll(/<th scope="row">([^<]*)<\/th>/g)].map(([, name = '']) => name)

describe('the page', () => {
  it('shows what is wrong first, then what is not known, what is not Up, and what is well, by name', async () => {
    const { statusCode, body } = await ask('/', [
      row('kvm10'),
      row('kvm2'),
      row('down', { status: 'Unknown', reason: 'HostNotUp' }),
      row('lost', { status: 'Unknown', reason: 'HostUnreachable' }),
      row('wrong', bad),
    ])
    expect(statusCode).toBe(200)
    expect(namesIn(body)).toEqual(['wrong', 'lost', 'down', 'kvm2', 'kvm10'])
    expect(body).toContain('<summary>Conflict</summary><p>eth1.100 belongs to br-storage</p><p>Look at it.</p>')
    expect(body).toContain('<title>2 not in sync – Bridgekeeper eu</title>')
    expect(body).toContain('1m ago')
  })

  it.each([
    ['zone', '?zone=Bern', ['b1', 'b2']],
    ['status', '?status=OutOfSync', ['b1']],
    ['reason', '?reason=Conflict', ['b1']],
    ['a part of the name', '?host=B2', ['b2']],
    ['two of them', '?zone=Z%C3%BCrich&status=InSync', ['z1']],
    ['a status that does not exist, which is passed over', '?status=Fine', ['b1', 'b2', 'z1']],
    ['something that is not', '?host=%3Cscript%3E', []],
  ])('is filtered by %s', async (_what, query, names) => {
    const rows = [row('b1', { zone: 'Bern', ...bad }), row('b2', { zone: 'Bern' }), row('z1')]
    expect(namesIn((await ask(`/${query}`, rows)).body)).toEqual(names)
  })

  it('has sheets, each of which leads to the next with the same filter', async () => {
    const rows = Array.from({ length: rowsOfSheet * 2 + 1 }, (_, n) => row(`kvm${n}`))
    const second = (await ask('/?host=kvm&sheet=2', rows)).body
    expect(namesIn(second)).toHaveLength(rowsOfSheet)
    expect(second).toContain('host=kvm&amp;sheet=3"')
    expect(namesIn((await ask('/?sheet=99999', rows)).body)).toEqual([`kvm${rowsOfSheet * 2}`])
  })

  it.each([
    ['a script', '<script>alert(1)</script>'],
    ['an attribute', '" onmouseover="alert(1)'],
    ['an end of the table', '</td></table><img src=x onerror=alert(1)>'],
    ['marks that turn the direction', 'a\u202eb\u0000c'],
    ['255 characters', 'x'.repeat(255)],
    ['emoji', '🦊'.repeat(100)],
    ['half a character', 'a\ud83e'],
  ])('shows %s as text, wherever it stands', async (_what, hostile) => {
    const rows = [
      row(hostile, { zone: hostile, status: 'Unknown', reason: 'HostUnreachable', detail: hostile, next: hostile }),
    ]
    const { body } = await ask(
      `/?host=${encodeURIComponent(hostile.toWellFormed())}&zone=${encodeURIComponent(hostile.toWellFormed())}`,
      rows,
    )
    expect(body).not.toMatch(/<script|<img|<[^>]*onmouseover="/)
    expect(body).not.toMatch(/[^\P{C}\n]/u)
    expect(body).toContain('</html>')
  })

  it('loads its style and nothing else, and may be in no frame', async () => {
    const { headers, body } = await ask('/')
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    )
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
    expect([...body.matchAll(/(?:src|href)="([^"?]+)/g)].map(([, to]) => to)).toEqual(['page.css'])
    expect(body).not.toMatch(/<script|style=/)
    expect((await ask('/page.css')).headers['content-type']).toMatch(/^text\/css/)
  })
})

describe('beside the page', () => {
  it('the same hosts are data', async () => {
    const { body } = await ask('/status.json?status=OutOfSync&cloud=us', [row('a'), row('b', bad)])
    expect(JSON.parse(body)).toMatchObject({
      ...{ version: 1, cloud: 'us', counts: { hosts: 2, inSync: 1, outOfSync: 1 }, found: 1 },
      hosts: [
        { name: 'b', status: 'OutOfSync', reason: 'Conflict', networks: 1, verifiedAt: '1970-01-01T00:15:10.000Z' },
      ],
    })
  })

  it.each([
    ['/healthz', 200, 'ok\n'],
    ['/?cloud=mars', 404, 'there is no such cloud: eu, us\n'],
    ['/../etc/passwd', 404, 'there is /, /status.json and /healthz\n'],
    [`/${'x'.repeat(8000)}`, 404, 'there is /, /status.json and /healthz\n'],
  ])('%s is answered', async (path, status, said) => {
    expect(await ask(path)).toMatchObject({ statusCode: status, body: said })
  })

  it('another method is refused, and HEAD has no body', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect(await ask('/', [], method)).toMatchObject({ statusCode: 405, headers: { allow: 'GET, HEAD' } })
    expect(await ask('/', [], 'HEAD')).toMatchObject({ statusCode: 200, body: '' })
  })
})
