/**
 * One known_hosts file, or the output of ssh-keyscan, against many hosts at once. Pure. In: its text, the names of each host.
 * Out: the keys of each, and how many lines were of no host or of no use. A plain name is looked up; what is hashed or has a
 * pattern must be tried against every name, which is bounded.
 */
import { isUsable } from './hostKeys.ts'
import { matches, parseLine } from './knownHosts.ts'

export interface FoundKeys {
  /** In the order of the hosts that were given; each key once. */
  readonly keys: readonly (readonly string[])[]
  readonly lines: {
    /** Without empty ones and comments. */
    readonly read: number
    readonly ofNoHost: number
    /** Authorities of certificates, types of keys that are not taken, what makes no sense. */
    readonly passedOver: number
  }
}

/** Thrown when comparing would take too long; the message says what to give instead. */
export class TooManyComparisons extends Error {
  override readonly name = 'TooManyComparisons'
}

/** Some 20 seconds of hashing. */
const mostComparisons = 10_000_000

/** @param hosts the names of each, as a line names it (`nameOf`). @throws TooManyComparisons */
export function keysOfAll(text: string, hosts: readonly (readonly string[])[]): FoundKeys {
  const byName = new Map<string, number[]>()
  for (const [index, names] of hosts.entries())
    for (const name of names) byName.set(name, [...(byName.get(name) ?? []), index])
  const keys = hosts.map(() => new Set<string>())
  const lines = { read: 0, ofNoHost: 0, passedOver: 0 }
  let comparisons = 0
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*(#|$)/.test(line)) continue
    lines.read += 1
    const parsed = parseLine(line)
    if (parsed === undefined || !isUsable(parsed.key)) {
      lines.passedOver += 1
      continue
    }
    const isPlain = /^[^|*?!]+$/.test(parsed.hosts)
    if (!isPlain) comparisons += byName.size
    if (comparisons > mostComparisons) throw tooMany(byName.size)
    const named = isPlain
      ? parsed.hosts.toLowerCase().split(',')
      : [...byName.keys()].filter((name) => matches(parsed.hosts, name))
    const found = new Set(named.flatMap((name) => byName.get(name) ?? []))
    if (found.size === 0) lines.ofNoHost += 1
    for (const index of found) keys[index]?.add(parsed.key)
  }
  return { keys: keys.map((found) => [...found]), lines }
}

const tooMany = (names: number): TooManyComparisons =>
  new TooManyComparisons(
    `too many lines are hashed or have patterns: ${mostComparisons} comparisons are made at most, and each of these lines takes ${names}: give the output of ssh-keyscan without -H, or a part of the hosts with each file`,
  )
