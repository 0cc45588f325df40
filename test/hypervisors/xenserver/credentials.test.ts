import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { credentialsFor, parseCredentials } from '../../../shared/hypervisors/xenserver/credentials.ts'
import { ConfigurationError, parseConfiguration } from '../../../shared/runtime/configuration.ts'
import { xapiCredentials } from '../../../shared/runtime/xenserverDriver.ts'

const entry = (username: string) => ({ username, password: 'hunter2' })

describe('the credentials file', () => {
  const file = parseCredentials(
    JSON.stringify({ default: entry('d'), zones: { z1: entry('z') }, clusters: { c1: entry('c') } }),
  )
  it.each([
    ['its cluster’s entry', { zone: 'z1', cluster: 'c1' }, 'c'],
    ['else its zone’s', { zone: 'z1', cluster: 'c2' }, 'z'],
    ['else the default one', { zone: 'z2', cluster: 'c2' }, 'd'],
    ['never one that every object has', { zone: 'constructor', cluster: '__proto__' }, 'd'],
  ])('gives a host %s', (_what, of, username) => {
    expect(credentialsFor(file, of).username).toBe(username)
  })
  it('without an entry for a host is Misconfigured, naming the cluster and the zone', () => {
    const bare = parseCredentials(JSON.stringify({ zones: { z1: entry('z') } }))
    expect(() => credentialsFor(bare, { zone: 'z2', cluster: 'c2' })).toThrow(/cluster c2 or the zone z2/)
  })

  const bad: readonly (readonly [string, string, RegExp])[] = [
    ['no JSON', '{"default": hunter2', /^it is not JSON$/],
    ['a name that is not known', JSON.stringify({ default: { ...entry('d'), hunter2: 1 } }), /^default: .*not known$/],
    ['no password', JSON.stringify({ default: { username: 'd' } }), /^default\.password: /],
    [
      'a fingerprint that is none',
      JSON.stringify({ default: { ...entry('d'), fingerprints: ['hunter2'] } }),
      /^default\.fingerprints\.0: is not a SHA-256/,
    ],
    [
      'an authority that is no PEM',
      JSON.stringify({ zones: { z: { ...entry('d'), ca: 'hunter2' } } }),
      /^zones\.z\.ca: is not PEM$/,
    ],
  ]
  it.each(bad)('with %s is refused, and nothing of it is shown', (_what, content, message) => {
    const error: unknown = (() => {
      try {
        return parseCredentials(content)
      } catch (thrown) {
        return thrown
      }
    })()
    expect(error).toBeInstanceOf(Error)
    expect(error).toHaveProperty('message', expect.stringMatching(message))
    expect(String(error)).not.toContain('hunter2')
  })

  describe('named by a setting', () => {
    let directory: string
    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'bridgekeeper-xapi-'))
    })
    afterEach(() => rmSync(directory, { recursive: true }))
    const noSecret = (name: string): never => {
      throw new Error(`the secret ${name} was asked for`)
    }
    const read = (path: string | undefined) =>
      xapiCredentials(
        parseConfiguration(path === undefined ? {} : { BRIDGEKEEPER_XAPI_CREDENTIALS_FILE: path }),
        noSecret,
        Date.now,
      )
    const written = (content: string, mode = 0o600): string => {
      const path = join(directory, 'xapi.json')
      writeFileSync(path, content)
      chmodSync(path, mode)
      return path
    }

    it('is read', async () => {
      expect((await read(written(JSON.stringify({ default: entry('d') })))).default).toEqual(entry('d'))
    })
    it.each([0o640, 0o604, 0o644])('of mode %o is refused, with the command that puts it right', async (mode) => {
      const path = written(JSON.stringify({ default: entry('d') }), mode)
      await expect(read(path)).rejects.toThrow(/may be read by others: chmod 600 it/)
    })
    it.each([
      ['not set', undefined, /BRIDGEKEEPER_XAPI_CREDENTIALS_FILE is not set/],
      ['a file that is not there', '/nowhere/xapi.json', /cannot be read \(ENOENT\)/],
    ])('as %s is a mistake of the configuration', async (_what, path, message) => {
      await expect(read(path)).rejects.toThrow(ConfigurationError)
      await expect(read(path)).rejects.toThrow(message)
    })
    it('with a mistake in it is one line that names the file', async () => {
      const path = written('{')
      await expect(read(path)).rejects.toThrow(`BRIDGEKEEPER_XAPI_CREDENTIALS_FILE="${path}": it is not JSON`)
    })
  })
})
