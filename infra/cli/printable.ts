/**
 * Text of others made fit for a terminal: names come from CloudStack's users, messages from elsewhere. In: any text.
 * Out: the same without what could move the cursor, turn the reading direction, break a line or pile up marks.
 */

/** Longer than any name that CloudStack takes (255), shorter than what would bury a terminal. */
const limit = 1024

/** Controls, formats (among them the bidirectional ones), lone surrogates, unassigned: each becomes U+FFFD. */
export const printable = (text: string): string =>
  text
    .slice(0, limit)
    .toWellFormed()
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\u{FFFD}')
    .replace(/(\p{M}{2})\p{M}+/gu, '$1')

/** The same as one line: any white space is one space. */
export const oneLine = (text: string): string => printable(text.slice(0, limit).replace(/\s+/g, ' ').trim())

/** What a terminal might obey and JSON leaves as it is; the line breaks are the layout's own. */
const unsafeInJson = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/gu

/** JSON for stdout: the same data, and nothing in it that a terminal would obey. */
export const printableJson = (value: unknown): string =>
  JSON.stringify(value, undefined, 2).replace(unsafeInJson, (character) =>
    Array.from({ length: character.length }, (_, index) => escaped(character.charCodeAt(index))).join(''),
  )

const escaped = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`
