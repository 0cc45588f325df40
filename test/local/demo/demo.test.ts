import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { playDemo } from './demoProcess.ts'

const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('bridgekeeper-demo-'))

describe('the demo on simulated hosts', () => {
  it('ends with every host right, twice at once, and says what the hosts were', async () => {
    const before = folders()
    const both = await Promise.all([
      playDemo(['--kernel=simulated', '--json']),
      playDemo(['--kernel=simulated', '--json']),
    ])
    for (const { code, figures, left } of both) {
      expect(figures).toMatchObject({ ok: true, hosts: 6, inSync: 6, devicesVerified: 52, kernel: 'simulated' })
      expect(code).toBe(0)
      expect(left).toEqual([])
    }
    expect(folders()).toEqual(before)
  }, 90_000)

  it('ended by Ctrl-C leaves no process and no file', async () => {
    const before = folders()
    const { code, left } = await playDemo(['--kernel=simulated'], 'Then, all at once')
    expect(code).toBe(130)
    expect(left).toEqual([])
    expect(folders()).toEqual(before)
  }, 60_000)

  it('refuses an option that it does not know', async () => {
    const { code, output } = await playDemo(['--jsno'])
    expect(code).toBe(1)
    expect(output.trim()).toBe(
      '"--jsno" is not an option of the demo: it knows --json and --kernel=uml|netns|simulated.',
    )
  })
})
