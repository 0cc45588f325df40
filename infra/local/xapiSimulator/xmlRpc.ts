/**
 * XML-RPC as Python's XenAPI and CloudStack's Java client speak it: the little of XML that it uses. In: a methodCall's text. Out:
 * method and parameters; and back, a methodResponse. Numbers travel as text, as XAPI has them.
 */

export interface MethodCall {
  readonly method: string
  readonly parameters: readonly unknown[]
}

interface Reader {
  readonly text: string
  at: number
}

/** @throws Error for what is no methodCall */
export function readMethodCall(text: string): MethodCall {
  const reader: Reader = { text: text.replace(/^\s*<\?xml[^>]*\?>/, ''), at: 0 }
  enter(reader, 'methodCall')
  const method = leaf(reader, 'methodName')
  const parameters: unknown[] = []
  if (opens(reader, 'params')) {
    enter(reader, 'params')
    while (opens(reader, 'param')) {
      enter(reader, 'param')
      parameters.push(value(reader))
      leave(reader, 'param')
    }
  }
  return { method, parameters }
}

function value(reader: Reader): unknown {
  if (empty(reader, 'value')) return ''
  enter(reader, 'value')
  const read = typed(reader)
  leave(reader, 'value')
  return read
}

function typed(reader: Reader): unknown {
  for (const kind of ['string', 'int', 'i4', 'i8', 'double'] as const) {
    if (empty(reader, kind)) return ''
    if (opens(reader, kind)) return leaf(reader, kind)
  }
  if (opens(reader, 'boolean')) return leaf(reader, 'boolean') === '1'
  if (empty(reader, 'nil')) return null
  if (empty(reader, 'struct')) return {}
  if (opens(reader, 'struct')) {
    enter(reader, 'struct')
    const members: [string, unknown][] = []
    while (opens(reader, 'member')) {
      enter(reader, 'member')
      members.push([leaf(reader, 'name'), value(reader)])
      leave(reader, 'member')
    }
    leave(reader, 'struct')
    return Object.fromEntries(members)
  }
  if (opens(reader, 'array')) {
    enter(reader, 'array')
    const items: unknown[] = []
    if (!empty(reader, 'data')) {
      enter(reader, 'data')
      while (opens(reader, 'value') || reader.text.startsWith('<value/>', reader.at)) items.push(value(reader))
      leave(reader, 'data')
    }
    leave(reader, 'array')
    return items
  }
  return untilTag(reader)
}

function opens(reader: Reader, name: string): boolean {
  const space = /^\s*/.exec(reader.text.slice(reader.at))?.[0].length ?? 0
  if (!reader.text.startsWith(`<${name}>`, reader.at + space)) return false
  reader.at += space
  return true
}

function empty(reader: Reader, name: string): boolean {
  const found = new RegExp(`^\\s*<${name}\\s*/>`).exec(reader.text.slice(reader.at))
  reader.at += found?.[0].length ?? 0
  return found !== null
}

function enter(reader: Reader, name: string): void {
  if (!opens(reader, name)) throw new Error(`<${name}> is missing at ${reader.at}`)
  reader.at += name.length + 2
}

function leave(reader: Reader, name: string): void {
  const found = new RegExp(`^\\s*</${name}>`).exec(reader.text.slice(reader.at))
  if (found === null) throw new Error(`</${name}> is missing at ${reader.at}`)
  reader.at += found[0].length
}

function leaf(reader: Reader, name: string): string {
  enter(reader, name)
  const text = untilTag(reader)
  leave(reader, name)
  return text
}

function untilTag(reader: Reader): string {
  const end = reader.text.indexOf('<', reader.at)
  if (end < 0) throw new Error('it ends too early')
  const text = reader.text.slice(reader.at, end)
  reader.at = end
  return unescaped(text)
}

const unescaped = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&')

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** XAPI's own envelope: Status and Value, or Status and ErrorDescription. */
export function methodResponse(answer: { readonly value: unknown } | { readonly failure: readonly string[] }): string {
  const envelope =
    'value' in answer
      ? { Status: 'Success', Value: answer.value }
      : { Status: 'Failure', ErrorDescription: answer.failure }
  return `<?xml version="1.0"?><methodResponse><params><param>${written(envelope)}</param></params></methodResponse>`
}

function written(value: unknown): string {
  if (typeof value === 'boolean') return `<value><boolean>${value ? 1 : 0}</boolean></value>`
  if (Array.isArray(value)) return `<value><array><data>${value.map(written).join('')}</data></array></value>`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([name, member]) => `<member><name>${escaped(name)}</name>${written(member)}</member>`,
    )
    return `<value><struct>${members.join('')}</struct></value>`
  }
  return `<value>${escaped(String(value))}</value>`
}
