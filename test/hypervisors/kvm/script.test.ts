/** Pieces of the fixed commands, run by the shells that this machine has: on the hosts it is dash, or bash. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { lock, lockFileFailed, vxlanLock } from '../../../shared/hypervisors/kvm/script.ts'

const folder = mkdtempSync(join(tmpdir(), 'locks-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe.each(['/bin/dash', '/bin/bash'].filter(existsSync))('under %s', (shell) => {
  const run = (text: string) => spawnSync(shell, ['-c', text], { encoding: 'utf8' })
  const at = (place: string): string => lock(0, 'exit 75').replace('/run/bridgekeeper.lock', place)

  it('a lock that cannot be opened ends the command by its own code, with the words of the shell', () => {
    const { status, stderr, stdout } = run(`${at('/nowhere/lock')}; echo done`)
    expect({ status, stdout }).toEqual({ status: lockFileFailed, stdout: '' })
    expect(stderr).toMatch(/\/nowhere\/lock/)
  })

  it('the same of CloudStack’s, where its directory is there', () => {
    const text = vxlanLock('exit 77')
    const there = text.replace('-d /var/run/cloud', `-d ${folder}`)
    expect(run(there.replace('/var/run/cloud/vxlan.lock', '/nowhere/lock')).status).toBe(lockFileFailed)
    expect(run(there.replace('/var/run/cloud/vxlan.lock', join(folder, 'vxlan'))).status).toBe(0)
    expect(run(text.replace('-d /var/run/cloud', '-d /nowhere')).status).toBe(0)
  })

  it('a lock is held to the end of the command, and refused to another one', () => {
    const place = join(folder, 'lock')
    const { stdout, status } = run(`${at(place)}; flock -n ${place} true || echo held`)
    expect({ stdout, status }).toEqual({ stdout: 'held\n', status: 0 })
    expect(run(`exec 5>>${place}; flock 5; (${at(place)}; echo got)`)).toMatchObject({ status: 75, stdout: '' })
  })
})
