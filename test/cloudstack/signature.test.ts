/** The vectors were made with another language's HMAC and URL encoder, so that our own cannot agree with itself. */
import { describe, expect, it } from 'vitest'
import { expectedSignature } from '../../infra/local/cloudstackSimulator/authentication.ts'
import { sign, signedForm } from '../../shared/cloudstack/signature.ts'

const keys = { apiKey: 'KEY-1', secretKey: 'SECRET-1' }
const plain = { command: 'listZones', apikey: keys.apiKey, response: 'json' }

describe('the signature', () => {
  it.each([
    ['of plain parameters', plain, 'Am8VDJnbZlsq7/EhoJUgTArlnBM='],
    [
      'of everything that encoders disagree about',
      { ...plain, keyword: "a*b~c [d] !'() é+&=/ 네트워크" },
      'ReIHr4K5JgmOQalFBdWyUG/mT3Y=',
    ],
  ])('%s is what another implementation makes', (_what, parameters, expected) => {
    expect(sign(parameters, keys.secretKey)).toBe(expected)
    expect(expectedSignature(Object.entries(parameters), keys.secretKey)).toBe(expected)
  })

  it('refuses a name that the server would sort otherwise than we do', () => {
    expect(() => sign({ ...plain, Keyword: 'x' }, keys.secretKey)).toThrow("not 'Keyword'")
  })
})

describe('the signed form', () => {
  const now = Date.UTC(2026, 10, 22, 18, 40, 26, 999)
  const form = new URLSearchParams(signedForm('listZones', { keyword: '*~ [x]' }, keys, now))

  it('expires ten minutes ahead, in the form that the server parses', () => {
    expect(form.get('signatureversion')).toBe('3')
    expect(form.get('expires')).toBe('2026-11-22T18:50:26+0000')
  })

  it('carries a signature over everything else in it', () => {
    expect(form.get('signature')).toBe(expectedSignature([...form], keys.secretKey))
  })

  it('leaves * bare and encodes ~, space and brackets', () => {
    expect(signedForm('listZones', { keyword: '*~ [x]' }, keys, now)).toContain('keyword=*%7E%20%5Bx%5D&')
  })

  it('does not let a parameter replace what is signed for', () => {
    const forged = new URLSearchParams(signedForm('listZones', { command: 'deleteHost', apikey: 'other' }, keys, now))
    expect(forged.getAll('command')).toEqual(['listZones'])
    expect(forged.getAll('apikey')).toEqual([keys.apiKey])
  })

  it('never holds the secret key', () => {
    expect(form.toString()).not.toContain(keys.secretKey)
  })
})
