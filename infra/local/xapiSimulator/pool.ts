/**
 * One simulated pool: its hosts, its master, its sessions, and what happens to it. In: host names, interfaces, who may log in. Out:
 * a dispatcher for each host's address, and what a test or a demo does to hosts, networks and VMs. It says XAPI's codes, and
 * nothing of it touches a network.
 */
import { randomUUID } from 'node:crypto'
import { call, isChange, methodNames, recordOf, textsOf } from './calls.ts'
import {
  createDatabase,
  type Database,
  type NicSeed,
  networkRecord,
  nicRecord,
  nothing,
  type Stored,
} from './database.ts'
import { SimulatedFailure } from './failure.ts'

export interface User {
  readonly username: string
  readonly password: string
  /** May only read, as XAPI's role read-only. */
  readonly readOnly?: boolean
}

export interface PoolSeed {
  readonly name: string
  readonly hosts: readonly string[]
  /** Of each host; management on eth0, guests on eth1 unless given. */
  readonly nics?: readonly NicSeed[]
}

export interface SimulatedXapiHost {
  readonly name: string
  readonly address: string
  readonly ref: string
}

/** Called before each call is answered; may wait, or throw SimulatedFailure to answer that instead. */
export type Before = (method: string, parameters: readonly unknown[], address: string) => Promise<void> | void

export interface SimulatedPool {
  readonly name: string
  readonly hosts: readonly SimulatedXapiHost[]
  /** As a client calls it at a host's address. @throws SimulatedFailure */
  call(address: string, method: string, parameters: readonly unknown[]): Promise<unknown>
  /** How often each method was called. */
  readonly requests: Readonly<Record<string, number>>
  before: Before
  master(): SimulatedXapiHost
  /** Sessions end with the old master. */
  setMaster(name: string): void
  endSessions(): void
  openSessions(): number
  addHost(name: string, address: string): SimulatedXapiHost
  /** Its PIFs are plugged again, but for those of `unplugged` devices' VLANs. */
  reboot(name: string, unplugged?: readonly string[]): void
  addNetwork(name: string, given?: Stored): string
  /** Untagged, on one host. @returns its reference */
  addPif(host: string, nic: NicSeed): string
  /** The interfaces of a host become one, whose network is new; `device` is bond0 and so on. */
  bond(host: string, device: string, slaves: readonly string[], network: string): string
  /** A VM of one interface. @returns the interface */
  addVm(network: string, host?: string): string
  /** What is on a host of a network's VLAN: `device.tag`, or nothing. */
  vlansOf(network: string): readonly string[]
  readonly database: Database
  /** All that a driver could change, as text. */
  state(): string
}

const usualNics: readonly NicSeed[] = [
  { device: 'eth0', network: 'Pool-wide network associated with eth0', management: true },
  { device: 'eth1', network: 'guests' },
]

