/**
 * XML as vCenter speaks it, both ways. In: an answer's text. Out: plain elements; or elements as text, every value escaped. What
 * no answer of vCenter has is refused: a document type, and so entities, and nesting without end.
 */
import { SaxesParser } from 'saxes'

export interface Element {
  /** Without its prefix. */
  readonly name: string
  /** The dynamic type, `xsi:type` without prefixes; and the kind of object that a reference names, `type`. */
  readonly type?: string
  readonly kind?: string
  readonly text: string
  readonly children: readonly Element[]
}

/** Thrown for a text that is not such XML; says where, and quotes nothing of it. */
export class XmlRefused extends Error {
  override readonly name = 'XmlRefused'
}

const deepest = 64

interface Open {
  name: string
  type?: string
  kind?: string
  text: string
  children: Element[]
}

/** @throws XmlRefused */
export function parseXml(text: string): Element {
  const parser = new SaxesParser()
  const root: Open = { name: '', text: '', children: [] }
  const open: Open[] = [root]
  const refuse = (why: string): never => {
    throw new XmlRefused(`the XML ${why} (line ${parser.line})`)
  }
  parser.on('error', () => refuse('is not well-formed'))
  parser.on('doctype', () => refuse('has a document type'))
  parser.on('opentag', ({ name, attributes }) => {
    if (open.length > deepest) refuse(`is nested more than ${deepest} deep`)
    // Whatever prefix stands for XMLSchema-instance: nothing else of vCenter has an attribute `type` with one.
    const type = Object.entries(attributes).find(([attribute]) => attribute.endsWith(':type'))?.[1]
    const kind = attributes.type
    open.push({
      name: local(name),
      ...(type === undefined ? {} : { type: local(type) }),
      ...(kind === undefined ? {} : { kind }),
      text: '',
      children: [],
    })
  })
  const add = (part: string): void => {
    const innermost = open.at(-1)
    if (innermost !== undefined) innermost.text += part
  }
  parser.on('text', add)
  parser.on('cdata', add)
  parser.on('closetag', () => {
    const closed = open.pop()
    if (closed !== undefined) open.at(-1)?.children.push(closed)
  })
  parser.write(text).close()
  const [only] = root.children
  return only ?? refuse('is empty')
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1)

/** The element at a path of names, each the first of its name. */
export function at(element: Element | undefined, ...path: readonly string[]): Element | undefined {
  return path.reduce<Element | undefined>((one, name) => one?.children.find((child) => child.name === name), element)
}

export const all = (element: Element | undefined, name: string): readonly Element[] =>
  (element?.children ?? []).filter((child) => child.name === name)

export const textAt = (element: Element | undefined, ...path: readonly string[]): string | undefined =>
  at(element, ...path)?.text

/** @returns undefined where it is absent or no whole number */
export function numberAt(element: Element | undefined, ...path: readonly string[]): number | undefined {
  const text = textAt(element, ...path)
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined
}

export function flagAt(element: Element | undefined, ...path: readonly string[]): boolean | undefined {
  const text = textAt(element, ...path)
  return text === undefined ? undefined : text === 'true' || text === '1'
}

/** An object of vCenter: its kind and its id. */
export interface Ref {
  readonly kind: string
  readonly id: string
}

export const refOf = (element: Element | undefined): Ref | undefined =>
  element?.kind === undefined || element.text === '' ? undefined : { kind: element.kind, id: element.text }

/** An element as text, which only the functions below make, so that nothing gets in unescaped. */
export interface Written {
  readonly xml: string
}

export const element = (name: string, content: readonly Written[], type?: string): Written => ({
  xml: `<${name}${type === undefined ? '' : ` xsi:type="${type}"`}>${content.map(({ xml }) => xml).join('')}</${name}>`,
})

export const value = (name: string, content: string | number | boolean, type?: string): Written => ({
  xml: `<${name}${type === undefined ? '' : ` xsi:type="${type}"`}>${escaped(String(content))}</${name}>`,
})

export const reference = (name: string, { kind, id }: Ref): Written => ({
  xml: `<${name} type="${escaped(kind)}">${escaped(id)}</${name}>`,
})

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => escapes[character] ?? '')
