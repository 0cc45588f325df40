import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Credentials } from '../../shared/certificate/credentials.ts'
import { keptInFiles } from '../../shared/certificate/files.ts'
import type { Keeper } from '../../shared/certificate/keeper.ts'
import { startWorld, type World } from './world.ts'

let world: World
let first: Credentials
let second: Credentials
beforeAll(async () => {
  world = await startWorld()
  first = await world.issued()
  second = await world.issued()
})
afterAll(() => world.stop())

let folder: string
let keeper: Keeper
const at = (name: string): string => join(folder, 'agent', name)
const files = () => ({ certificate: at('certificate.pem'), key: at('key.pem'), ca: at('ca.pem') })
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kept-'))
  keeper = keptInFiles(files())
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a certificate in files', () => {
  it('is none at first, then what was written, and then what was written last', async () => {
    expect(await keeper.read()).toBeUndefined()
    await keeper.write(first)
    expect(await keeper.read()).toEqual(first)
    await keeper.write(second)
    expect(await keeper.read()).toEqual(second)
  })

  it('may be read by its owner alone, and leaves nothing else behind', async () => {
    await keeper.write(first)
    for (const file of Object.values(files())) expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(join(folder, 'agent')).mode & 0o777).toBe(0o700)
    expect(readdirSync(join(folder, 'agent')).sort()).toEqual([
      '.certificate.lock',
      'ca.pem',
      'certificate.pem',
      'key.pem',
    ])
  })

  it.each([0, 1, 2, 3])('is the new one after a crash when %d of its files were written', async (written) => {
    await keeper.write(first)
    writeFileSync(at('certificate.pem.new'), JSON.stringify(second))
    for (const part of (['key', 'ca', 'certificate'] as const).slice(0, written))
      writeFileSync(files()[part], second[part])
    expect(await keeper.read()).toEqual(second)
    await keeper.write(first)
    expect(await keeper.read()).toEqual(first)
    expect(existsSync(at('certificate.pem.new'))).toBe(false)
  })

  it('is whole for a thread that reads it while it is written', async () => {
    const other = await world.issued()
    await keeper.write(first)
    const reader = new Worker(join(import.meta.dirname, 'reader.ts'), { workerData: files() })
    await once(reader, 'message')
    const told = once(reader, 'message')
    let [isOver, turns] = [false, 0]
    told.then(() => {
      isOver = true
    })
    for (; !isOver || turns < 30; turns += 1) {
      await keeper.write(turns % 2 === 0 ? other : first)
      await nextTurn()
    }
    const [{ broken }] = await told
    expect(broken).toEqual([])
  })

  it.each([
    ['one of them is gone', () => rmSync(at('ca.pem')), /ca\.pem does not exist, and the others do/],
    ['one is too large', () => writeFileSync(at('key.pem'), 'x'.repeat(100_000)), /key\.pem has more than 65536 bytes/],
    [
      'what a crash left is damaged',
      () => writeFileSync(at('certificate.pem.new'), '{'),
      /is not what a renewal writes/,
    ],
  ])('cannot be used when %s, which is said', async (_says, damage, says) => {
    await keeper.write(first)
    damage()
    await expect(keeper.read()).rejects.toThrow(says)
  })

  it('stays as it was where it cannot be written', async () => {
    await keeper.write(first)
    rmSync(at('.certificate.lock'))
    const elsewhere = keptInFiles({ ...files(), certificate: join(at('key.pem'), 'certificate.pem') })
    await expect(elsewhere.write(second)).rejects.toThrow(/cannot be written \((EEXIST|ENOTDIR)\)/)
    expect(await keeper.read()).toEqual(first)
  })
})
