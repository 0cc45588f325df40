import { describe, expect, it } from 'vitest'
import { parseSelection } from '../../shared/flow/backfill.ts'

const form = '": …, "cluster": …, "host": …}, any of them, each a name or an id of 1 to 255 characters'

describe('the selection that the backfill function is invoked with', () => {
  it.each([
    ['nothing, which is every host', undefined, {}],
    ['null, as an invocation without a payload has it', null, {}],
    ['parts of a choice', { zone: 'Zürich', host: 'kvm1' }, { zone: 'Zürich', host: 'kvm1' }],
  ])('may be %s', (_, given, expected) => {
    expect(parseSelection(given)).toEqual(expected)
  })

  it.each([
    ['a misspelt part', { zoen: 'Zürich' }, '"zoen" is no part of a selection'],
    ['an empty name', { zone: '' }, '"zone" is not what it should be'],
    ['a name longer than CloudStack takes', { host: 'x'.repeat(256) }, '"host" is not what it should be'],
    ['a number', { cluster: 7 }, '"cluster" is not what it should be'],
    ['a text', 'Zürich', 'the payload is not what it should be'],
  ])('is refused in one line for %s', (_, given, wrong) => {
    expect(() => parseSelection(given)).toThrow(`${wrong}: give {"zone${form}`)
  })
})
