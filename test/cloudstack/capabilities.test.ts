import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { readAbout, readAllowed, readVersion } from '../../shared/cloudstack/about.ts'
import { capabilitiesOf, featureNames, lacking } from '../../shared/cloudstack/capabilities.ts'
import type { CloudStack } from '../../shared/cloudstack/client.ts'
import { RequestRefused } from '../../shared/cloudstack/errors.ts'
import { captureBody } from './fixtures.ts'

/** A client that gives one answer to whatever it is asked. */
const answering = (answer: unknown): Pick<CloudStack, 'call'> => ({
  call: async (_command, _parameters, schema) => schema.parse(answer),
})

describe('what a version has', () => {
  it.each([
    ['4.11.3.0', 'supported', featureNames],
    ['4.13.1.0', 'supported', featureNames],
    ['4.14.0.0', 'supported', ['persistentL2', 'pushesNewNetworks', 'degraded', 'setsUpHosts', 'webhooks']],
    ['4.16.1.0', 'supported', ['setsUpHosts', 'webhooks']],
    ['4.17.0.0', 'supported', ['webhooks']],
    ['4.18.0.0-SNAPSHOT', 'supported', ['webhooks']],
    ['4.20.0.0', 'supported', []],
    ['4.22.1.0', 'supported', []],
    ['4.23.0.0', 'newer', []],
    ['5.0', 'newer', []],
    ['4.9.2.0', 'older', featureNames],
    ['3.0.7', 'older', featureNames],
  ] as const)('%s is %s and lacks %j', (version, age, lacks) => {
    const capabilities = capabilitiesOf(version)
    expect([capabilities.age, lacking(capabilities)]).toEqual([age, lacks])
  })

  it.each([undefined, '', 'ours', 'v4.18', '4', '4.99999'])(
    'cannot be told of %j, so nothing is concluded',
    (version) => {
      const capabilities = capabilitiesOf(version)
      expect([capabilities.age, lacking(capabilities), capabilities.has('setsUpHosts')]).toEqual([
        'unknown',
        [],
        'unknown',
      ])
    },
  )
})

describe('webhooks', () => {
  it.each([
    ['4.20.0.0', ['createWebhook'], 'yes'],
    ['4.20.0.0', ['listHosts'], 'unknown'],
    ['4.20.0.0', undefined, 'yes'],
    ['4.18.0.0', ['createWebhook'], 'yes'],
    ['4.18.0.0', ['listHosts'], 'no'],
    ['ours', ['createWebhook'], 'yes'],
  ] as const)('of %s whose listApis names %j: %s', (version, commands, expected) => {
    const named = commands === undefined ? undefined : new Set<string>(commands)
    expect(capabilitiesOf(version, named).has('webhooks')).toBe(expected)
  })
})

describe('what a running server said of itself', () => {
  it('is its version, and that its roles can be made', async () => {
    expect(await readAbout(answering(captureBody('listCapabilities.json')))).toEqual({
      version: '4.18.0.0-SNAPSHOT',
      dynamicRoles: true,
    })
  })

  it('is the commands that the key may call', async () => {
    const allowed = await readAllowed(answering(captureBody('listApis.subset.json')))
    expect([allowed.size, allowed.has('updateHost'), allowed.has('createWebhook')]).toEqual([28, true, false])
  })
})

describe('a key', () => {
  const refusing = (code: number): Pick<CloudStack, 'call'> => ({
    call: () => Promise.reject(new RequestRefused(code, 'refused')),
  })

  it('that may not ask for the version learns none', async () => {
    expect(await readVersion(refusing(432))).toBeUndefined()
    await expect(readVersion(refusing(401))).rejects.toThrow('refused')
  })

  it('that may call nothing is told so', async () => {
    expect((await readAllowed(answering({}))).size).toBe(0)
  })

  it('is told nothing by an answer of another shape', async () => {
    await expect(readAbout(answering({ capability: {} }))).rejects.toThrow(z.core.$ZodError)
  })
})
