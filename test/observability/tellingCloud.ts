/**
 * A whole cloud of servers that say back the secrets that they are told: KVM, XenServer and VMware hosts behind the real functions and
 * the real drivers. In: nothing. Out: runs, every text that they told anybody, and every secret that was used.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ScanCommand } from '@aws-sdk/client-dynamodb'
import { startEmbeddedCloud } from '../../infra/local/cloud/cloud.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { startHostSimulator } from '../../infra/local/hostSimulator/hostSimulator.ts'
import { SimulatedFailure } from '../../infra/local/xapiSimulator/failure.ts'
import { startXapiSimulator } from '../../infra/local/xapiSimulator/simulator.ts'
import type { Queues } from '../../shared/queue/queues.ts'
import { dynamoDbClient } from '../../shared/runtime/clients.ts'
import { type Logger, silent } from '../../shared/runtime/logger.ts'
import { createRuntime } from '../../shared/runtime/runtime.ts'
import { runInProcess } from '../rights/inProcess.ts'
import { type Echo, type EchoingVcenter, startEchoingCloudStack, startEchoingVcenter } from './echoes.ts'
import { linesOf, textsOf } from './searched.ts'

export interface TellingCloud {
  readonly cloudstack: Echo
  readonly vcenter: EchoingVcenter
  readonly xapi: Pick<Echo, 'refused' | 'echoes'>
  /** One snapshot, a run on every host, and all that follows. */
  run(): Promise<void>
  /** A command of an operator; what it prints is told too. */
  command(...args: readonly string[]): Promise<string>
  /** All that was told until now: log, items, messages, errors, and what commands printed. */
  told(): readonly string[]
  secrets(): Readonly<Record<string, readonly string[]>>
  stop(): Promise<void>
}

/** With every character that XML, JSON or an address writes in another way. */
const newPassword = (): string => `p"w'<${randomBytes(12).toString('hex')}&> %+/${randomBytes(12).toString('hex')}`

