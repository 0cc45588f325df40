import { describe, expect, it } from 'vitest'
import type { EventRow } from '../../shared/cloudstack/answers.ts'
import { type EventCursor, judge, parseCursor, startDate } from '../../shared/cloudstack/events.ts'

const noon = Date.UTC(2026, 10, 22, 12)
const seconds = 1000

let made = 0
const event = (created: number, type = 'NETWORK.CREATE'): EventRow => {
  made += 1
  return { id: `${String(made).padStart(8, '0')}-0000-4000-8000-000000000000`, type, created }
}

const newestFirst = (...rows: readonly EventRow[]) => ({ count: rows.length, rows })

const cursorAfter = (...rows: readonly EventRow[]): EventCursor => judge(undefined, newestFirst(...rows), noon).cursor

describe('whether anything changed', () => {
  it('says yes without a cursor', () => {
    expect(judge(undefined, newestFirst(), noon).changed).toBe(true)
  })

  it('says no when nothing came, however often it is asked', () => {
    const seen = event(noon)
    let cursor = cursorAfter(seen)
    for (let round = 0; round < 3; round += 1) {
      const { changed, cursor: next } = judge(cursor, newestFirst(seen), noon)
      expect(changed).toBe(false)
      cursor = next
    }
  })

  it('sees an event of the very second that the cursor ends in, once', () => {
    const [old, young] = [event(noon), event(noon)]
    const first = judge(cursorAfter(old), newestFirst(young, old), noon)
    expect(first.changed).toBe(true)
    expect(judge(first.cursor, newestFirst(young, old), noon).changed).toBe(false)
  })

  it('sees an event that another management server wrote late, behind a newer one', () => {
    const [newest, late] = [event(noon), event(noon - 90 * seconds)]
    expect(judge(cursorAfter(newest), newestFirst(newest, late), noon).changed).toBe(true)
  })

  it.each(['PHYSICAL.NETWORK.UPDATE', 'TRAFFIC.TYPE.UPDATE', 'ZONE.EDIT', 'NETWORK.OFFERING.EDIT', 'PROJECT.DELETE'])(
    'counts %s',
    (type) => {
      const old = event(noon - 600 * seconds)
      expect(judge(cursorAfter(old), newestFirst(event(noon, type), old), noon).changed).toBe(true)
    },
  )

  it.each(['VM.CREATE', 'HOST.RECONNECT', 'USER.LOGIN', 'FIREWALL.CLOSE', 'VOLUME.NETWORK.X'])(
    'does not count %s',
    (type) => {
      const old = event(noon - 600 * seconds)
      expect(judge(cursorAfter(old), newestFirst(event(noon, type), old), noon).changed).toBe(false)
    },
  )

  it('says yes when the page is cut before it reaches back to the window', () => {
    const old = event(noon)
    const page = {
      count: 900,
      rows: [event(noon + 600 * seconds, 'VM.CREATE'), event(noon + 500 * seconds, 'VM.CREATE')],
    }
    expect(judge(cursorAfter(old), page, noon).changed).toBe(true)
  })

  it('says no when the page is cut beyond the window', () => {
    const [old, older] = [event(noon), event(noon - 600 * seconds)]
    expect(judge(cursorAfter(old), { count: 900, rows: [old, older] }, noon).changed).toBe(false)
  })

  it('says yes when a cut page is not newest first, so that it cannot be judged', () => {
    const [old, older] = [event(noon), event(noon - 600 * seconds)]
    expect(judge(cursorAfter(old), { count: 900, rows: [older, old, older] }, noon).changed).toBe(true)
  })

  it('sees the first event of a cloud that had none', () => {
    expect(judge(cursorAfter(), newestFirst(event(noon + 60 * seconds)), noon).changed).toBe(true)
  })

  it('sees an event after days without any call', () => {
    const old = event(noon - 72 * 3600 * seconds)
    const cursor = judge(undefined, newestFirst(old), old.created).cursor
    expect(judge(cursor, newestFirst(event(noon - 48 * 3600 * seconds), old), noon).changed).toBe(true)
  })
})

describe('the cursor', () => {
  it('asks from a day before its window, which is early enough in any time zone of the server', () => {
    expect(startDate(cursorAfter(event(noon)), noon)).toBe('2026-11-21')
    expect(startDate(undefined, noon)).toBe('2026-11-21')
  })

  it('survives being stored', () => {
    const cursor = cursorAfter(event(noon), event(noon - seconds))
    expect(parseCursor(JSON.stringify(cursor))).toEqual(cursor)
  })

  it.each([undefined, '', 'not json', '{"v":2}', '[]', 'null'])('that reads %s is none', (text) => {
    expect(parseCursor(text)).toBeUndefined()
  })
})
