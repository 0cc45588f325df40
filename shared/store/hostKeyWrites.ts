/**
 * The conditional writes of SSH host keys, as data: a part of writes.ts. What somebody put on record is replaced only by who
 * has seen it. In: keys of items, host keys, who and when. Out: a Write for any engine.
 *
 * | write      | holds only if                                              | by                       |
 * |------------|------------------------------------------------------------|--------------------------|
 * | firstKey   | no key is on record                                        | a run under accept-new   |
 * | keysAre    | nobody wrote keys since I read, nor was another one refused where one of those is accepted | operator |
 * | keyRefused | it is not the one that was refused last                    | run                      |
 */
import { itemVersion, type KeysBy } from './items.ts'
import type { Condition, Key, Write } from './store.ts'

const refusal = ['refused', 'refusedAt'] as const

export const firstKey = (key: Key, hostKey: string, by: KeysBy): Write => ({
  key,
  set: { v: itemVersion, keys: [hostKey], ...by },
  add: { serial: 1 },
  remove: refusal,
  when: { absent: 'keys' },
})

/**
 * @param serial of the item as it was read; undefined where there was none
 * @param accepted the refused key, as it was read, that these keys are made of
 */
export function keysAre(
  key: Key,
  keys: readonly string[],
  { why, ...by }: KeysBy,
  serial: number | undefined,
  accepted?: string,
): Write {
  const asRead: Condition =
    serial === undefined ? { absent: 'serial' } : { attribute: 'serial', is: '=', value: serial }
  const presented: Condition[] = accepted === undefined ? [] : [{ attribute: 'refused', is: '=', value: accepted }]
  return {
    key,
    set: { v: itemVersion, keys: [...keys], ...by, ...(why === undefined ? {} : { why }) },
    add: { serial: 1 },
    remove: [...refusal, ...(why === undefined ? ['why'] : [])],
    when: { all: [asRead, ...presented] },
  }
}

/** A public key is no secret; whole, so that who compared its fingerprint can accept it. */
export const keyRefused = (key: Key, hostKey: string, now: number): Write => ({
  key,
  set: { v: itemVersion, refused: hostKey, refusedAt: now },
  when: {
    any: [
      { absent: 'refused' },
      { attribute: 'refused', is: '<', value: hostKey },
      { attribute: 'refused', is: '>', value: hostKey },
    ],
  },
})
