/** The template that is deployed, before CloudFormation's own schemas, in regions far apart and with each part of it switched on. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { packaged, templateIn } from '../aws/packaged.ts'
import { lint } from './cfnLint.ts'

const regions = ['us-east-1', 'eu-central-1', 'ap-southeast-2']
let folder = ''
afterEach(() => rm(folder, { recursive: true, force: true }))

it.each([
  ['as it is', {}],
  [
    'with the webhook, XenServer and VMware',
    { webhook: '2', drivers: 'KVM=kvm-ssh|cloudstack,XenServer=xenserver,VMware=vmware' },
  ],
  ['in a VPC', { subnets: 'subnet-0123abcd,subnet-0123abce', securityGroups: 'sg-0123abcd' }],
])('%s it is clean', async (_how, parameters) => {
  folder = await packaged(parameters)
  expect(await lint(templateIn(folder), regions)).toEqual([])
})

it('so are the endpoints of a VPC', async () => {
  expect(await lint(join(import.meta.dirname, '../../infra/aws/endpoints.yml'), regions)).toEqual([])
})

it('a mistake in it is found', async () => {
  folder = await packaged()
  const file = templateIn(folder)
  const text = await readFile(file, 'utf8')
  await writeFile(
    file,
    text.replace('"FifoQueue":true', '"FifoQueue":"perhaps"').replace('"FifoQueue": true', '"FifoQueue": "perhaps"'),
  )
  expect((await lint(file, regions)).join()).toMatch(/E\d{4}/)
})
