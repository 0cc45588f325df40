/** From CloudStack's event to verified devices, and whatever else is sent to the webhook's address. No schedule runs here. */
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '../../infra/local/cloud/ingress.ts'
import { type HookedCloud, startHookedCloud } from './hookedCloud.ts'

let hooked: HookedCloud
beforeEach(async () => {
  hooked = await startHookedCloud()
  await hooked.cloud.invoke('snapshot', {})
  await hooked.untilInSync(2, ...hooked.hosts.hosts)
  await hooked.cloud.idle()
})
afterEach(() => hooked.stop())

const install = async () => {
  const done = await hooked.webhook('install', '--url', hooked.ingress.url)
  expect(done).toMatchObject({ code: 0, stderr: '' })
  return done
}
const secret = async (): Promise<string> => {
  const { stdout } = await hooked.webhook('status', '-o', 'json')
  expect(stdout).not.toMatch(/secretkey/)
  return readFileSync(fileOf(JSON.parse(stdout).secret.place), 'utf8').trim()
}
const fileOf = (place: string): string => place.replace(/^the file /, '')
const signed = (key: string, body: string) => ({
  method: 'POST',
  body,
  headers: { 'x-cs-signature': createHmac('sha256', key).update(body).digest('base64') },
})
const post = async (init: RequestInit) => {
  const answer = await fetch(hooked.ingress.url, init)
  return { status: answer.status, text: (await answer.text()).trim() }
}

describe('an event of CloudStack’s webhook', () => {
  it('NETWORK.CREATE leads to verified devices on every host within seconds', async () => {
    await install()
    await hooked.simulator.cloud.createNetwork({
      name: 'n200',
      zone: 'zone-1',
      vlan: '200',
      offering: 'l2-persistent-vlan',
    })
    const took = await hooked.untilInSync(4, ...hooked.hosts.hosts)
    console.log(`NETWORK.CREATE to verified devices on 3 hosts: ${took.toFixed(0)} ms`)
    expect(took).toBeLessThan(3000)
    expect(hooked.hosts.hosts.map((host) => host.links().some(({ name }) => name === 'eth1.200'))).toEqual([
      true,
      true,
      true,
    ])
  })

  it('MAINT.CANCEL leads to verified devices on the host that comes back within seconds', async () => {
    await install()
    const [host] = hooked.hosts.hosts
    if (host === undefined) throw new Error('there is no host')
    await hooked.simulator.cloud.enterMaintenance(host.name)
    await host.reboot()
    await hooked.cloud.invoke('snapshot', {})
    await hooked.cloud.idle()
    expect(host.links().some(({ name }) => name === 'eth1.100')).toBe(false)
    hooked.simulator.cloud.cancelMaintenance(host.name)
    const took = await hooked.untilInSync(2, host)
    await hooked.cloud.idle()
    console.log(`MAINT.CANCEL to verified devices: ${took.toFixed(0)} ms`)
    expect(took).toBeLessThan(3000)
    expect(host.links().some(({ name, up }) => name === 'eth1.100' && up)).toBe(true)
  })
})

