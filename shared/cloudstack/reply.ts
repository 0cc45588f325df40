/**
 * From an HTTP reply to CloudStack's answer. In: status and bytes as they came. Out: what stands under the one top-level
 * key, or an error that says why there is none. CloudStack's own words are quoted: short, printable, without the keys.
 */
import * as z from 'zod/mini'
import { type CloudStackError, MalformedAnswer, NoAnswer, RequestRefused, WrongEndpoint } from './errors.ts'
import type { Reply } from './http.ts'
import { type Keys, validMinutes } from './signature.ts'

const refusal = z.object({ errorcode: z.number(), errortext: z.optional(z.string()) })

/** Errors come under `<command>response`, `errorresponse` or `null` (API-BEHAVIOUR, Errors); answers only under the first. */
export function readAnswer(reply: Reply, host: string, command: string, keys: Keys, now: number): unknown {
  if (isMostlyBrackets(reply.body)) {
    throw new MalformedAnswer(
      `CloudStack at ${host} answered ${command} with more than ${mostBrackets} objects and lists in ${reply.body.length} bytes: look for what answers in its place`,
    )
  }
  const text = decode(reply.body)
  if (text === undefined) {
    throw new MalformedAnswer(
      `CloudStack at ${host} answered ${command} with text that is not UTF-8: look for a proxy that changes answers`,
    )
  }
  const outer = parseJson(text)
  if (outer === undefined) throw noJson(reply, text, host, command)
  const [[key, answer] = ['', undefined], ...others] = Object.entries(outer)
  const refused = refusal.safeParse(answer)
  if (refused.success) {
    const said = quote(refused.data.errortext ?? '', keys)
    throw explain(refused.data.errorcode, host, command, said, clocksDiffer(reply, now))
  }
  if (others.length > 0 || answer === undefined) throw notTheApi(reply, host)
  if (reply.status !== 200 || key !== `${command.toLowerCase()}response`) {
    throw new MalformedAnswer(`CloudStack at ${host} answered ${command} with HTTP ${reply.status} and another answer`)
  }
  return answer
}

/** Less than this is parsed in any case: a page of 500 networks has half a megabyte. */
const surelyParsed = 4 * 1024 * 1024
const mostBrackets = 1_000_000
const [bracket, brace] = ['[', '{'].map((one) => one.charCodeAt(0))

/** 16 MB of nothing but brackets take two seconds and half a gigabyte to parse, which is all that a function has. */
function isMostlyBrackets(body: Uint8Array): boolean {
  if (body.length < surelyParsed) return false
  let found = 0
  for (let at = 0; at < body.length && found <= mostBrackets; at += 1)
    if (body[at] === bracket || body[at] === brace) found += 1
  return found > mostBrackets
}

/** Half a character would be a wrong name: what is not whole is refused. A byte order mark is dropped. */
function decode(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    return undefined
  }
}

function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

function noJson(reply: Reply, text: string, host: string, command: string): CloudStackError {
  if (reply.status >= 500) {
    return new NoAnswer(`CloudStack at ${host} answered ${command} with HTTP ${reply.status} and no JSON: see its log`)
  }
  if (!text.trimStart().startsWith('{')) return notTheApi(reply, host)
  return new MalformedAnswer(
    `CloudStack at ${host} answered ${command} with JSON that is cut or damaged (${reply.body.length} bytes): ` +
      'look for a proxy that changes answers',
  )
}

function notTheApi({ status, location }: Reply, host: string): WrongEndpoint {
  if (status === 407) {
    return new WrongEndpoint(
      `the proxy before ${host} asks for a name and a password (HTTP 407): write it like http://user:password@proxy:3128`,
    )
  }
  const target = location === undefined ? null : URL.parse(location)
  const what = target === null ? `with HTTP ${status} and no JSON` : `with a redirect to ${target.host}`
  return new WrongEndpoint(
    `${host} answered ${what}: correct the URL, which usually ends in /client/api, or see what answers in its place`,
  )
}

function explain(code: number, host: string, command: string, said: string, skew: string | undefined): CloudStackError {
  const next =
    (code === 401 ? skew : undefined) ??
    nexts[code] ??
    (code >= 500 ? 'it is tried again; if it stays, read the log of the server' : undefined)
  const where = `CloudStack at ${host} refused ${command} with ${code}`
  return new RequestRefused(code, next === undefined ? `${where} (${said})` : `${where}: ${next} (${said})`)
}

const nexts: Readonly<Record<number, string>> = {
  401: 'bad key, bad signature or unknown command; check both keys, and the clock of this machine',
  430: 'a parameter is wrong',
  431: 'a parameter is wrong, or what it names does not exist',
  432: 'the role of this account does not allow the command; use an account with a role of type Admin',
  531: 'the account may not do that; use an account with a role of type Admin',
}

/**
 * A request is good until some minutes after our clock's now, so a server whose clock is later than that refuses it with the
 * same 401 as a wrong signature; its Date header tells them apart. Half a minute is what the answer itself may have taken.
 */
function clocksDiffer({ date }: Reply, now: number): string | undefined {
  const server = Date.parse(date ?? '')
  const minutes = Math.round((server - now) / 60_000)
  if (!(Math.abs(minutes) >= 5)) return undefined
  const clocks = `this machine's clock says ${timeOf(now)}, the server's ${timeOf(server)}`
  return server - now > validMinutes * 60_000 - 30_000
    ? `the signature had expired when it came, since ${clocks}, and a request is good for ${validMinutes} minutes: set both by NTP`
    : `bad key, bad signature or unknown command; check both keys, and set both clocks by NTP: ${clocks}`
}

const timeOf = (milliseconds: number): string => `${new Date(milliseconds).toISOString().slice(0, 19)}Z`

/** What a request was signed with, as it is and as it stands in a form: 20 bytes in Base64. With it and the key the request is good for some minutes. */
const likeSignature = /(?<![\w+/])(?:[\w+/]|%2[BF]){27}(?:=|%3D)/gi

/** @returns at most 300 printable characters on one line */
function quote(said: string, { apiKey, secretKey }: Keys): string {
  const clean = said.replace(/\p{C}+/gu, ' ').trim()
  const keys = [apiKey, secretKey].flatMap((key) => [key, encodeURIComponent(key.toWellFormed())])
  const silent = keys
    .filter((key) => key !== '')
    .reduce((text, key) => text.replaceAll(key, '…'), clean)
    .replace(likeSignature, '…')
  return silent.length > 300 ? `${silent.slice(0, 300)}…` : silent
}
