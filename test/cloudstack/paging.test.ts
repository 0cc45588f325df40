import { describe, expect, it } from 'vitest'
import { IncompleteListing } from '../../shared/cloudstack/errors.ts'
import { type Page, readAll } from '../../shared/cloudstack/paging.ts'

interface Row {
  readonly id: string
}

const page = (count: number, ids: string): Page<Row> => ({ count, rows: [...ids].map((id) => ({ id })) })

/** Answers one page after the other, and the last one for ever. */
function script(...pages: readonly Page<Row>[]) {
  const asked: number[] = []
  const read = async (number: number): Promise<Page<Row>> => {
    asked.push(number)
    return pages[Math.min(asked.length, pages.length) - 1] ?? page(0, '')
  }
  return { asked, read }
}

const idsOf = (rows: readonly Row[]): string => rows.map(({ id }) => id).join('')

describe('reading a whole listing', () => {
  it.each([
    ['an empty one', [page(0, '')], '', [1]],
    ['one page', [page(2, 'ab')], 'ab', [1]],
    ['a last page that is full', [page(4, 'ab'), page(4, 'cd')], 'abcd', [1, 2]],
    ['a last page that is not', [page(3, 'ab'), page(3, 'c')], 'abc', [1, 2]],
    [
      'again when the count grew between the pages',
      [page(3, 'ab'), page(4, 'bc'), page(4, 'xa'), page(4, 'bc')],
      'xabc',
      [1, 2, 1, 2],
    ],
    ['again when the count shrank to one page', [page(3, 'ab'), page(2, ''), page(2, 'ac')], 'ac', [1, 2, 1]],
    [
      'again when a row moved to another page',
      [page(3, 'ab'), page(3, 'b'), page(3, 'ab'), page(3, 'c')],
      'abc',
      [1, 2, 1, 2],
    ],
    ['again when fewer rows came than counted', [page(2, 'a'), page(2, 'ab')], 'ab', [1, 1]],
    [
      'with a row that is repeated for good, once',
      [page(3, 'ab'), page(3, 'a'), page(3, 'ab'), page(3, 'a')],
      'ab',
      [1, 2, 1, 2],
    ],
  ])('reads %s', async (_what, pages, ids, asked) => {
    const listing = script(...pages)
    expect(idsOf(await readAll('listThings', 2, listing.read))).toBe(ids)
    expect(listing.asked).toEqual(asked)
  })

  it('gives up with an error, never with a part, when rows stay away', async () => {
    const listing = script(page(2, 'a'))
    await expect(readAll('listThings', 2, listing.read)).rejects.toThrow(IncompleteListing)
    expect(listing.asked).toEqual([1, 1, 1, 1])
  })

  it('gives up when the listing never holds still', async () => {
    let count = 2
    const restless = async (): Promise<Page<Row>> => {
      count += 1
      return page(count, 'ab')
    }
    await expect(readAll('listThings', 2, restless)).rejects.toThrow('listThings was not complete in 4 readings')
  })
})
