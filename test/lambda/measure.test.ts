import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { measure, percentile } from './measure.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bridgekeeper-measure-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function bundled(code: string): Promise<string> {
  const file = join(folder, `${Math.random()}.js`)
  await writeFile(file, code)
  return file
}

describe('a function’s process', () => {
  it('is measured from its begin over its module to each call, and gives what they returned', async () => {
    const file = await bundled(`
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60)
      exports.handler = async (event) => { await new Promise((done) => setTimeout(done, event.wait)); return process.env.OF }`)
    const { start, load, calls, maxRSS, results } = await measure(file, { OF: 'mine' }, [{ wait: 80 }, { wait: 1 }])
    expect(start).toBeGreaterThan(1)
    expect(load).toBeGreaterThanOrEqual(59)
    expect(calls[0]).toBeGreaterThanOrEqual(79)
    expect(calls).toHaveLength(2)
    expect(maxRSS).toBeGreaterThan(10_000)
    expect(results).toEqual(['mine', 'mine'])
  })

  it('is told by what it had at most, not at last', async () => {
    const keeping = 'exports.handler = async ({ megabytes }) => { Buffer.alloc(megabytes * 1024 * 1024, 1) }'
    const file = await bundled(keeping)
    const [small, large] = [await measure(file, {}, [{ megabytes: 1 }]), await measure(file, {}, [{ megabytes: 200 }])]
    expect(large.maxRSS - small.maxRSS).toBeGreaterThan(150 * 1024)
  })

  it('ends badly where its memory does not suffice', async () => {
    const file = await bundled('exports.handler = async () => { const all = []; for (;;) all.push({ n: all.length }) }')
    await expect(measure(file, {}, [{}], 64)).rejects.toThrow('heap')
  })
})

describe('the percentile of measurements', () => {
  it.each([
    [[3, 1, 2], 50, 2],
    [[3, 1, 2], 100, 3],
    [Array.from({ length: 20 }, (_, n) => n + 1), 95, 19],
    [[7], 95, 7],
  ])('of %j at %d is %d', (values, percent, expected) => {
    expect(percentile(values, percent)).toBe(expected)
  })
})
