/**
 * The store's interface: items under a two-part key, and conditional writes given as data (writes.ts), so that every
 * engine applies the same conditions. In: keys and writes. Out: items as plain objects, or undefined where a write's
 * condition did not hold.
 */

export interface Key {
  readonly pk: string
  readonly sk: string
}

export type Value =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | readonly Value[]
  | { readonly [name: string]: Value }

export type Item = Key & Readonly<Record<string, Value>>

/**
 * A test on one item. Comparing with an absent attribute is false, as in DynamoDB. Here and in `set` an attribute may be
 * a path into a map, `refusals.hosts.digest`: no attribute has a dot in its name.
 */
export type Condition =
  | { readonly absent: string }
  | { readonly present: string }
  | { readonly attribute: string; readonly is: '=' | '<' | '<=' | '>' | '>='; readonly value: string | number }
  | { readonly attribute: string; readonly is: '=' | '<' | '<=' | '>' | '>='; readonly other: string }
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }

/**
 * One UpdateItem. `copy` sets an attribute from another one as it was before the write, 0 where that is absent; `first`
 * sets one only where it is absent.
 */
export interface Write {
  readonly key: Key
  readonly set?: Readonly<Record<string, Value | undefined>>
  readonly copy?: Readonly<Record<string, string>>
  readonly first?: Readonly<Record<string, Value>>
  readonly add?: Readonly<Record<string, number>>
  readonly remove?: readonly string[]
  readonly when?: Condition
}

/** A part of a partition: at most so many items, after one key, or from the last one backwards. */
export interface Range {
  readonly limit?: number
  readonly after?: string
  readonly newestFirst?: boolean
}

export interface Store {
  /** Strongly consistent. */
  get(key: Key): Promise<Item | undefined>
  /** All items of one partition whose sort key begins so, in key order, strongly consistent, every page. */
  list(pk: string, prefix: string, range?: Range): Promise<readonly Item[]>
  /** The whole item as it is after the write, or undefined where `when` did not hold and nothing was written. */
  update(write: Write): Promise<Item | undefined>
  /** @returns false where `when` did not hold and the item stays. */
  delete(key: Key, when?: Condition): Promise<boolean>
}
