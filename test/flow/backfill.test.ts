import { describe, expect, it } from 'vitest'
import { parseRequest } from '../../shared/flow/backfill.ts'

const form = '": …, "zone": …, "cluster": …, "host": …}, any of them, each a name or an id of 1 to 255 characters'

describe('the selection that the backfill function is invoked with', () => {
  it.each([
    ['nothing, which is every host', undefined, { chosen: {} }],
    ['null, as an invocation without a payload has it', null, { chosen: {} }],
    ['parts of a choice', { zone: 'Zürich', host: 'kvm1' }, { chosen: { zone: 'Zürich', host: 'kvm1' } }],
    ['a choice in one of several clouds', { cloud: 'eu', zone: 'Zürich' }, { cloud: 'eu', chosen: { zone: 'Zürich' } }],
  ])('may be %s', (_, given, expected) => {
    expect(parseRequest(given)).toEqual(expected)
  })

  it.each([
    ['a misspelt part', { zoen: 'Zürich' }, '"zoen" is no part of a selection'],
    ['an empty name', { zone: '' }, '"zone" is not what it should be'],
    ['a name longer than CloudStack takes', { host: 'x'.repeat(256) }, '"host" is not what it should be'],
    ['a number', { cluster: 7 }, '"cluster" is not what it should be'],
    ['a text', 'Zürich', 'the payload is not what it should be'],
  ])('is refused in one line for %s', (_, given, wrong) => {
    expect(() => parseRequest(given)).toThrow(`${wrong}: give {"cloud${form}`)
  })
})
