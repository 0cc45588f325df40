/** Housekeeping's daily look at the certificate, with CloudStack's simulator and a store: what it does, and what it leaves for people. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { standingText } from '../../infra/cli/standingText.ts'
import type { Credentials } from '../../shared/certificate/credentials.ts'
import { problemOf } from '../../shared/certificate/renewal.ts'
import { notRenewed, seen, tendCertificate } from '../../shared/flow/certificate.ts'
import { readStanding } from '../../shared/flow/standing.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { certificateKey, readCertificate } from '../../shared/store/items.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Store } from '../../shared/store/store.ts'
import { day, keptInMemory, type MemoryKeeper, publicKeyOf, startWorld, type World } from './world.ts'

let world: World
let first: Credentials
let began: number
beforeAll(async () => {
  world = await startWorld()
  began = world.clock.now
  first = await world.issued({ days: 90 })
})
afterAll(() => world.stop())

let store: Store
let keeper: MemoryKeeper
let lines: [string, string][]
beforeEach(() => {
  world.clock.now = began
  store = createMemoryStore()
  keeper = keptInMemory(first)
  lines = []
})
afterEach(() => {
  delete world.simulator.faults.rewrite
  world.simulator.faults.denied = []
})

const logger = {
  ...silent,
  info: (message: string) => void lines.push(['info', message]),
  error: (message: string) => void lines.push(['error', message]),
}
const now = (): number => world.clock.now
const tend = (renewDays?: number) =>
  tendCertificate({ store, logger, now }, 'default', {
    keeper: () => keeper,
    cloudstack: () => world.client,
    sleep: async () => {},
    ...(renewDays === undefined ? {} : { renewDays }),
  })
const item = async () => readCertificate(await store.get(certificateKey('default')))
const shown = async () => {
  const look = { width: 160, now: now(), paint: (_meaning: string, word: string) => word }
  return standingText(await readStanding(store, 'default', undefined, now()), look)
}
const problem = async () => (await readStanding(store, 'default', undefined, now())).certificate

describe('the daily look', () => {
  it('leaves one that is fine, and writes down that it looked', async () => {
    expect(await tend()).toEqual({ renewed: false, daysLeft: 89 })
    expect(keeper.kept).toBe(first)
    expect(await item()).toMatchObject({ at: began, to: expect.any(Number), renewAt: expect.any(Number) })
    expect(lines).toEqual([['info', seen]])
    expect(await problem()).toBeUndefined()
  })

  it('renews one that is due with its key, for as long as it was', async () => {
    world.clock.now = began + 61 * day
    expect(await tend()).toEqual({ renewed: true, daysLeft: 89 })
    expect(publicKeyOf(keeper.kept ?? first)).toBe(publicKeyOf(first))
    expect(keeper.kept?.certificate).not.toBe(first.certificate)
    expect(await tend()).toMatchObject({ renewed: false })
    expect(await problem()).toBeUndefined()
  })

  it('renews one so many days before its end as is set', async () => {
    world.clock.now = began + 50 * day
    expect(await tend()).toMatchObject({ renewed: false })
    expect(await tend(45)).toMatchObject({ renewed: true })
  })

  it('renews one that has ended', async () => {
    world.clock.now = began + 100 * day
    expect(await tend()).toMatchObject({ renewed: true, daysLeft: 89 })
  })

  it('says that there is none, and asks CloudStack for nothing', async () => {
    keeper = keptInMemory()
    const before = world.simulator.requests.issueCertificate
    expect(await tend()).toEqual({ renewed: false, failure: 'none is kept in memory' })
    expect(world.simulator.requests.issueCertificate).toBe(before)
    expect(await problem()).toMatchObject({ is: 'not renewed', failure: 'none is kept in memory' })
  })

  it.each<readonly [string, () => void, RegExp]>([
    [
      'a right is missing',
      () => {
        world.simulator.faults.denied = ['issueCertificate']
      },
      /not available for the account/,
    ],
    ['another CA answers', () => world.simulator.authority.replace(), /another than the one that is kept/],
    [
      'the answer is no certificate',
      () => {
        world.simulator.faults.rewrite = (command, answer) =>
          command === 'queryAsyncJobResult' ? { jobstatus: 1 } : answer
      },
      /./,
    ],
  ])('keeps the old one and tells it three times where %s', async (_says, make, words) => {
    world.clock.now = began + 61 * day
    make()
    const report = await tend()
    expect(report).toMatchObject({ renewed: false, daysLeft: 28, failure: expect.stringMatching(words) })
    expect(keeper.kept).toBe(first)
    expect(lines).toEqual([['error', notRenewed]])
    expect(await problem()).toMatchObject({ is: 'not renewed', failure: expect.stringMatching(words) })
    expect(await shown()).toMatch(
      /^CERTIFICATE the one that agents know us by, which ends on \d{4}-\d\d-\d\d is not renewed: .*; housekeeping last looked at it 0s ago\. Next: bridgekeeper certificate renew$/,
    )
    world.clock.now = began + 91 * day
    expect(await problem()).toMatchObject({ is: 'ended' })
    expect(await shown()).toMatch(/^CERTIFICATE agents refuse the one that is kept, which ended \d+[hd] ago: /)
  })
})

describe('what somebody should hear of it', () => {
  const item = { at: 100 * day, to: 130 * day, renewAt: 110 * day }
  it.each([
    [101 * day, {}, undefined],
    [102 * day + 1, {}, 'not looked at'],
    [102 * day + 1, { failure: 'no right' }, 'not renewed'],
    [101 * day, { failure: 'no right' }, 'not renewed'],
    [112 * day, {}, 'not renewed'],
    [130 * day, {}, 'ended'],
    [130 * day, { failure: 'no right' }, 'ended'],
  ] as const)('%d ms after the epoch, with %j, is %s', (at, more, is) => {
    expect(problemOf({ ...item, ...more }, at)?.is).toBe(is)
  })
})
