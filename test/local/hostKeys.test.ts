/** The product's own story of a new host: it is refused for its key, an operator accepts the key, and it is served at once. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { keyListSchema } from '../../infra/cli/hostKeysJson.ts'
import { main } from '../../infra/cli/main.ts'
import { outputOf } from '../../infra/cli/output.ts'
import { type StatusJson, statusSchema } from '../../infra/cli/statusJson.ts'
import { type EmbeddedCloud, startEmbeddedCloud } from '../../infra/local/cloud/cloud.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { type SimulatedHosts, startHostSimulator } from '../../infra/local/hostSimulator/hostSimulator.ts'
import { silent } from '../../shared/runtime/logger.ts'

const patience = { timeout: 25_000, interval: 100 }
const directory = mkdtempSync(join(tmpdir(), 'bridgekeeper-keys-'))
const file = (name: string): string => join(directory, name)
let hosts: SimulatedHosts
let cloudstack: CloudStackSimulator
let cloud: EmbeddedCloud
let environment: Record<string, string>

beforeAll(async () => {
  hosts = await startHostSimulator({ names: ['kvm1', 'kvm2'] })
  const zone = {
    name: 'zone',
    physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' } }],
    clusters: [{ name: 'cluster', hosts: hosts.hosts.map(({ name, address }) => ({ name, address })) }],
    networks: [{ name: 'net101', uri: 'vlan://101' }],
  }
  cloudstack = await startCloudStackSimulator({ seed: seedCloud([zone]) })
  writeFileSync(file('key'), hosts.privateKey, { mode: 0o600 })
  const settings = {
    CLOUDSTACK_API_URL: cloudstack.url,
    CLOUDSTACK_API_KEY: cloudstack.apiKey,
    CLOUDSTACK_SECRET_KEY: cloudstack.secretKey,
    BRIDGEKEEPER_SSH_PORT: String(hosts.port),
    BRIDGEKEEPER_SSH_KEY_FILE: file('key'),
    // A host that failed is tried again by itself only when this test is long over.
    BRIDGEKEEPER_BACKOFF_SECONDS: '3600',
  }
  cloud = await startEmbeddedCloud({ environment: settings, logger: silent, intervalSeconds: 1 })
  environment = { ...settings, ...cloud.environment }
})
afterAll(async () => {
  await cloud?.stop(5)
  await cloudstack?.stop()
  await hosts?.close()
  rmSync(directory, { recursive: true })
})

async function command(...args: readonly string[]): Promise<{ readonly code: number; readonly printed: string }> {
  const printed: string[] = []
  const code = await main(args, {
    environment,
    output: { ...outputOf(process.stdout, process.stderr, {}), print: (text) => void printed.push(text) },
    writeError: (text) => void printed.push(text),
    interruption: () => new AbortController().signal,
  })
  return { code, printed: printed.join('\n') }
}

async function statusOf(name: string): Promise<StatusJson['hosts'][number] | undefined> {
  const { printed } = await command('status', '--host', name, '-o', 'json')
  return statusSchema.safeParse(JSON.parse(printed)).data?.hosts[0]
}

it('a new host is refused until its key is accepted or imported, and is served at once then', async () => {
  for (const name of ['kvm1', 'kvm2'])
    await vi.waitFor(async () => expect(await statusOf(name)).toMatchObject({ reason: 'HostKeyUnknown' }), patience)
  const listed = keyListSchema.parse(JSON.parse((await command('hostkeys', 'list', '-o', 'json')).printed)).hosts
  const refused = listed.find(({ name }) => name === 'kvm1')?.refused?.fingerprint ?? ''
  expect((await statusOf('kvm1'))?.detail).toContain(refused)

  expect((await command('hostkeys', 'accept', '--host', 'kvm1', refused)).code).toBe(0)
  await vi.waitFor(async () => expect(await statusOf('kvm1')).toMatchObject({ status: 'InSync', devices: 2 }), patience)
  expect(await statusOf('kvm2')).toMatchObject({ reason: 'HostKeyUnknown' })

  writeFileSync(file('scanned'), hosts.knownHosts())
  const imported = await command('hostkeys', 'import', file('scanned'))
  expect(imported).toMatchObject({ code: 0, printed: expect.stringContaining('2 hosts: 1 imported, 1 known.') })
  await vi.waitFor(async () => expect(await statusOf('kvm2')).toMatchObject({ status: 'InSync' }), patience)
}, 90_000)
