/**
 * A search of all that a run told for what it must not tell. In: texts, or anything with texts in it; secrets. Out: where one of them
 * stands, whole or in part, as it is or as it stands in JSON, XML, addresses and Base64.
 */

/** So many characters in a row of a secret are found; a shorter secret is looked for whole. */
const part = 12

/** Every text in anything: errors with what they hold and what caused them, too. */
export function textsOf(value: unknown, seen = new Set<unknown>()): readonly string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null || seen.has(value)) return []
  seen.add(value)
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('latin1')]
  return Reflect.ownKeys(value).flatMap((name) => [String(name), ...textsOf(Reflect.get(value, name), seen)])
}

/** @returns a few characters around each place where a secret was found, by its name */
export function found(
  texts: readonly string[],
  secrets: Readonly<Record<string, readonly string[]>>,
): readonly string[] {
  const all = [...new Set(texts)].join('\n')
  return Object.entries(secrets).flatMap(([name, values]) =>
    values.flatMap((secret) => {
      const needle = [...new Set(formsOf(secret).flatMap(partsOf))].find((one) => all.includes(one))
      if (needle === undefined) return []
      const at = all.indexOf(needle)
      return [`${name}: ${all.slice(Math.max(0, at - 80), at + 40)}`]
    }),
  )
}

const formsOf = (secret: string): readonly string[] => {
  const xml = secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1)
  return [
    ...[secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), base64],
    ...[xml, xml.replaceAll('"', '&quot;'), xml.replaceAll('"', '&quot;').replaceAll("'", '&apos;')],
  ]
}

const partsOf = (text: string): readonly string[] =>
  text.length <= part ? [text] : Array.from({ length: text.length - part + 1 }, (_, at) => text.slice(at, at + part))

/** Of a key in PEM each line but the first and the last. */
export const linesOf = (pem: string): readonly string[] =>
  pem.split('\n').filter((line) => line.length >= part && !line.includes('-----'))
