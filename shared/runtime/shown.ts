/**
 * A setting's value fit to be printed. In: any text from the environment. Out: quoted and bounded, and nothing of it that
 * may be a secret: of an address the scheme, host and path at most, of a key or several lines nothing at all.
 */
const longest = 200

export function shownValue(value: string): string {
  if (/-----BEGIN|[\r\n]/.test(value)) return '(hidden: it looks like a key, not like the name of a file)'
  return JSON.stringify((value.includes('://') ? shownAddress(value) : value).slice(0, longest))
}

/** Without a password, a query or a fragment; an `@` in the path may end a password that a parser takes for a path. */
export function shownAddress(value: string): string {
  const scheme = /^[A-Za-z][\w+.-]*(?=:\/\/)/.exec(value)?.[0] ?? ''
  if (!URL.canParse(value)) return `${scheme}://(hidden)`
  const { protocol, username, password, host, pathname } = new URL(value)
  if (pathname.includes('@')) return `${scheme}://(hidden)`
  const who = username === '' && password === '' ? '' : '(hidden)@'
  return `${protocol}//${who}${host}${pathname === '/' ? '' : pathname}`
}
