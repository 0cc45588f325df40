import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as z from 'zod'
import type { Bed } from '../../infra/local/bed/bed.ts'
import { startUmlBed } from '../../infra/local/bed/uml.ts'

/** The bed of namespaces needs a kernel with 8021q: a guest's is one on every machine that runs these tests. */
const repository = join(import.meta.dirname, '../..')
const identity = z.tuple([z.literal('kvm-1'), z.guid(), z.string(), z.string()])
const seen = z.object({
  greeting: z.string(),
  before: identity,
  after: identity,
  other: z.array(z.string()),
})

let bed: Bed
let found: z.infer<typeof seen>

beforeAll(async () => {
  bed = await startUmlBed({ hosts: [{ name: 'machine', memory: 1024 }] })
  const program = join(import.meta.dirname, 'netnsBed.ts')
  await bed.host('machine').exec('modprobe -d /run/bed/modules veth')
  const output = await bed.host('machine').exec(`cd '${repository}' && '${process.execPath}' '${program}'`)
  found = seen.parse(JSON.parse(output))
})
afterAll(() => bed?.stop())

it('a bed of namespaces has hosts of their own name, boot id and devices', () => {
  expect(found.before[2].split(/\s+/)).toEqual(['cloudbr1', 'eth0', 'eth1', 'eth1.77', 'lo'])
  expect(found.before[3]).toBe('eth1')
  expect(found.other[0]).toBe('kvm-2')
  expect(found.other[1]).not.toBe(found.before[1])
})

it('a bed of namespaces carries a VLAN from host to host over the trunk', () => {
  expect(found.greeting).toBe('SSH-2.0-')
})

it('a host of namespaces comes back from a reboot with its uplinks and a new boot id, and nothing else', () => {
  expect(found.after[1]).not.toBe(found.before[1])
  expect(found.after[2].split(/\s+/)).toEqual(['cloudbr1', 'eth0', 'eth1', 'lo'])
  expect(found.after[3]).toBe('eth1')
})
