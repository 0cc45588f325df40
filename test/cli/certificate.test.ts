import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ZodType } from 'zod'
import { certificateCommand } from '../../infra/cli/certificateCommand.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import type { Command } from '../../shared/cloudstack/calls.ts'
import { createCloudStack } from '../../shared/cloudstack/client.ts'
import { keptInMemory } from '../certificate/world.ts'
import { capture } from '../rights/inProcess.ts'
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

it('a dry run says what would be asked for and whom a new key concerns, and asks for nothing', async () => {
  const asked = simulator.requests.issueCertificate
  const kept = (await certificate('status', '-o', 'json')).stdout
  const plan = await certificate('renew', '--new-key', '--days', '90', '--dry-run')
  expect(plan).toMatchObject({ code: 0, stderr: '' })
  expect(plan.stdout).toMatch(
    /name {5}CN=bk\.example\.org[\s\S]*days {5}90[\s\S]*key {6}a new one[\s\S]*No host is served by an agent/,
  )
  expect(JSON.parse((await certificate('renew', '--dry-run', '-o', 'json')).stdout)).toMatchObject({
    dryRun: true,
    planned: { commonName: 'bk.example.org', key: 'the one that is kept' },
  })
  expect(simulator.requests.issueCertificate).toBe(asked)
  expect((await certificate('status', '-o', 'json')).stdout).toBe(kept)
})

it('whoever asks for more days than CloudStack gives is told, and which hosts have to learn a new key', async () => {
  const { url, apiKey, secretKey } = simulator
  const client = createCloudStack({ url, apiKey, secretKey })
  /** A CloudStack that gives what it is set to. */
  const cloudstack = {
    call: <T>(command: Command, { duration: _, ...parameters }: Readonly<Record<string, string>>, schema: ZodType<T>) =>
      client.call(command, parameters, schema),
  }
  const { output, written } = capture()
  const keeper = keptInMemory()
  const waiting = { now: Date.now, sleep: async () => {} }
  const parts = { keeper, cloudstack: () => cloudstack, waiting, agents: async () => ['kvm1', 'kvm2'] }
  await certificateCommand('issue', { days: 400, output: 'table' }, parts, output)
  expect(written().stdout).toContain('400 days were asked for, and CloudStack gave 365.')
  expect(written().stdout).not.toContain('Agents serve')
  await certificateCommand('renew', { newKey: true, output: 'table' }, parts, output)
  expect(written().stdout).toMatch(/Agents serve 2 hosts: kvm1, kvm2\. .* until it has sha256:[0-9a-f]{64} /)
})
