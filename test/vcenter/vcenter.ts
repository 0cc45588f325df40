/**
 * A running vCenter simulator, the vmware driver let in to it with every call counted, and govc beside it as a witness that is not
 * ours. In: which simulator, its inventory. Out: the driver, targets, what govc says, and an end.
 */
import { execFile, spawn } from 'node:child_process'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import type { SharedLease, Target } from '../../shared/hypervisors/driver.ts'
import { createVmwareDriver, type VmwareOptions } from '../../shared/hypervisors/vmware/driver.ts'
import { connectVim } from '../../shared/hypervisors/vmware/soap.ts'
import { type Connect, type Credentials, createVcenters } from '../../shared/hypervisors/vmware/vcenter.ts'
import type { DesiredNetwork } from '../../shared/reconcile/model.ts'
import { memoryLease } from '../hypervisors/xenserver/factory.ts'
import { programs, type Simulator } from './programs.ts'

const run = promisify(execFile)

export interface Inventory {
  readonly clusters?: number
  readonly hosts?: number
  readonly vms?: number
  /** Milliseconds that each call takes longer. */
  readonly delay?: number
}

export const mark = 4814

export async function startVcenter(program: Simulator, inventory: Inventory = {}) {
  const { clusters = 1, hosts = 2, vms = 0, delay = 0 } = inventory
  const numbers = { cluster: clusters, host: hosts, vm: vms, delay, pg: 1, dc: 1, 'standalone-host': 0 }
  const flags = Object.entries(numbers).map(([name, number]) => `-${name}=${number}`)
  const child = spawn(
    programs[program],
    [...flags, '-l=127.0.0.1:0', '-username=user', '-password=pass', ...(program === 'vcsim' ? ['-stdinexit'] : [])],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    let said = ''
    child.stdout.on('data', (data) => {
      said += String(data)
      const [, found] = /GOVC_URL=(\S+)/.exec(said) ?? []
      if (found !== undefined) resolve(found)
    })
    child.once('exit', () => reject(new Error(`${program} ended: ${said}`)))
  })
  const { host, port } = new URL(url)
  const credentials: Credentials = {
    url: `https://${host}/sdk`,
    datacenter: 'DC0',
    username: 'user',
    password: 'pass',
    fingerprints: [await fingerprintAt(Number(port))],
  }
  const calls = new Map<string, number>()
  const counting: Connect = (where, trust) => {
    const endpoint = connectVim(where, trust)
    return {
      ...endpoint,
      call: (method, ...rest) => {
        calls.set(method, (calls.get(method) ?? 0) + 1)
        return endpoint.call(method, ...rest)
      },
    }
  }
  const vcenters = createVcenters(counting)
  const lease: SharedLease = memoryLease()
  const govc = async (...args: readonly string[]): Promise<string> => {
    const environment = { ...process.env, GOVC_URL: `https://user:pass@${host}/sdk`, GOVC_INSECURE: '1' }
    return (await run(programs.govc, [...args], { env: environment, maxBuffer: 64 * 1024 * 1024 })).stdout
  }
  return {
    credentials,
    calls,
    vcenters,
    govc,
    driver: (options: Partial<VmwareOptions> = {}) =>
      createVmwareDriver({
        credentials: () => credentials,
        lease: () => lease,
        mark,
        now: Date.now,
        vcenters,
        ...options,
      }),
    /** Names of the networks of the datacenter, as govc lists them. */
    networks: async (): Promise<readonly string[]> =>
      (await govc('ls', '/DC0/network'))
        .split('\n')
        .filter(Boolean)
        .map((path) => path.replace('/DC0/network/', ''))
        .sort(),
    /** As an administrator ends the driver's sessions. */
    endSessions: async (): Promise<void> => {
      const { sessionList } = JSON.parse(await govc('session.ls', '-json'))
      for (const { key, userAgent } of sessionList) if (userAgent === 'bridgekeeper') await govc('session.rm', key)
    },
    stop: async (): Promise<void> => {
      await vcenters.end()
      child.stdin.end('\n')
      const late = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await ended
      clearTimeout(late)
    },
  }
}

export type RunningVcenter = Awaited<ReturnType<typeof startVcenter>>

const fingerprintAt = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
    socket.once('error', reject)
  })

export const hostName = (cluster: number, host: number): string => `DC0_C${cluster}_H${host}`

export const target = (name: string = hostName(0, 0)): Target => ({
  cloud: 'cloud',
  zone: 'zone',
  id: `id of ${name}`,
  cluster: 'cluster',
  name,
  address: '127.0.0.1',
  resourceState: 'Enabled',
})

export const standard = 'vSwitch0'
export const distributed = 'DVS0,,vmwaredvs'

export const network = (
  uri: string,
  label: string | null = standard,
  rates: readonly number[] = [200],
): DesiredNetwork => ({
  physicalNetwork: 'pn1',
  label,
  uri,
  rates,
  networks: [{ id: `id of ${uri}`, name: `name of ${uri}` }],
})

export const vlans = (count: number, label: string): readonly DesiredNetwork[] =>
  Array.from({ length: count }, (_, at) => network(`vlan://${100 + at}`, label))
