/**
 * OpenSSH's known_hosts format. In: the text of such a file, an address and a port. Out: the keys on record for it, in the
 * form that HostKeys speaks. Hashed names, `[address]:port`, comma lists, `*`, `?`, `!` and `@revoked` are understood; like
 * ssh, lines that make no sense are passed over, and `@cert-authority` lines too, since we accept no certificates.
 */
import { createHmac } from 'node:crypto'
import { appendFile, readFile, stat } from 'node:fs/promises'
import type { HostKeys } from './hostKeys.ts'

/** Bytes: a file with 10,000 hosts of five keys each is about 15 MB. */
export const largestFile = 32 * 1024 * 1024

/** The keys on record for an address, in the order of the file. */
export function keysOf(text: string, address: string, port: number): readonly string[] {
  const name = nameOf(address, port)
  return text.split(/\r?\n/).flatMap((line) => {
    const parsed = parseLine(line)
    return parsed !== undefined && matches(parsed.hosts, name) ? [parsed.key] : []
  })
}

export interface KnownLine {
  /** Names and patterns, as they stand there. */
  readonly hosts: string
  readonly key: string
}

/** Undefined for what ssh passes over. */
export function parseLine(line: string): KnownLine | undefined {
  const [, marker, hosts, type, key] =
    /^\s*(?:(@\S+)\s+)?([^\s#@]\S*)\s+(\S+)\s+([A-Za-z0-9+/]+={0,2})(?:\s|$)/.exec(line) ?? []
  if (hosts === undefined || type === undefined || key === undefined) return undefined
  if (marker === undefined) return { hosts, key: `${type} ${key}` }
  return marker === '@revoked' ? { hosts, key: `@revoked ${type} ${key}` } : undefined
}

/** A known_hosts file, read anew for each host, so that an edit is seen; `accept` adds a line to it. */
export function knownHostsFile(path: string): HostKeys {
  return {
    known: async ({ address, port }) => keysOf(await readIfThere(path), address, port),
    accept: async ({ address, port }, key) => {
      const text = await readIfThere(path)
      const separator = text === '' || text.endsWith('\n') ? '' : '\n'
      await appendFile(path, `${separator}${nameOf(address, port)} ${key}\n`, { mode: 0o600 })
    },
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    const { size } = await stat(path)
    if (size > largestFile) throw new Error(`${path} has ${size} bytes, more than the ${largestFile} that are read`)
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}

/** As a line names it: port 22 is not written. */
export function nameOf(address: string, port: number): string {
  const name = address.toLowerCase()
  return port === 22 ? name : `[${name}]:${port}`
}

export function matches(hosts: string, name: string): boolean {
  if (hosts.startsWith('|')) return matchesHash(hosts, name)
  const patterns = hosts.toLowerCase().split(',')
  if (patterns.some((pattern) => pattern.startsWith('!') && matchesPattern(pattern.slice(1), name))) return false
  return patterns.some((pattern) => matchesPattern(pattern, name))
}

/** `|1|salt|hash`: HMAC-SHA1 of the name under the salt. */
function matchesHash(hosts: string, name: string): boolean {
  const [, version, salt, hash] = hosts.split('|')
  if (version !== '1' || !salt || !hash) return false
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash
}

/** `*` any run of characters, `?` any one; by hand, since a pattern made of the file's text could take for ever. */
function matchesPattern(pattern: string, name: string): boolean {
  let [at, from] = [0, 0]
  let star = -1
  let resume = 0
  while (from < name.length) {
    if (pattern[at] === '*') {
      star = at++
      resume = from
    } else if (pattern[at] === '?' || pattern[at] === name[from]) {
      at++
      from++
    } else if (star >= 0) {
      at = star + 1
      from = ++resume
    } else return false
  }
  return /^\**$/.test(pattern.slice(at))
}
