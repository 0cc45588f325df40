import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { cloudsOfSignature, signedEvent } from '../../shared/webhook/judge.ts'

const body = Buffer.from('{"event":"NETWORK.CREATE","status":"Completed","description":"grün"}')
const sign = (secret: string, bytes: Buffer = body): string =>
  createHmac('sha256', secret).update(bytes).digest('base64')
const secrets = new Map([
  ['eu', 'the secret of eu'],
  ['us', 'the secret of us'],
])

describe('a signature', () => {
  it('is base64 of the body’s HMAC-SHA256, as openssl makes it too', () => {
    const payload = Buffer.from('{ "CloudStack": "works!" }')
    expect(sign('key', payload)).toBe('yKkDLJVAV6oQzz4zm4K9z8Z2HlpC7nSXcwXytzfEAlA=')
    expect(cloudsOfSignature(sign('key', payload), payload, new Map([['one', 'key']]))).toEqual(['one'])
  })

  it('tells the cloud, whatever the others’ secrets are', () => {
    expect(cloudsOfSignature(sign('the secret of us'), body, secrets)).toEqual(['us'])
    expect(cloudsOfSignature(sign('the secret of eu'), body, secrets)).toEqual(['eu'])
  })

  const right = sign('the secret of eu')
  it.each<readonly [string, string | undefined]>([
    ['is missing', undefined],
    ['is empty', ''],
    ['is of another secret', sign('another')],
    ['is of another body', sign('the secret of eu', Buffer.from('{}'))],
    ['is cut', right.slice(0, -1)],
    ['is longer', `${right}=`],
    ['is in hexadecimal', Buffer.from(right, 'base64').toString('hex')],
    ['is in base64url', Buffer.from(right, 'base64').toString('base64url')],
    ['differs in its last bit', sign('the secret of eu').replace(/.=$/, (end) => (end[0] === 'A' ? 'E=' : 'A='))],
    ['is very long', 'A'.repeat(1_000_000)],
    ['is two', `${right},${right}`],
  ])('that %s is nobody’s', (_says, signature) => expect(cloudsOfSignature(signature, body, secrets)).toEqual([]))
})

describe('a signed event', () => {
  const of = (event: string, status?: string) => signedEvent(Buffer.from(JSON.stringify({ event, status })))

  it.each(['NETWORK.CREATE', 'NETWORK.DELETE', 'NETWORK.OFFERING.EDIT', 'TRAFFIC.TYPE.UPDATE'])(
    '%s is worth a snapshot once it is completed, and not before',
    (type) => {
      expect(of(type, 'Completed')).toEqual({ type, snapshot: 'now' })
      expect(of(type)).toEqual({ type, snapshot: 'now' })
      expect(of(type, 'Started')).toEqual({ type, snapshot: 'none' })
      expect(of(type, 'Scheduled')).toEqual({ type, snapshot: 'none' })
    },
  )

  it.each(['MAINT.CANCEL', 'HOST.CANCEL.DEGRADED'])(
    '%s is worth one soon, since it is told before it is done',
    (type) => {
      expect(of(type, 'Scheduled')).toEqual({ type, snapshot: 'soon' })
      expect(of(type, 'Completed')).toEqual({ type, snapshot: 'now' })
    },
  )

  it.each(['VM.START', 'MAINT.PREPARE', 'HOST.RECONNECT', 'USER.LOGIN', 'network.create', ''])('%s is not', (type) => {
    expect(of(type, 'Completed').snapshot).toBe('none')
    expect(of(type, 'Scheduled').snapshot).toBe('none')
  })

  it.each([
    ...['', 'null', '[]', '{"event":1}', '{ "CloudStack": "works!" }', '[['.repeat(9)],
    `{"event":"${'N'.repeat(200)}"}`,
  ])('that cannot be read is worth nothing: %s', (text) =>
    expect(signedEvent(Buffer.from(text))).toEqual({ snapshot: 'none' }),
  )
})
