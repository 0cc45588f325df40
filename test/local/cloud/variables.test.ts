import { describe, expect, test } from 'vitest'
import { resolveVariables, type Sources } from '../../../infra/local/cloud/variables.ts'

/** Written so, since a variable's form in a plain string looks like a template that somebody forgot. */
const variable = (form: string): string => `$\{${form}}`

const sources: Sources = {
  stage: 'local',
  parameters: { enabled: true, cloud: 'default' },
  file: (path) => ({ from: path, stage: variable('sls:stage') }),
}
const resolve = (value: unknown) => resolveVariables(value, sources, 'serverless.yml')

describe('a variable of serverless.yml', () => {
  test.each([
    ['the stage among other text', `bridgekeeper-${variable('sls:stage')}-diff`, 'bridgekeeper-local-diff'],
    ['a parameter that is the whole text, with its type', variable('param:enabled'), true],
    ['a parameter among other text', `cloud ${variable('param:cloud')}!`, 'cloud default!'],
    ['a file, and the variables in it', variable('file(infra/x.yml)'), { from: 'infra/x.yml', stage: 'local' }],
    ['anything within lists and maps', { a: [variable('sls:stage')] }, { a: ['local'] }],
    [
      'what CloudFormation fills in itself',
      `arn:${variable('AWS::Partition')}:x`,
      `arn:${variable('AWS::Partition')}:x`,
    ],
    ['what is no text', [1, null, false], [1, null, false]],
  ])('is resolved: %s', (_, value, expected) => {
    expect(resolve(value)).toEqual(expected)
  })

  test.each([
    [variable('opt:stage'), /serverless\.yml\.a\.b: \$\{opt:stage\} is a form that the embedded cloud does not know/],
    [variable('sls:stage, "x"'), /is a form that the embedded cloud does not know/],
    [variable('param:unknown'), /serverless\.yml\.a\.b: the parameter "unknown" has no default/],
  ])('is refused with its place: %s', (value, message) => {
    expect(() => resolve({ a: { b: value } })).toThrow(message)
  })
})