describe('whatever else is sent there', () => {
  const event = JSON.stringify({ event: 'NETWORK.CREATE', status: 'Completed' })

  it('replayed a thousand times in a minute, costs one snapshot', async () => {
    await install()
    const before = hooked.snapshots()
    const key = await secret()
    const answers: Record<number, number> = {}
    for (let round = 0; round < 125; round += 1) {
      const eight = await Promise.all(Array.from({ length: 8 }, () => post(signed(key, event))))
      for (const { status } of eight) answers[status] = (answers[status] ?? 0) + 1
    }
    await hooked.cloud.idle()
    expect(hooked.snapshots() - before).toBe(1)
    expect(Object.keys(answers).every((status) => ['200', '429'].includes(status))).toBe(true)
    expect(answers[200]).toBeGreaterThan(100)
  })

  it.each<readonly [string, (key: string) => RequestInit, number]>([
    ['without a signature', () => ({ method: 'POST', body: event }), 401],
    ['with a wrong signature', () => signed('another', event), 401],
    ['with the signature of another body', (key) => ({ ...signed(key, '{}'), body: event }), 401],
    ['by GET', () => ({ method: 'GET' }), 405],
    ['of 10 MB', (key) => signed(key, JSON.stringify({ event: 'NETWORK.CREATE', padding: 'x'.repeat(10 << 20) })), 413],
    ['a test delivery', (key) => signed(key, '{ "CloudStack": "works!" }'), 200],
    [
      'an event that is under way',
      (key) => signed(key, JSON.stringify({ event: 'NETWORK.CREATE', status: 'Started' })),
      200,
    ],
    [
      'an event of something else',
      (key) => signed(key, JSON.stringify({ event: 'VM.START', status: 'Completed' })),
      200,
    ],
  ])('%s, starts nothing', async (_says, of, status) => {
    await install()
    const before = hooked.snapshots()
    const init = of(await secret())
    // What is too large is not read to its end, so a sender may see the connection end before the answer.
    const answer = await post(init).catch((error: unknown) => ({ status: 413, text: String(error) }))
    expect(answer.status).toBe(status)
    expect(answer.text).not.toContain('snapshot begins')
    await hooked.cloud.idle()
    expect(hooked.snapshots()).toBe(before)
  })

  it('by a slow sender, ends in bounds, and others are answered meanwhile', async () => {
    await install()
    const before = hooked.snapshots()
    const { port, hostname } = new URL(hooked.ingress.url)
    const begun = performance.now()
    const slow = Array.from({ length: 20 }, () => {
      const socket = connect(Number(port), hostname)
      socket.on('error', () => {})
      socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n')
      const timer = setInterval(() => socket.write('x'), 200)
      return new Promise<void>((resolve) =>
        socket.resume().on('close', () => {
          clearInterval(timer)
          resolve()
        }),
      )
    })
    await delay(500)
    expect((await post(signed(await secret(), '{}'))).status).toBe(200)
    await Promise.all(slow)
    expect(performance.now() - begun).toBeLessThan(limits.request + 5000)
    expect(hooked.snapshots()).toBe(before)
  }, 30_000)
})

describe('bridgekeeper webhook', () => {
  it('installs it, changes nothing twice, renews its secret, and removes it', async () => {
    expect(await hooked.webhook('status')).toMatchObject({
      code: 2,
      stdout: 'There is no webhook bridgekeeper-default.\n',
    })
    expect(await hooked.webhook('install')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--url is missing'),
    })
    const dry = await hooked.webhook('install', '--url', hooked.ingress.url, '--dry-run')
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('would be installed') })
    expect(hooked.simulator.requests.createWebhook).toBeUndefined()

    expect((await install()).stdout).toContain('was installed')
    const first = await secret()
    expect((await install()).stdout).not.toContain('was')
    expect(hooked.simulator.requests).toMatchObject({ createWebhook: 1 })
    expect((await hooked.webhook('install', '--new-secret')).stdout).toContain('was changed')
    const second = await secret()
    expect(second).not.toBe(first)
    expect((await post(signed(first, '{}'))).status).toBe(401)

    await hooked.simulator.cloud.createNetwork({
      name: 'n201',
      zone: 'zone-1',
      vlan: '201',
      offering: 'l2-persistent-vlan',
    })
    await hooked.simulator.cloud.settled()
    const status = await hooked.webhook('status')
    expect(status.code).toBe(0)
    expect(status.stdout).toMatch(/delivered {3}\S+ {2}NETWORK\.CREATE {2}(ok|FAILED) {2}/)
    expect(status.stdout + status.stderr).not.toContain(second)

    expect(await hooked.webhook('remove', '--dry-run')).toMatchObject({ code: 0 })
    expect(await hooked.webhook('remove')).toMatchObject({ code: 0, stdout: expect.stringContaining('was removed') })
    expect(await hooked.webhook('remove')).toMatchObject({ code: 0 })
    expect((await hooked.webhook('status')).code).toBe(2)
  })

  it('has the certificate verified where there is one, and says where there is none', async () => {
    const shown = async () => JSON.parse((await hooked.webhook('status', '-o', 'json')).stdout).webhook
    const plain = await hooked.webhook('install', '--url', 'HTTP://192.0.2.9:4815')
    expect(plain).toMatchObject({ code: 0, stdout: expect.stringContaining('not encrypted') })
    expect(await shown()).toMatchObject({ url: 'http://192.0.2.9:4815/', verifiesCertificate: false })
    const encrypted = await hooked.webhook('install', '--url', 'https://hook.example.org/')
    expect(encrypted).toMatchObject({ code: 0, stdout: expect.not.stringContaining('not encrypted') })
    expect(await shown()).toMatchObject({ url: 'https://hook.example.org/', verifiesCertificate: true })
    expect((await hooked.webhook('install')).stdout).not.toContain('was')
    expect((await install()).stdout).toContain('was changed')
  })
})
