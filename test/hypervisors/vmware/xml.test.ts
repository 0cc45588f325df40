import { describe, expect, it } from 'vitest'
import {
  all,
  at,
  element,
  numberAt,
  parseXml,
  reference,
  refOf,
  value,
  XmlRefused,
} from '../../../shared/hypervisors/vmware/xml.ts'

describe('XML of vCenter', () => {
  it('is read by names without prefixes, with its types and references', () => {
    const read = parseXml(
      '<s:E xmlns:s="x" xmlns:i="y"><a i:type="n:T">1 &amp; 2</a><r type="HostSystem">host-1</r><a><![CDATA[<b>]]></a></s:E>',
    )
    expect(all(read, 'a').map(({ type, text }) => [type, text])).toEqual([
      ['T', '1 & 2'],
      [undefined, '<b>'],
    ])
    expect(refOf(at(read, 'r'))).toEqual({ kind: 'HostSystem', id: 'host-1' })
    expect(numberAt(read, 'a')).toBeUndefined()
  })

  it.each([
    ['a document type', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ['an entity that nobody knows', '<a>&b;</a>'],
    ['no end', '<a><b></b>'],
    ['another end', '<a></b>'],
    ['two roots', '<a/><b/>'],
    ['nothing', ''],
    ['HTML', '<html><br></html>'],
    ['nesting without end', `${'<a>'.repeat(70)}${'</a>'.repeat(70)}`],
  ])('is refused with %s', (_what, text) => expect(() => parseXml(text)).toThrow(XmlRefused))

  it('is written with every value escaped', () => {
    const written = element('a', [value('b', '</b><c x="1">&'), reference('d', { kind: '"K"', id: '<1>' })])
    const read = parseXml(written.xml)
    expect(at(read, 'b')?.text).toBe('</b><c x="1">&')
    expect(refOf(at(read, 'd'))).toEqual({ kind: '"K"', id: '<1>' })
    expect(read.children).toHaveLength(2)
  })
})
