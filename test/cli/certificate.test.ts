import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { run } from './program.ts'

let simulator: CloudStackSimulator
const data = mkdtempSync(join(tmpdir(), 'certificate-'))
beforeAll(async () => {
  simulator = await startCloudStackSimulator()
})
afterAll(async () => {
  await simulator.stop()
  rmSync(data, { recursive: true, force: true })
})
const certificate = (...args: readonly string[]) =>
  run(['certificate', ...args], {
    BRIDGEKEEPER_DATA: data,
    CLOUDSTACK_API_URL: simulator.url,
    CLOUDSTACK_API_KEY: simulator.apiKey,
    CLOUDSTACK_SECRET_KEY: simulator.secretKey,
  })

it('a certificate is issued, shown, not overwritten, renewed with its key, and of no other CA unless that is accepted', async () => {
  expect(await certificate('status')).toMatchObject({ code: 2, stdout: expect.stringContaining('none is kept') })
  const issued = await certificate('issue', '--name', 'bk.example.org', '--days', '90')
  expect(issued).toMatchObject({ code: 0, stderr: '' })
  const keyOf = (text: string) => /sha256:[0-9a-f]{64} {3}/.exec(text)?.[0]
  expect(issued.stdout).toMatch(/subject +CN=bk\.example\.org/)
  expect(await certificate('issue')).toMatchObject({ code: 1, stderr: expect.stringContaining('--replace') })
  const renewed = await certificate('renew')
  expect(keyOf(renewed.stdout)).toBe(keyOf(issued.stdout))
  expect(renewed.stdout).not.toBe(issued.stdout)
  simulator.authority.replace()
  expect(await certificate('renew')).toMatchObject({ code: 1, stderr: expect.stringContaining('--accept-new-ca') })
  expect((await certificate('status')).stdout).toBe(renewed.stdout)
  expect(await certificate('renew', '--accept-new-ca', '--new-key')).toMatchObject({ code: 0 })
  expect(keyOf((await certificate('status')).stdout)).not.toBe(keyOf(issued.stdout))
})
