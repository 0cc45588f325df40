/** The wire to CloudStack with every request that goes over it kept, as the server reads it. In: a wire. Out: the same, and the requests. */
import type { Http } from '../../shared/cloudstack/http.ts'

export interface Sent {
  readonly command: string
  /** Without what every request carries: keys, signature, format. */
  readonly parameters: Readonly<Record<string, string>>
}

const common = ['command', 'apikey', 'signature', 'signatureversion', 'expires', 'response']

export function recorded(http: Http): { readonly http: Http; readonly sent: Sent[] } {
  const sent: Sent[] = []
  const post: Http['post'] = (form, timeoutMs) => {
    const all = Object.fromEntries(new URLSearchParams(form))
    const parameters = Object.fromEntries(Object.entries(all).filter(([name]) => !common.includes(name)))
    sent.push({ command: all.command ?? '', parameters })
    return http.post(form, timeoutMs)
  }
  return { http: { post, renew: () => http.renew() }, sent }
}
