/** What the XenServer tests speak about: a simulated pool, and the real driver let in to it. */

import { call } from '../../../infra/local/xapiSimulator/calls.ts'
import type { ClassName } from '../../../infra/local/xapiSimulator/database.ts'
import { SimulatedFailure } from '../../../infra/local/xapiSimulator/failure.ts'
import type { PoolSeed, SimulatedPool } from '../../../infra/local/xapiSimulator/pool.ts'
import { startXapiSimulator, type XapiSimulator } from '../../../infra/local/xapiSimulator/simulator.ts'
import type { Driver, SharedLease, Target } from '../../../shared/hypervisors/driver.ts'
import {
  createXapiPools,
  createXenServerDriver,
  type XenServerOptions,
} from '../../../shared/hypervisors/xenserver/driver.ts'
import { type PoolFacts, factsOf as parseFacts } from '../../../shared/hypervisors/xenserver/facts.ts'
import type { Credentials } from '../../../shared/hypervisors/xenserver/pool.ts'
import { type Connect, XapiFailure } from '../../../shared/hypervisors/xenserver/xapi.ts'
import type { DesiredNetwork } from '../../../shared/reconcile/model.ts'

export const mark = 4814

export const network = (uri: string, label: string | null = 'guests', physicalNetwork = 'pn1'): DesiredNetwork => ({
  physicalNetwork,
  label,
  uri,
  networks: [{ id: `id of ${uri}`, name: `name of ${uri}` }],
})

export const startPool = (hosts: readonly string[] = ['xen1', 'xen2', 'xen3'], rest: Partial<PoolSeed> = {}) =>
  startXapiSimulator({ pools: [{ name: 'pool', hosts, ...rest }] })

export function targetOf(simulator: XapiSimulator, name: string): Target {
  const host = simulator.pools.flatMap(({ hosts }) => hosts).find((one) => one.name === name)
  if (host === undefined) throw new Error(`there is no host ${name}`)
  return {
    cloud: 'cloud',
    zone: 'zone',
    id: `id of ${name}`,
    cluster: 'cluster',
    name,
    address: host.address,
    resourceState: 'Enabled',
  }
}

export const credentialsOf = ({ username, password, fingerprint }: XapiSimulator): Credentials => ({
  username,
  password,
  fingerprints: [fingerprint],
})

/** Within one process: one after the other by name. */
export function memoryLease(lasts = 120_000, now: () => number = Date.now): SharedLease {
  const queues = new Map<string, Promise<unknown>>()
  return (name, _signal, work) => {
    const before = queues.get(name) ?? Promise.resolve()
    const mine = before.then(() => work(now() + lasts))
    queues.set(
      name,
      mine.catch(() => undefined),
    )
    return mine
  }
}

export function driverFor(simulator: XapiSimulator, options: Partial<XenServerOptions> = {}): Driver {
  const lease = memoryLease()
  return createXenServerDriver({
    credentials: () => credentialsOf(simulator),
    lease: () => lease,
    mark,
    now: Date.now,
    random: Math.random,
    sleep: async () => undefined,
    pools: createXapiPools(simulator.port),
    ...options,
  })
}

/** Without a network between: what the endpoint of a simulated host answers, after whatever `wait` waits for. */
export const connectInside =
  (pool: SimulatedPool, wait: () => Promise<void> = async () => undefined): Connect =>
  (address) => ({
    async call(method, parameters) {
      await wait()
      try {
        return structuredClone(await pool.call(address, method, parameters))
      } catch (error) {
        if (!(error instanceof SimulatedFailure)) throw error
        const [code = '', ...rest] = error.description
        throw new XapiFailure(code, rest)
      }
    },
    close: () => undefined,
  })

/** What a reading of the pool would show now. */
export function factsOf(pool: SimulatedPool): PoolFacts {
  const all = (name: ClassName): unknown => call(pool.database, `${name}.get_all_records`, [])
  return parseFacts({
    pool: all('pool'),
    host: all('host'),
    VLAN: all('VLAN'),
    PIF: all('PIF'),
    PIF_metrics: all('PIF_metrics'),
    network: all('network'),
  })
}
