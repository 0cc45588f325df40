/** `doctor` on the pools of XenServer hosts, with the simulators of CloudStack and XAPI. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { doctorSchema } from '../../infra/cli/doctor/doctorJson.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { startXapiSimulator, type XapiSimulator } from '../../infra/local/xapiSimulator/simulator.ts'
import { runInProcess } from '../rights/inProcess.ts'
import { startFakeSecretsManager } from '../runtime/fakeSecretsManager.ts'

describe('doctor, where XenServer hosts are served', () => {
  let directory: string
  let xapi: XapiSimulator
  let cloudstack: CloudStackSimulator
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'bridgekeeper-doctor-'))
    xapi = await startXapiSimulator({
      pools: [
        { name: 'one', hosts: ['xen1', 'xen2'] },
        { name: 'two', hosts: ['xen3'] },
      ],
    })
    const clusters = xapi.pools.map(({ name, hosts }) => ({
      name,
      hypervisor: 'XenServer',
      hosts: hosts.map((host) => ({ name: host.name, address: host.address })),
    }))
    const physicalNetworks = [{ name: 'guest', labels: { XenServer: 'guests' } }]
    cloudstack = await startCloudStackSimulator({ seed: seedCloud([{ name: 'zone', physicalNetworks, clusters }]) })
  })
  afterEach(async () => {
    await cloudstack.stop()
    await xapi.close()
    rmSync(directory, { recursive: true })
  })

  const clusterOf = (host: string): string => cloudstack.cloud.host(host).cluster ?? ''
  const entry = (password = xapi.password) => ({
    username: xapi.username,
    password,
    fingerprints: [xapi.fingerprint],
  })

  async function doctor(file: object, mode = 0o600) {
    const path = join(directory, 'xapi.json')
    writeFileSync(path, JSON.stringify(file))
    chmodSync(path, mode)
    return told({ BRIDGEKEEPER_XAPI_CREDENTIALS_FILE: path })
  }

  async function told(where: Readonly<Record<string, string>>) {
    const before = xapi.pools.map((pool) => pool.state())
    const { stdout } = await runInProcess(['doctor', '-o', 'json'], {
      CLOUDSTACK_API_URL: cloudstack.url,
      CLOUDSTACK_API_KEY: cloudstack.apiKey,
      CLOUDSTACK_SECRET_KEY: cloudstack.secretKey,
      BRIDGEKEEPER_DRIVERS: 'XenServer=xenserver',
      BRIDGEKEEPER_XAPI_PORT: String(xapi.port),
      ...where,
    })
    expect(xapi.pools.map((pool) => pool.state())).toEqual(before)
    expect(stdout).not.toContain('simulated"')
    const { checks } = doctorSchema.parse(JSON.parse(stdout))
    return checks
      .filter(({ check }) => check.startsWith('XAPI'))
      .map(({ level, check, found }) => `${level} ${check}: ${found}`)
  }

  it('logs in to each cluster’s pool once, and finds all well', async () => {
    expect(await doctor({ default: entry() })).toEqual([
      'ok XAPI credentials: 2 clusters, all have one',
      expect.stringMatching(/^ok XAPI login: xen1 at /),
      expect.stringMatching(/^ok XAPI login: xen3 at /),
    ])
  })

  it('says which cluster has no credentials', async () => {
    const [first] = await doctor({ clusters: { [clusterOf('xen1')]: entry() } })
    expect(first).toBe(`error XAPI credentials: 1 of 2 clusters have none: ${clusterOf('xen3')}`)
  })

  it('says which login is refused, and never the password', async () => {
    const clusters = { [clusterOf('xen1')]: entry(), [clusterOf('xen3')]: entry('wrong') }
    expect(await doctor({ clusters })).toEqual([
      'ok XAPI credentials: 2 clusters, all have one',
      expect.stringMatching(/^ok XAPI login: xen1/),
      expect.stringMatching(/^error XAPI login: xen3: .*SESSION_AUTHENTICATION_FAILED/),
    ])
  })

  it('does the same by a secret of AWS', async () => {
    const aws = await startFakeSecretsManager()
    const where = {
      ...{ AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
      AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.endpoint,
      BRIDGEKEEPER_XAPI_SECRET: 'bridgekeeper/xapi',
    }
    try {
      expect(await told(where)).toEqual([expect.stringMatching(/^error XAPI credentials: .*does not exist/)])
      const clusters = { [clusterOf('xen1')]: entry() }
      aws.secrets.set('bridgekeeper/xapi/default', JSON.stringify({ clusters }))
      expect(await told(where)).toEqual([
        `error XAPI credentials: 1 of 2 clusters have none: ${clusterOf('xen3')}`,
        expect.stringMatching(/^ok XAPI login: xen1 at /),
        expect.stringMatching(/^error XAPI login: xen3: .*no entry for the cluster/),
      ])
      aws.refuse('AccessDeniedException')
      expect(await told(where)).toEqual([
        expect.stringMatching(/^error XAPI credentials: .*was refused \(AccessDeniedException/),
      ])
    } finally {
      await aws.stop()
    }
  })

  it('says what is wrong with the file, and asks no pool', async () => {
    expect(await doctor({ default: entry() }, 0o644)).toEqual([
      expect.stringMatching(/^error XAPI credentials: .*chmod 600/),
    ])
    expect(xapi.pools.map((pool) => pool.requests)).toEqual([{}, {}])
  })
})