export function createSimulatedPool(
  seed: PoolSeed,
  addresses: readonly string[],
  users: readonly User[],
): SimulatedPool {
  const database = createDatabase()
  const { tables, add } = database
  const nics = seed.nics ?? usualNics
  const hosts: SimulatedXapiHost[] = []
  const sessions = new Map<string, User>()
  const requests: Record<string, number> = {}
  let bootedAt = 1_700_000_000

  const networkNamed = (name: string): string => {
    for (const [ref, record] of tables.network) if (record.name_label === name) return ref
    return add('network', networkRecord(name, `xenbr${tables.network.size}`))
  }
  const hostNamed = (name: string): SimulatedXapiHost => {
    const host = hosts.find((one) => one.name === name)
    if (host === undefined) throw new Error(`the simulated pool has no host ${name}`)
    return host
  }
  const plugInto = (network: string, pif: string): void => {
    const record = recordOf(database, 'network', network)
    record.PIFs = [...textsOf(record.PIFs), pif]
  }
  const addPif = (host: string, nic: NicSeed): string => {
    const network = networkNamed(nic.network)
    const metrics = add('PIF_metrics', { carrier: nic.carrier ?? true })
    const pif = add('PIF', nicRecord(nic, hostNamed(host).ref, network, metrics))
    plugInto(network, pif)
    return pif
  }
  const addHost = (name: string, address: string): SimulatedXapiHost => {
    const other_config = { boot_time: `${bootedAt++}.` }
    const host = { name, address, ref: add('host', hostRecord(name, address, other_config)) }
    hosts.push(host)
    for (const nic of nics) addPif(name, nic)
    return host
  }
  for (const [index, name] of seed.hosts.entries()) addHost(name, addresses[index] ?? '')
  const pool = add('pool', { name_label: seed.name, master: hosts[0]?.ref ?? nothing, other_config: {} })
  const master = (): SimulatedXapiHost => {
    const ref = recordOf(database, 'pool', pool).master
    const found = hosts.find((host) => host.ref === ref)
    if (found === undefined) throw new Error('the simulated pool has no master')
    return found
  }

  const simulated: SimulatedPool = {
    name: seed.name,
    hosts,
    requests,
    database,
    before: () => undefined,
    master,
    async call(address, method, parameters) {
      requests[method] = (requests[method] ?? 0) + 1
      await simulated.before(method, parameters, address)
      if (address !== master().address) throw new SimulatedFailure('HOST_IS_SLAVE', master().address)
      if (method === 'session.login_with_password') return login(parameters)
      if (method === 'system.listMethods') return methodNames
      const [session, ...rest] = parameters
      const user = sessions.get(String(session))
      if (user === undefined) throw new SimulatedFailure('SESSION_INVALID', String(session))
      if (method === 'session.logout') {
        sessions.delete(String(session))
        return ''
      }
      if (user.readOnly === true && isChange(method)) {
        throw new SimulatedFailure('RBAC_PERMISSION_DENIED', method, 'No permission in the user’s role')
      }
      if (method === 'host.get_API_version_major') return 2
      if (method === 'host.get_API_version_minor') return 21
      return call(database, method, rest)
    },
    setMaster: (name) => {
      recordOf(database, 'pool', pool).master = hostNamed(name).ref
      sessions.clear()
    },
    endSessions: () => sessions.clear(),
    openSessions: () => sessions.size,
    addHost,
    reboot: (name, unplugged = []) => {
      const { ref } = hostNamed(name)
      recordOf(database, 'host', ref).other_config = { boot_time: `${bootedAt++}.` }
      for (const pif of tables.PIF.values()) {
        const isVlan = Number(pif.VLAN) >= 0
        if (pif.host === ref) pif.currently_attached = !(isVlan && unplugged.includes(String(pif.device)))
      }
    },
    addNetwork: (name, given = {}) => add('network', networkRecord(name, `xapi${tables.network.size}`, given)),
    addPif,
    bond: (host, device, slaves, network) => {
      const master = addPif(host, { device, network })
      const members = [...tables.PIF].filter(
        ([, pif]) => pif.host === hostNamed(host).ref && slaves.includes(String(pif.device)),
      )
      const bond = add('Bond', { master, slaves: members.map(([ref]) => ref), other_config: {} })
      for (const [, pif] of members) pif.bond_slave_of = bond
      recordOf(database, 'PIF', master).bond_master_of = [bond]
      return master
    },
    addVm: (network, host) => {
      const resident = host === undefined ? nothing : hostNamed(host).ref
      const running = host !== undefined
      const vm = add('VM', { name_label: 'vm', power_state: running ? 'Running' : 'Halted', resident_on: resident })
      const vif = add('VIF', { VM: vm, network, currently_attached: running, device: '0' })
      const record = recordOf(database, 'network', network)
      record.VIFs = [...textsOf(record.VIFs), vif]
      return vif
    },
    vlansOf: (network) =>
      [...tables.PIF.values()].flatMap((pif) => {
        const host = hosts.find(({ ref }) => ref === pif.host)
        return pif.network === network ? [`${host?.name} ${String(pif.device)}.${String(pif.VLAN)}`] : []
      }),
    state: () => JSON.stringify(['network', 'PIF', 'VLAN', 'VIF'].map((name) => [...tableOf(database, name)])),
  }

  function login([username, password]: readonly unknown[]): string {
    const user = users.find((one) => one.username === username && one.password === password)
    if (user === undefined)
      throw new SimulatedFailure('SESSION_AUTHENTICATION_FAILED', String(username), 'Authentication failure')
    const session = `OpaqueRef:${randomUUID()}`
    sessions.set(session, user)
    return session
  }
  return simulated
}

const tableOf = ({ tables }: Database, name: string): ReadonlyMap<string, Stored> =>
  new Map(Object.entries(tables)).get(name) ?? new Map()

const hostRecord = (name: string, address: string, other_config: Readonly<Record<string, string>>): Stored => ({
  name_label: name,
  hostname: name,
  address,
  enabled: true,
  software_version: { product_brand: 'XAPI simulator', network_backend: 'openvswitch' },
  other_config,
})
