/** HTML that cannot hold what it was not meant to: what is put in is text, unless it was made here. In: a template and values. Out: Html. Pure. */

export interface Html {
  readonly html: string
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A browser obeys none of these in a text, but a reader would be led astray by them: controls, and marks that turn the reading direction. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

const longest = 1024

export const escaped = (text: string): string =>
  text
    .slice(0, longest)
    .toWellFormed()
    .replace(unsafe, '\u{FFFD}')
    .replace(/[&<>"']/g, (one) => entities[one] ?? one)

type Value = string | number | Html | readonly Html[] | undefined

export const html = (parts: TemplateStringsArray, ...values: readonly Value[]): Html => ({
  html: parts.reduce((made, part, index) => `${made}${shown(values[index - 1])}${part}`),
})

function shown(value: Value): string {
  if (value === undefined) return ''
  if (typeof value === 'object') return 'html' in value ? value.html : value.map((one) => one.html).join('')
  return escaped(String(value))
}
