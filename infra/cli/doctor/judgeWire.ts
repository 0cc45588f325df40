/** What the connection itself shows: certificate and clock. Pure. In: what was seen on the wire. Out: findings. */
import type { Finding } from './check.ts'

/** What is seen beside the answers. */
export interface WireSeen {
  readonly tls: TlsSeen
  /** How far the server's clock is ahead of ours, in milliseconds, by the Date of an answer; absent where there was none. */
  readonly skew?: number
}

export type TlsSeen =
  | { readonly kind: 'http' }
  | { readonly kind: 'tls'; readonly protocol: string; readonly endsInDays: number }
  /** @param code of Node or OpenSSL */
  | { readonly kind: 'failed'; readonly code: string }
  /** Through a proxy, or to a server that was not reached. */
  | { readonly kind: 'unseen'; readonly why: string }

const soonDays = 30

export function judgeTls(seen: TlsSeen): Finding {
  const wanted = `https, with a certificate that is trusted and good for ${soonDays} days or more`
  const as = (level: Finding['level'], found: string, fix = ''): Finding => ({
    check: 'TLS',
    level,
    found,
    wanted,
    fix,
  })
  if (seen.kind === 'http') {
    const found = 'http: whoever is on the way reads every answer, and may repeat a request for ten minutes'
    return as('warning', found, 'Give CLOUDSTACK_API_URL as https.')
  }
  if (seen.kind === 'unseen') return as('ok', seen.why)
  if (seen.kind === 'failed') {
    const fix = 'Name the file of the private CA in BRIDGEKEEPER_CLOUDSTACK_CA_FILE, or renew the certificate.'
    return as('error', `the certificate is not accepted (${seen.code})`, fix)
  }
  const found = `${seen.protocol}, the certificate is trusted, and good for ${seen.endsInDays} days`
  return seen.endsInDays < soonDays ? as('warning', found, 'Renew the certificate of the server.') : as('ok', found)
}

const minute = 60_000

export function judgeClock(skew: number | undefined): Finding {
  const wanted = 'clocks less than a minute apart'
  const as = (level: Finding['level'], found: string, fix = ''): Finding => ({
    check: 'clock',
    level,
    found,
    wanted,
    fix,
  })
  if (skew === undefined)
    return as('warning', 'the server tells no time', 'See that the server, or a proxy before it, sends Date.')
  const apart = `${Math.round(Math.abs(skew) / 1000)} s`
  const found =
    Math.abs(skew) < 1500 ? 'the same' : `this machine is ${apart} ${skew > 0 ? 'behind' : 'ahead of'} the server`
  if (Math.abs(skew) < minute) return as('ok', found)
  const fix = 'Set both clocks by NTP: a request is good for ten minutes.'
  return as(Math.abs(skew) < 5 * minute ? 'warning' : 'error', found, fix)
}
