import { describe, expect, it } from 'vitest'
import { ConfigurationError, parseConfiguration } from '../../shared/runtime/configuration.ts'
import { readSetting } from '../../shared/runtime/runtime.ts'
import { shownValue } from '../../shared/runtime/shown.ts'

const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n'

describe('a value in a message', () => {
  it.each([
    ['/etc/key', '"/etc/key"'],
    ['http://cloud.example.org:8080/client/api', '"http://cloud.example.org:8080/client/api"'],
    ['http://admin:secret@cloud.example.org/', '"http://(hidden)@cloud.example.org"'],
    ['http://admin:3/cret@cloud.example.org/', '"http://(hidden)"'],
    ['http://admin:s3/cret@cloud.example.org/', '"http://(hidden)"'],
    ['http://cloud.example.org/client/api?apiKey=secret&signature=s', '"http://cloud.example.org/client/api"'],
    ['http://cloud example/secret', '"http://(hidden)"'],
    ['x'.repeat(500), `"${'x'.repeat(200)}"`],
  ])('%j is shown as %s', (value, shown) => {
    expect(shownValue(value)).toBe(shown)
  })

  it('is not shown at all where a key stands in place of its file', () => {
    expect(() => readSetting('BRIDGEKEEPER_SSH_KEY_FILE', key)).toThrow(ConfigurationError)
    expect(() => readSetting('BRIDGEKEEPER_SSH_KEY_FILE', key)).not.toThrow(/c2VjcmV0|BEGIN/)
    expect(() => parseConfiguration({ BRIDGEKEEPER_SSH_KEY_FILE: key.repeat(20) })).not.toThrow(/c2VjcmV0|BEGIN/)
  })
})
