import { describe, expect, it } from 'vitest'
import { cloudOf, cloudsOf } from '../../shared/runtime/clouds.ts'

const two = {
  BRIDGEKEEPER_CLOUD: 'eu-1, us',
  CLOUDSTACK_API_URL__EU_1: 'https://eu.example.org/client/api',
  CLOUDSTACK_API_KEY__EU_1: 'eu-key',
  CLOUDSTACK_SECRET_KEY__EU_1: 'eu-secret',
  CLOUDSTACK_API_URL__US: 'https://us.example.org/client/api',
  CLOUDSTACK_API_KEY__US: 'us-key',
  CLOUDSTACK_SECRET_KEY__US: 'us-secret',
}

describe('the clouds of a deployment', () => {
  it('are one that is called default, where nothing is said', () => {
    expect(cloudsOf({ BRIDGEKEEPER_MODE: 'observe' })).toEqual([
      { name: 'default', environment: { BRIDGEKEEPER_CLOUD: 'default', BRIDGEKEEPER_MODE: 'observe' } },
    ])
  })

  it('have each an environment as if it were alone, with nothing in it of another one', () => {
    const clouds = cloudsOf({ ...two, PATH: '/bin', BRIDGEKEEPER_MODE: 'apply', BRIDGEKEEPER_MODE__US: 'observe' })
    expect(clouds).toEqual([
      {
        name: 'eu-1',
        environment: {
          PATH: '/bin',
          BRIDGEKEEPER_CLOUD: 'eu-1',
          BRIDGEKEEPER_MODE: 'apply',
          CLOUDSTACK_API_URL: 'https://eu.example.org/client/api',
          CLOUDSTACK_API_KEY: 'eu-key',
          CLOUDSTACK_SECRET_KEY: 'eu-secret',
        },
      },
      {
        name: 'us',
        environment: {
          PATH: '/bin',
          BRIDGEKEEPER_CLOUD: 'us',
          BRIDGEKEEPER_MODE: 'observe',
          CLOUDSTACK_API_URL: 'https://us.example.org/client/api',
          CLOUDSTACK_API_KEY: 'us-key',
          CLOUDSTACK_SECRET_KEY: 'us-secret',
        },
      },
    ])
  })

  it('take what is set for one of them also where it is the only one', () => {
    const [cloud] = cloudsOf({ BRIDGEKEEPER_CLOUD: 'eu', BRIDGEKEEPER_MODE: 'apply', BRIDGEKEEPER_MODE__EU: 'observe' })
    expect(cloud.environment.BRIDGEKEEPER_MODE).toBe('observe')
  })

  it.each([
    ['a key that is of no cloud', { CLOUDSTACK_SECRET_KEY: 's3cret' }, /^CLOUDSTACK_SECRET_KEY is set for no cloud/],
    [
      'a cloud that is not there',
      { BRIDGEKEEPER_MODE__ASIA: 'observe' },
      /MODE__ASIA is for a cloud that .* written __EU_1, __US\.$/,
    ],
    [
      'a setting that is none',
      { BRIDGEKEEPER_MOOD__US: 'good' },
      /^BRIDGEKEEPER_MOOD__US: BRIDGEKEEPER_MOOD is not a set/,
    ],
    [
      'what is the deployment’s',
      { BRIDGEKEEPER_TABLE__US: 't' },
      /BRIDGEKEEPER_TABLE is the deployment’s, not a cloud’s/,
    ],
    ['a queue', { BRIDGEKEEPER_QUEUE_DIFF__US: 'http://q' }, /is the deployment’s/],
    [
      'names that are written alike',
      { BRIDGEKEEPER_CLOUD: 'eu-1,eu.1,us' },
      /names "eu-1" and "eu.1", whose settings could/,
    ],
    ['a name given twice', { BRIDGEKEEPER_CLOUD: 'eu-1,us,us' }, /names "us" and "us"/],
    [
      'one CloudStack twice',
      { CLOUDSTACK_API_URL__US: two.CLOUDSTACK_API_URL__EU_1 },
      /same for eu-1 and us: name that/,
    ],
    ['too many', { BRIDGEKEEPER_CLOUD: Array.from({ length: 33 }, (_, at) => `c${at}`).join() }, /names 33 clouds: 32/],
  ])('are refused for %s, without showing a secret', (_, given, problem) => {
    const refused = (): unknown => cloudsOf({ ...two, ...given })
    expect(refused).toThrow(problem)
    expect(refused).not.toThrow(/s3cret|eu-secret|us-secret/)
  })

  it('are asked for by name, unless there is one alone', () => {
    expect(cloudOf(two, 'us').environment.CLOUDSTACK_API_KEY).toBe('us-key')
    expect(cloudOf({}, undefined).name).toBe('default')
    expect(() => cloudOf(two, undefined)).toThrow('name one of eu-1, us')
    expect(() => cloudOf(two, 'asia')).toThrow('the cloud "asia" is none of BRIDGEKEEPER_CLOUD: eu-1, us.')
  })
})
