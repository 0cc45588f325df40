/**
 * Who asks? In: the decoded parameters of a request, as they came. Out: the account, or a 401. It follows the server's
 * verifyRequest (FACTS F2) and shares nothing with the client, so that neither can hide a mistake of the other.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Account } from './model.ts'
import { unauthorized } from './refusal.ts'

/** What is about the signature itself may be written in any case, `apiKey` for example. @throws Refusal 401 */
export function authenticate(
  pairs: readonly (readonly [string, string])[],
  accounts: readonly Account[],
  now: number,
): Account {
  const parameters = new Map(pairs)
  if (parameters.size !== pairs.length) throw unauthorized()
  const named = new Map(pairs.map(([name, value]) => [name.toLowerCase(), value]))
  const account = accounts.find(({ apiKey }) => apiKey === named.get('apikey'))
  const signature = named.get('signature')
  if (account === undefined || signature === undefined) throw unauthorized()
  if (!sameText(signature, expectedSignature(pairs, account.secretKey))) throw unauthorized()
  if (named.get('signatureversion') === '3' && !isAhead(named.get('expires'), now)) throw unauthorized()
  return account
}

/** Raw names sorted, values as Java's URLEncoder writes them with a space as %20, all lower-cased. */
export function expectedSignature(pairs: readonly (readonly [string, string])[], secretKey: string): string {
  const text = pairs
    .filter(([name]) => name.toLowerCase() !== 'signature')
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${javaEncode(value)}`)
    .join('&')
  return createHmac('sha1', secretKey).update(text.toLowerCase()).digest('base64')
}

function javaEncode(value: string): string {
  return [...Buffer.from(value, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return /[A-Za-z0-9.*_-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}

function sameText(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** `yyyy-MM-ddTHH:mm:ss` with +0000, +00:00 or Z. */
function isAhead(expires: string | undefined, now: number): boolean {
  const [, instant, zone] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(Z|[+-]\d\d:?\d\d)$/.exec(expires ?? '') ?? []
  if (instant === undefined || zone === undefined) return false
  return Date.parse(instant + zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')) >= now
}
