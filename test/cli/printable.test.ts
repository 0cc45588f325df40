import { expect, it } from 'vitest'
import { oneLine, printable, printableJson } from '../../infra/cli/printable.ts'

it.each([
  ['an escape sequence', 'a\u001B[2Jb', 'a\u{FFFD}[2Jb'],
  ['a C1 control', 'a\u009B31mb', 'a\u{FFFD}31mb'],
  ['a change of direction', 'a\u202Eb\u2066c', 'a\u{FFFD}b\u{FFFD}c'],
  ['a line break', 'a\nb\u2028c', 'a\u{FFFD}b\u{FFFD}c'],
  ['half a character', 'a\uD800b', 'a\u{FFFD}b'],
  ['a pile of marks', `a${'\u0301'.repeat(50)}b`, 'a\u0301\u0301b'],
  ['other scripts, which stay', 'Zürich 東京 مضيف', 'Zürich 東京 مضيف'],
])('replaces %s', (_, given, expected) => {
  expect(printable(given)).toBe(expected)
})

it('makes one line of many', () => {
  expect(oneLine(' HTTP 401:\n\t bad key \n')).toBe('HTTP 401: bad key')
})

it('bounds what is longer than any name', () => {
  expect(printable('x'.repeat(1_000_000))).toHaveLength(1024)
})

it('keeps the data of JSON as it is, and hides from a terminal what it would obey', () => {
  const data = { name: 'a\u001B[2J\u009B\u202E\u{E0001}\uFEFFb\nc' }
  const text = printableJson(data)
  expect(JSON.parse(text)).toEqual(data)
  expect(text).toMatch(/^[\x20-\x7e\n]+$/)
})
