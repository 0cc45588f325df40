/** The template that is deployed, before CloudFormation's own schemas, in regions far apart and with each part of it switched on. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packaged, templateIn } from '../aws/packaged.ts'
import { CfnLintFailed, lint } from './cfnLint.ts'

const regions = ['us-east-1', 'eu-central-1', 'ap-southeast-2']
const endpoints = join(import.meta.dirname, '../../infra/aws/endpoints.yml')

it.each([
  ['as it is', {}],
  [
    'with the webhook, XenServer and VMware',
    { webhook: '2', drivers: 'KVM=kvm-ssh|cloudstack,XenServer=xenserver,VMware=vmware' },
  ],
  [
    'with alarms, a dashboard and traces',
    { alarms: 'arn:aws:sns:eu-central-1:123456789012:pager', dashboard: 'true', tracing: 'true', cloud: 'eu,us' },
  ],
  ['in a VPC', { subnets: 'subnet-0123abcd,subnet-0123abce', securityGroups: 'sg-0123abcd' }],
])('%s it is clean', async (_how, parameters) => {
  const folder = await packaged(parameters)
  expect(await lint(templateIn(folder), regions)).toEqual([])
  await rm(folder, { recursive: true, force: true })
})

it('so are the endpoints of a VPC', async () => {
  expect(await lint(endpoints, regions)).toEqual([])
})

describe('a mistake in it is found', () => {
  let folder = ''
  let template = ''
  beforeAll(async () => {
    folder = await packaged()
    template = JSON.stringify(JSON.parse(await readFile(templateIn(folder), 'utf8')))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each([
    ['a text for a truth', '"FifoQueue":true', '"FifoQueue":"perhaps"', 'E3012'],
    ['a property that does not exist', '"FifoQueue":true', '"FifoQueues":true', 'E3002'],
    ['a kind of resource that does not exist', '"Type":"AWS::SQS::Queue"', '"Type":"AWS::SQS::Queues"', 'E3006'],
    ['a word that is none of those known', '"BillingMode":"PAY_PER_REQUEST"', '"BillingMode":"PER_REQUEST"', 'E3030'],
    ['a number that is too large', '"Timeout":120', '"Timeout":1200', 'E3717'],
    ['a reference to nothing', '{"Ref":"DiffQueue"}', '{"Ref":"DiffQeue"}', 'E1020'],
    ['an attribute that a resource does not have', '["DiffQueue","Arn"]', '["DiffQueue","Ran"]', 'E1010'],
    ['a statement without an effect', '"Effect":"Allow",', '', 'E3530'],
  ])('%s', async (_what, right, wrong, rule) => {
    const file = join(folder, 'planted.json')
    expect(template).toContain(right)
    await writeFile(file, template.replace(right, wrong))
    expect((await lint(file, regions)).join('\n')).toContain(`:${rule}:`)
  })
})

describe('a cfn-lint that does not look is no clean bill', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bridgekeeper-lint-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const version = '[ "$1" = --version ] && echo cfn-lint 1.58.0 && exit 0'
  it.each([
    ['that says nothing at all', 'exit 0', 0o755],
    ['that crashes at once', 'echo Traceback >&2; exit 1', 0o755],
    ['that crashes as it looks', `${version}; echo Traceback >&2; exit 1`, 0o755],
    ['that claims errors and names none', `${version}; exit 2`, 0o755],
    ['that names an error and claims none', `${version}; echo x:1:1:1:1:E3012:no; exit 0`, 0o755],
    ['that complains and ends well', `${version}; echo 'no such region' >&2; exit 0`, 0o755],
    ['that is ended', `${version}; kill -9 $$`, 0o755],
    ['that may not be run', version, 0o644],
  ])('one %s', async (_what, lines, mode) => {
    const program = join(folder, 'cfn-lint')
    await rm(program, { force: true })
    await writeFile(program, `#!/bin/sh\n${lines}\n`, { mode })
    await expect(lint(endpoints, regions, program)).rejects.toThrow(CfnLintFailed)
  })

  it('one that is not there', async () => {
    await expect(lint(endpoints, regions, join(folder, 'nothing'))).rejects.toThrow(CfnLintFailed)
  })

  it('nor is a template that is not there clean', async () => {
    expect((await lint(join(folder, 'nothing.json'), regions)).join()).toContain('E0003')
  })
})
