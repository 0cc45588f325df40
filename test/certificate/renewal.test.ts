import { describe, expect, it } from 'vitest'
import { daysOf, standingOf } from '../../shared/certificate/renewal.ts'
import { day } from './world.ts'

const year = { from: 0, to: 360 * day }

describe('a certificate', () => {
  it.each([
    [0, undefined, 'fine'],
    [240 * day - 1, undefined, 'fine'],
    [240 * day, undefined, 'due'],
    [360 * day - 1, undefined, 'due'],
    [360 * day, undefined, 'ended'],
    [329 * day, 30, 'fine'],
    [330 * day, 30, 'due'],
    [179 * day, 3650, 'fine'],
    [180 * day, 3650, 'due'],
  ] as const)('of 360 days is, %d ms after its beginning and with %s days set, %s', (now, days, is) => {
    expect(standingOf(year, days, now).is).toBe(is)
  })

  it('says when it is renewed, and how many whole days are left', () => {
    expect(standingOf(year, 30, 359.5 * day)).toEqual({ is: 'due', renewAt: 330 * day, daysLeft: 0 })
    expect(standingOf(year, 30, 361 * day).daysLeft).toBe(-1)
  })

  it.each([
    [365.5, 365],
    [90.5, 90],
    [1, 3],
  ])('that lasted %d days is renewed for %d', (lasted, asked) => {
    expect(daysOf({ from: 0, to: lasted * day })).toBe(asked)
  })
})
