/**
 * DER (X.690), as much of it as requests and certificates need. In: values. Out: bytes; and back: the elements of some bytes,
 * within their bounds. Of certificates node:crypto reads everything else; it has no way to write a request.
 */

export interface Element {
  readonly tag: number
  readonly content: Buffer
  /** With its tag and length, as it was signed. */
  readonly whole: Buffer
}

const element = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content])
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const bytes = Buffer.from(length.toString(16).padStart(2 * Math.ceil(length.toString(16).length / 2), '0'), 'hex')
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes])
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => element(0x30, ...parts)
export const setOf = (part: Uint8Array): Buffer => element(0x31, part)
export const octets = (content: Uint8Array): Buffer => element(0x04, content)
export const nothing = (): Buffer => element(0x05)
export const truth = (): Buffer => element(0x01, Buffer.from([0xff]))
export const utf8 = (text: string): Buffer => element(0x0c, Buffer.from(text, 'utf8'))
/** @param unused how many of the last byte's bits count for nothing */
export const bits = (content: Uint8Array, unused = 0): Buffer => element(0x03, Buffer.from([unused]), content)
/** `[number]`, around other elements. */
export const tagged = (number: number, ...parts: readonly Uint8Array[]): Buffer => element(0xa0 | number, ...parts)
/** `[number]` in the place of a primitive element's own tag. */
export const named = (number: number, content: Uint8Array): Buffer => element(0x80 | number, content)

/** Of a positive number's bytes, or of a small number. */
export function integer(value: Uint8Array | number): Buffer {
  const bytes = typeof value === 'number' ? Buffer.from([value]) : Buffer.from(value)
  const first = bytes.findIndex((byte) => byte !== 0)
  const short = first < 0 ? Buffer.from([0]) : bytes.subarray(first)
  return element(0x02, (short[0] ?? 0) >= 0x80 ? Buffer.from([0]) : Buffer.alloc(0), short)
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(value: number): readonly number[] {
  const groups = [value & 0x7f]
  for (let left = value >>> 7; left > 0; left >>>= 7) groups.unshift(0x80 | (left & 0x7f))
  return groups
}

/** GeneralizedTime, which has the seconds and no two-digit years. */
export const instant = (milliseconds: number): Buffer =>
  element(0x18, Buffer.from(`${new Date(milliseconds).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`, 'ascii'))

/** The elements of which the bytes consist. @throws RangeError where they are no DER of short tags */
export function elements(bytes: Buffer): readonly Element[] {
  const found: Element[] = []
  for (let at = 0; at < bytes.length; ) {
    const [tag = 0, short = 0x80] = bytes.subarray(at, at + 2)
    const more = short < 0x80 ? 0 : short & 0x7f
    if ((tag & 0x1f) === 0x1f || short === 0x80 || more > 4) throw new RangeError('no DER')
    const start = at + 2 + more
    if (start > bytes.length) throw new RangeError('DER that is cut')
    const length = more === 0 ? short : bytes.readUIntBE(at + 2, more)
    if (start + length > bytes.length) throw new RangeError('DER that is cut')
    found.push({ tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) })
    at = start + length
  }
  return found
}
