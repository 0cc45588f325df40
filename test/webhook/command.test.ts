/** `bridgekeeper webhook` against servers that have none, keys that may not, and webhooks that are not ours. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { CloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { createCloudStack } from '../../shared/cloudstack/client.ts'
import { runInProcess } from '../rights/inProcess.ts'
import { startScene } from '../rights/scene.ts'

let simulator: CloudStackSimulator
let folder: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'webhook-'))
  simulator = await startScene({ version: '4.20.0.0' })
})
afterEach(async () => {
  await simulator.stop()
  rmSync(folder, { recursive: true })
})

const secretFile = () => join(folder, 'webhook', 'default', 'secret')
const webhook = (...args: readonly string[]) =>
  runInProcess(['webhook', ...args], {
    CLOUDSTACK_API_URL: simulator.url,
    CLOUDSTACK_API_KEY: simulator.apiKey,
    CLOUDSTACK_SECRET_KEY: simulator.secretKey,
    BRIDGEKEEPER_DATA: folder,
  })
const install = () => webhook('install', '--url', 'https://hook.example.org/')
const byHand = (parameters: Readonly<Record<string, string>>) =>
  createCloudStack(simulator).call('createWebhook', parameters, z.unknown())
const all = async () =>
  z
    .object({ webhook: z.optional(z.array(z.object({ name: z.string(), payloadurl: z.string() }))) })
    .parse(await createCloudStack(simulator).call('listWebhooks', {}, z.unknown()))
    .webhook?.map(({ name, payloadurl }) => `${name} ${payloadurl}`) ?? []

describe('bridgekeeper webhook', () => {
  it.each(['status', 'install', 'remove'])(
    '%s says from which version there are webhooks, and makes none',
    async (act) => {
      await simulator.stop()
      simulator = await startScene({ version: '4.18.0.0' })
      expect(await webhook(act)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(
          /from 4\.20 on, and this is 4\.18\.0\.0: changes are found by the schedule alone/,
        ),
      })
      expect(existsSync(secretFile())).toBe(false)
    },
  )

  it('says what a key may not do', async () => {
    simulator.faults.denied = ['createWebhook']
    expect(await install()).toMatchObject({ code: 1, stderr: expect.stringContaining('key of an administrator') })
    expect(existsSync(secretFile())).toBe(false)
  })

  it('leaves one of its name alone that it did not make', async () => {
    await byHand({ name: 'bridgekeeper-default', payloadurl: 'https://elsewhere.example.org/' })
    expect(await install()).toMatchObject({ code: 1, stderr: expect.stringContaining('did not make: it is left') })
    expect(await webhook('remove')).toMatchObject({ code: 0, stdout: expect.stringContaining('is left alone') })
    expect(await all()).toEqual(['bridgekeeper-default https://elsewhere.example.org/'])
  })

  it('removes its own and no other', async () => {
    await byHand({ name: 'another', payloadurl: 'https://elsewhere.example.org/' })
    await install()
    expect(await all()).toHaveLength(2)
    expect(await webhook('remove')).toMatchObject({ code: 0 })
    expect(await all()).toEqual(['another https://elsewhere.example.org/'])
  })

  it('that is refused keeps its secret, and takes it when it is run again', async () => {
    await byHand({ name: 'another', payloadurl: 'https://hook.example.org/' })
    const refused = await install()
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('already in use by another webhook') })
    const secret = readFileSync(secretFile(), 'utf8').trim()
    expect(refused.stdout + refused.stderr).not.toContain(secret)
    expect(await webhook('install', '--url', 'https://free.example.org/')).toMatchObject({ code: 0 })
    expect(readFileSync(secretFile(), 'utf8').trim()).toBe(secret)
  })

  it.each(['ftp://hook.example.org/', 'hook.example.org', 'https://user:word@hook.example.org/', ''])(
    'takes no address like %j',
    async (url) => {
      expect(await webhook('install', '--url', url)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('--url'),
      })
      expect(await all()).toEqual([])
    },
  )

  it('status says when CloudStack signs with another secret, and install puts it right', async () => {
    await install()
    rmSync(secretFile())
    expect(await webhook('status')).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('its events are refused'),
    })
    expect(await webhook('install')).toMatchObject({ code: 0, stdout: expect.stringContaining('was changed') })
    expect(await webhook('status')).toMatchObject({ code: 0 })
  })
})