/** @param broken files that are not what they should be, by their setting */
export async function startTellingCloud(
  broken: (good: string, setting: string) => string = (good) => good,
): Promise<TellingCloud> {
  const folder = mkdtempSync(join(tmpdir(), 'telling-'))
  const passwords = { xapi: newPassword(), vcenter: newPassword() }
  const kvm = await startHostSimulator({ names: ['kvm1'] })
  const users = [{ username: 'bridgekeeper', password: passwords.xapi }]
  const pools = await startXapiSimulator({ pools: [{ name: 'pool', hosts: ['xen1'] }], users })
  const vcenter = await startEchoingVcenter(passwords.vcenter)
  const clusters = [
    { name: 'k', hosts: kvm.hosts.map(({ name, address }) => ({ name, address })) },
    { name: 'x', hypervisor: 'XenServer', hosts: pools.pool.hosts.map(({ name, address }) => ({ name, address })) },
    { name: 'v', hypervisor: 'VMware', hosts: [{ name: 'esx1', address: '192.0.2.1' }] },
  ]
  const labels = { KVM: 'cloudbr1', XenServer: 'guests', VMware: 'vSwitch0' }
  const networks = [{ name: 'n100', uri: 'vlan://100' }]
  const zone = { name: 'zone', physicalNetworks: [{ name: 'guest', labels }], clusters, networks }
  const simulator = await startCloudStackSimulator({ seed: seedCloud([zone]) })
  const cloudstack = await startEchoingCloudStack(simulator.url, [simulator.apiKey, simulator.secretKey])
  const xapi = { refused: '', echoes: 0 }
  const sessions = echoingXapi(pools.pool, passwords.xapi, xapi)

  const file = (setting: string, content: string): Readonly<Record<string, string>> => {
    writeFileSync(join(folder, setting), broken(content, setting), { mode: 0o600 })
    return { [setting]: join(folder, setting) }
  }
  const login = { username: 'bridgekeeper', fingerprints: [pools.fingerprint], password: passwords.xapi }
  const vim = { url: vcenter.url, datacenter: 'DC0', username: 'bridgekeeper', fingerprints: [vcenter.fingerprint] }
  const environment = {
    CLOUDSTACK_API_URL: cloudstack.url,
    CLOUDSTACK_API_KEY: simulator.apiKey,
    CLOUDSTACK_SECRET_KEY: simulator.secretKey,
    BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh,XenServer=xenserver,VMware=vmware',
    BRIDGEKEEPER_SSH_PORT: String(kvm.port),
    BRIDGEKEEPER_XAPI_PORT: String(pools.port),
    BRIDGEKEEPER_ROLLOUT_PERCENT: '100',
    BRIDGEKEEPER_LIST_SECONDS: '1',
    ...file('BRIDGEKEEPER_SSH_KEY_FILE', kvm.privateKey),
    ...file('BRIDGEKEEPER_SSH_KNOWN_HOSTS', kvm.knownHosts()),
    ...file('BRIDGEKEEPER_XAPI_CREDENTIALS_FILE', JSON.stringify({ default: login })),
    ...file(
      'BRIDGEKEEPER_VCENTER_CREDENTIALS_FILE',
      JSON.stringify({ default: { ...vim, password: passwords.vcenter } }),
    ),
  }

  const told: string[] = []
  const tell = (...given: unknown[]): void => void told.push(...textsOf(given))
  const logger: Logger = { debug: tell, info: tell, warn: tell, error: tell }
  const real: { queues?: Queues } = {}
  const queues: Queues = {
    send: async (queue, messages) => {
      tell(queue, messages)
      await real.queues?.send(queue, messages)
    },
  }
  const cloud = await startEmbeddedCloud({ environment, logger, schedules: false, overrides: () => ({ queues }) })
  const settings = { ...environment, ...cloud.environment }
  real.queues = createRuntime(settings, silent).ports.queues
  const table = dynamoDbClient(cloud.environment)
  const keep = async (): Promise<void> => {
    tell(await table.send(new ScanCommand({ TableName: cloud.environment.BRIDGEKEEPER_TABLE })), cloud.errors)
  }
  const invoke = (name: string, event: unknown) => cloud.invoke(name, event).then(tell, tell)
  return {
    ...{ cloudstack, vcenter, xapi },
    run: async () => {
      await invoke('snapshot', {})
      await cloud.idle()
      await invoke('backfill', {})
      await cloud.idle()
      await keep()
    },
    command: async (...args) => {
      const { stdout, stderr } = await runInProcess(args, { ...settings, BRIDGEKEEPER_DATA: folder })
      tell(stdout, stderr)
      return `${stdout}${stderr}`
    },
    told: () => told,
    secrets: () => ({
      'key of CloudStack': [simulator.apiKey, simulator.secretKey],
      'signature of a request': [...cloudstack.seen],
      'password of XAPI': [passwords.xapi],
      'session of XAPI': [...sessions].map((session) => session.replace('OpaqueRef:', '')),
      'password of vCenter': [passwords.vcenter],
      'session of vCenter': [...vcenter.seen],
      'key of SSH': linesOf(kvm.privateKey),
      'key of AWS': [cloud.environment.AWS_ACCESS_KEY_ID ?? '', cloud.environment.AWS_SECRET_ACCESS_KEY ?? ''],
    }),
    stop: async () => {
      table.destroy()
      await cloud.stop(5)
      await cloudstack.stop()
      await simulator.stop()
      await vcenter.stop()
      await pools.close()
      await kvm.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

type Pool = Awaited<ReturnType<typeof startXapiSimulator>>['pool']

/** What it was told in that call, in the forms in which texts stand in texts. @returns the sessions that it gave */
function echoingXapi(pool: Pool, password: string, echo: { refused: string; echoes: number }): ReadonlySet<string> {
  const sessions = new Set<string>()
  const answered = pool.call
  pool.call = async (...given) => {
    const answer = await answered(...given)
    if (given[1] === 'session.login_with_password') sessions.add(String(answer))
    return answer
  }
  pool.before = (method, parameters) => {
    if (method !== echo.refused) return
    echo.echoes += 1
    const all = [password, ...parameters.filter((one) => typeof one === 'string')]
    const forms = [...all, ...all.map(encodeURIComponent), ...all.map((one) => JSON.stringify(one))]
    throw new SimulatedFailure('INTERNAL_ERROR', `no: ${forms.join(' ')}`)
  }
  return sessions
}
