/**
 * From an HTTP reply to CloudStack's answer. In: status and body as they came. Out: what stands under the one top-level
 * key, or an error that says why there is none. CloudStack's own words are quoted: short, printable, without the keys.
 */
import * as z from 'zod'
import { type CloudStackError, MalformedAnswer, RequestRefused, WrongEndpoint } from './errors.ts'
import type { Keys } from './signature.ts'
import type { Reply } from './transport.ts'

const refusal = z.object({ errorcode: z.number(), errortext: z.optional(z.string()) })

/** Errors come under `<command>response`, `errorresponse` or `null` (API-BEHAVIOUR, Errors); answers only under the first. */
export function readAnswer(reply: Reply, host: string, command: string, keys: Keys, now: number): unknown {
  const outer = parseJson(reply.text)
  if (outer === undefined) throw notTheApi(reply, host)
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

function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

function notTheApi({ status, location }: Reply, host: string): WrongEndpoint {
  const target = location === undefined ? null : URL.parse(location)
  const what = target === null ? `with HTTP ${status} and no JSON` : `with a redirect to ${target.host}`
  return new WrongEndpoint(`${host} answered ${what}: correct the URL, which usually ends in /client/api`)
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

/** A request expires ten minutes after our clock's now: a server whose clock is later than that refuses it with 401. */
function clocksDiffer({ date }: Reply, now: number): string | undefined {
  const minutes = Math.round((now - Date.parse(date ?? '')) / 60_000)
  if (!(Math.abs(minutes) >= 5)) return undefined
  const by = `${Math.abs(minutes)} minutes ${minutes < 0 ? 'behind' : 'ahead of'} the server’s`
  return `the clock of this machine is ${by}, and a request is good for ten: set both by NTP`
}

/** @returns at most 300 printable characters on one line */
function quote(said: string, { apiKey, secretKey }: Keys): string {
  const clean = said.replace(/\p{C}+/gu, ' ').trim()
  const silent = [apiKey, secretKey].filter((key) => key !== '').reduce((text, key) => text.replaceAll(key, '…'), clean)
  return silent.length > 300 ? `${silent.slice(0, 300)}…` : silent
}
