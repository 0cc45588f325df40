/**
 * Ways in which an answer arrives changed: on the wire, by a proxy, by another version, by a bug. In: an answer, chance. Out:
 * the changed bytes, and what may be expected of them.
 */
import type { Random } from '../simulation/random.ts'
import type { Told } from './capturedCloud.ts'
import { captures, captureText } from './fixtures.ts'

/**
 * - `harmless`: says the same, so all is as before
 * - `incomplete`: rows are lost and the count is not, so it must be refused
 * - `any`: a typed error, or what it says now is taken; never a disappearance beyond the guard
 */
export type Expected = 'harmless' | 'incomplete' | 'any'

export interface Mutated extends Told {
  readonly expected: Expected
}

interface Listing {
  readonly outer: string
  readonly name: string
  readonly count: number
  readonly rows: readonly Record<string, unknown>[]
}

/** Undefined for what has no rows. */
function listingOf(text: string): Listing | undefined {
  const [[outer, inner] = ['', {}]] = Object.entries<Record<string, unknown>>(JSON.parse(text))
  const [name, rows] = Object.entries(inner).find(([, value]) => Array.isArray(value)) ?? []
  if (name === undefined || !Array.isArray(rows) || rows.length === 0) return undefined
  return { outer, name, count: Number(inner.count), rows }
}

const textOf = ({ outer, name, count, rows }: Listing): string => JSON.stringify({ [outer]: { count, [name]: rows } })

const bytes = (text: string): Uint8Array => Buffer.from(text)
const ok = (body: Uint8Array | string, expected: Expected = 'any'): Mutated => ({
  status: 200,
  body: typeof body === 'string' ? bytes(body) : body,
  expected,
})

const strange: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1e308, 0.5, '', ' ', 'null', '\u0000', '../..', '__proto__', 'x'.repeat(5_000)],
  ...[[], {}, [[]], [null], { id: 'x' }, 'Implemented', 'Destroy', 'vlan://', 'vlan://untagged', 'vxlan://99999999'],
]

const escaped = (letter: string): string => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`

type Mutation = (text: string, random: Random) => Mutated

function damaged(text: string, random: Random): Mutated {
  const body = Buffer.from(text)
  for (let count = random.whole(1, 5); count > 0; count--) body[random.whole(0, body.length - 1)] = random.whole(0, 255)
  return ok(body)
}

function spliced(text: string, random: Random): Mutated {
  const [from, length] = [random.whole(0, text.length - 1), random.whole(1, 400)]
  const piece = random.chance(0.5) ? '' : text.slice(from, from + length).repeat(2)
  return ok(text.slice(0, from) + piece + text.slice(from + length))
}

/** A change of one row of a listing; what has no rows stays as it is. */
const inRow =
  (change: (row: Record<string, unknown>, random: Random) => Record<string, unknown>): Mutation =>
  (text, random) => {
    const listing = listingOf(text)
    if (listing === undefined) return ok(text, 'harmless')
    const every = random.chance(0.1)
    const chosen = random.whole(0, listing.rows.length - 1)
    const rows = listing.rows.map((row, at) => (every || at === chosen ? change(row, random) : row))
    return ok(textOf({ ...listing, rows }))
  }

const withoutSome = (rows: Listing['rows'], random: Random): Listing['rows'] => {
  const share = random.pick([0.05, 0.3, 1]) ?? 1
  const kept = rows.filter(() => !random.chance(share))
  return kept.length === rows.length ? rows.slice(1) : kept
}

const mutations: readonly Mutation[] = [
  damaged,
  spliced,
  (text, random) => ok(bytes(text).subarray(0, random.whole(0, Buffer.byteLength(text) - 1))),
  (text, random) => ok(Buffer.concat([bytes(text), Buffer.from([random.whole(0, 255)])])),
  inRow((row, random) => {
    const name = random.pick(Object.keys(row)) ?? ''
    const { [name]: _, ...others } = row
    return others
  }),
  inRow((row, random) => ({ ...row, [random.pick(Object.keys(row)) ?? '']: random.pick(strange) })),
  inRow((row, random) => {
    const [one = '', other = ''] = [random.pick(Object.keys(row)), random.pick(Object.keys(row))]
    return { ...row, [one]: row[other], [other]: row[one] }
  }),
  inRow((_row, random) => random.pick([{}, { id: '' }, { id: 'x', name: 'x' }]) ?? {}),
  (text, random) => {
    const listing = listingOf(text)
    if (listing === undefined) return ok(text, 'harmless')
    return ok(textOf({ ...listing, rows: withoutSome(listing.rows, random) }), 'incomplete')
  },
  (text, random) => {
    const listing = listingOf(text)
    if (listing === undefined) return ok(text, 'harmless')
    const rows = withoutSome(listing.rows, random)
    return ok(textOf({ ...listing, rows, count: rows.length }))
  },
  (text, random) => {
    const listing = listingOf(text)
    if (listing === undefined) return ok(text, 'harmless')
    return ok(textOf({ ...listing, count: random.pick([-1, 0, 1, 1e15, 0.5, Number.NaN, listing.count + 1]) ?? 0 }))
  },
  (text) => ok(text.replace(/:\{.*\}/s, ':{}')),
  (text, random) => {
    const listing = listingOf(text)
    if (listing === undefined) return ok(text, 'harmless')
    const sorted = listing.rows.map((row) => [random.next(), row] as const).sort(([one], [other]) => one - other)
    return ok(textOf({ ...listing, rows: sorted.map(([, row]) => row) }), 'harmless')
  },
  (text, random) => {
    const listing = listingOf(text)
    if (listing === undefined) return ok(text, 'harmless')
    const more = { [`new${random.whole(0, 9)}`]: random.pick(strange) }
    return ok(textOf({ ...listing, rows: listing.rows.map((row) => ({ ...more, ...row })) }), 'harmless')
  },
  (text) => ok(JSON.stringify(JSON.parse(text), undefined, 2), 'harmless'),
  (text, random) =>
    ok(
      text.replace(/"[^"\\]*"/g, (word) =>
        word.replace(/[a-z]/g, (letter) => (random.chance(0.05) ? escaped(letter) : letter)),
      ),
      'harmless',
    ),
  (_text, random) => {
    const { file = 'none', httpStatus = 200 } = random.pick(captures) ?? {}
    return { status: httpStatus, body: bytes(captureText(file)), expected: 'any' }
  },
  (text, random) => ({
    status: random.pick([201, 204, 301, 400, 401, 403, 404, 407, 408, 413, 418, 500, 501, 530, 599]) ?? 500,
    body: bytes(random.chance(0.5) ? text : '<html></html>'),
    expected: 'any',
  }),
]

export const mutate: Mutation = (text, random) => (random.pick(mutations) ?? damaged)(text, random)
