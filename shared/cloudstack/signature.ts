/**
 * The signature of a request, to CloudStack's letter (FACTS F2). In: the parameters of a call and the keys. Out: the
 * form body. Pure; whoever logs its result logs a signature, so nobody does.
 */
import { createHmac } from 'node:crypto'

export interface Keys {
  readonly apiKey: string
  readonly secretKey: string
}

/** Minutes for which a signed request may be used: more than clocks differ, less than a replay is worth. */
export const validMinutes = 10

/**
 * The body of a form POST that runs `command`. Answers come as JSON; the request expires (signature version 3).
 * @param now milliseconds since the epoch
 */
export function signedForm(
  command: string,
  parameters: Readonly<Record<string, string>>,
  keys: Keys,
  now: number,
): string {
  const all = {
    ...parameters,
    apikey: keys.apiKey,
    command,
    expires: `${new Date(now + validMinutes * 60_000).toISOString().slice(0, 19)}+0000`,
    response: 'json',
    signatureversion: '3',
  }
  const pairs = Object.entries(all).map(([name, value]) => pair(name, value))
  return [...pairs, `signature=${encode(sign(all, keys.secretKey))}`].join('&')
}

/** Base64 HMAC-SHA1 over the sorted, encoded and lower-cased parameters. Names must be lower-case: they are sorted raw. */
export function sign(parameters: Readonly<Record<string, string>>, secretKey: string): string {
  const names = Object.keys(parameters).sort()
  const text = names.map((name) => pair(name, parameters[name] ?? '')).join('&')
  return createHmac('sha1', secretKey).update(text.toLowerCase()).digest('base64')
}

function pair(name: string, value: string): string {
  if (!/^[a-z]+$/.test(name)) throw new TypeError(`A parameter's name must be lower-case letters, not '${name}'`)
  return `${name}=${encode(value)}`
}

/** As Java's URLEncoder does, a space as %20: only letters, digits and `. - * _` stay bare. */
function encode(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replace(/[!'()~]/g, asHex)
}

const asHex = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
