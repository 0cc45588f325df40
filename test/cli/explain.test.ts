import { expect, it } from 'vitest'
import type { Deployment } from '../../infra/cli/deployment.ts'
import { explain } from '../../infra/cli/explain.ts'

const stage: Deployment = {
  name: 'stage prod',
  whenSilent: 'check the network',
  byVariables: true,
  stage: 'prod',
  environment: { AWS_REGION: 'eu-central-1' },
}
const named = (name: string, message = 'a message', more: object = {}): Error =>
  Object.assign(new Error(message), { name }, more)

it.each([
  [named('ExpiredTokenException'), /^the AWS credentials have expired: log in again/],
  [named('UnrecognizedClientException'), /^AWS eu-central-1 does not accept the access key: check AWS_PROFILE/],
  [
    named('AccessDeniedException', 'no dynamodb:GetItem'),
    /^AWS eu-central-1 does not allow this \(no dynamodb:GetItem\)/,
  ],
  [named('ThrottlingException'), /^AWS eu-central-1 asks to slow down/],
  [named('ResourceNotFoundException'), /^the table bridgekeeper-prod does not exist in AWS eu-central-1: /],
  [named('TimeoutError'), /^stage prod: AWS does not answer in time \(TimeoutError\): check the network\.$/],
  [
    named('Error', 'getaddrinfo', { code: 'ENOTFOUND', hostname: 'dynamodb.eu-central-1.amazonaws.com' }),
    /^stage prod: dynamodb\.eu-central-1\.amazonaws\.com has a name that nobody knows \(ENOTFOUND\): /,
  ],
])('explains %s', (error, expected) => {
  expect(explain(error, stage)).toMatch(expected)
})

it('finds the variable whose address failed, and hides a password in it', () => {
  const environment = {
    AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8000',
    AWS_ENDPOINT_URL_SQS: 'http://user:hidden-word@127.0.0.1:9324',
  }
  const refused = (port: number) => named('Error', '', { code: 'ECONNREFUSED', address: '127.0.0.1', port })
  const both = Object.assign(new AggregateError([refused(9324), refused(9324)]), { code: 'ECONNREFUSED' })
  const line = explain(both, { ...stage, environment })
  expect(line).toMatch(/: AWS_ENDPOINT_URL_SQS="http:\/\/\(hidden\)@127\.0\.0\.1:9324" refuses the connection/)
  expect(explain(refused(8000), { ...stage, environment })).toContain(
    'AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:8000"',
  )
})

it('names no variable where the operator set none', () => {
  const environment = { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8000' }
  const here: Deployment = { name: 'the service', whenSilent: 'start it', byVariables: false, environment }
  const refused = named('Error', '', { code: 'ECONNREFUSED', port: 8000 })
  expect(explain(refused, here)).toBe(
    'the service: http://127.0.0.1:8000 refuses the connection (ECONNREFUSED): start it.',
  )
})

it('keeps to one line and shows no stack, also when nobody foresaw the error', () => {
  const line = explain(new RangeError('odd\n\u001B[31mred'), undefined)
  expect(line).toBe('unexpected RangeError: odd \u{FFFD}[31mred. Please report it with the command that you ran.')
})
