/**
 * The simulated cloud as a direct handle: what a story or a test does to it without the API. In: a seed and options. Out:
 * the actions, all through the same state machine as the API's, and everything that was sent to hosts.
 */
import { setTimeout as delay } from 'node:timers/promises'
import {
  addHost,
  cancelMaintenance,
  connect,
  disconnect,
  type Loss,
  type NewHost,
  ping,
  prepareForMaintenance,
  removeHost,
  updateHost,
} from './hostLife.ts'
import type { CloudSeed, Host, Network } from './model.ts'
import { createNetwork, deleteNetwork, type NewNetwork } from './networkLife.ts'
import { failed } from './refusal.ts'
import { type CloudOptions, type CloudState, createState, hostOf, networkOf, type Sent, type Setup } from './state.ts'

/** Hosts and networks are named by id or name. An action that the state machine forbids throws a Refusal. */
export interface SimulatedCloud {
  /** Every set-up and clean-up that was sent to a host, oldest first. */
  readonly setups: readonly Setup[]
  readonly cleanups: readonly Sent[]
  hosts(): readonly Host[]
  networks(): readonly Network[]
  host(key: string): Host
  network(key: string): Network
  /** The agent dials in, the server sets the host up; settles when it is Up, or in Alert. */
  connect(host: string): Promise<void>
  /** The machine is gone until `connect`; unless told as by a shutdown, which ends in Disconnected. */
  disconnect(host: string, loss?: Loss): void
  /** Up again by heartbeat alone, without a connection. */
  ping(host: string): void
  /** @param plan `cluster` by id or name */
  addHost(plan: { name: string; address: string; cluster: string }): Promise<Host>
  /** As a forced deleteHost. */
  removeHost(host: string): void
  /** Settles when the host is in Maintenance. */
  enterMaintenance(host: string): Promise<void>
  cancelMaintenance(host: string): void
  disable(host: string): Promise<void>
  enable(host: string): Promise<void>
  createNetwork(plan: Omit<NewNetwork, 'zone' | 'physicalNetwork'> & PlaceOfNetwork): Promise<Network>
  deleteNetwork(network: string): Promise<void>
  /** Settles when nothing goes on in the background any more. */
  settled(): Promise<void>
}

interface PlaceOfNetwork {
  /** By id or name, like `physicalNetwork`. */
  readonly zone: string
  readonly physicalNetwork?: string
}

export interface RunningCloud {
  readonly cloud: SimulatedCloud
  readonly state: CloudState
}

export function createCloud(seed: CloudSeed, options: CloudOptions = {}): RunningCloud {
  const state = createState(seed, {
    version: '4.18.0.0',
    dynamicRoles: true,
    now: Date.now,
    sleep: async (wait) => void (await delay(wait, undefined, { ref: false })),
    sharedPrimaryPools: 1,
    reconnectMs: 3000,
    evacuationMs: 0,
    onSetup: () => true,
    onCleanup: () => true,
    ...options,
  })
  return { state, cloud: createHandle(state) }
}

function createHandle(state: CloudState): SimulatedCloud {
  const settled = async (): Promise<void> => {
    while (state.background.size > 0) await Promise.all(state.background)
  }
  return {
    setups: state.setups,
    cleanups: state.cleanups,
    hosts: () => [...state.hosts.values()],
    networks: () => [...state.networks.values()],
    host: (key) => hostOf(state, key),
    network: (key) => networkOf(state, key),
    connect: (host) => connect(state, host),
    disconnect: (host, loss = 'ShutdownRequested') => void disconnect(state, host, loss),
    ping: (host) => void ping(state, host),
    addHost: ({ name, address, cluster }) => addHost(state, placeHost(state, name, address, cluster)),
    removeHost: (host) => removeHost(state, host, true),
    enterMaintenance: async (host) => {
      prepareForMaintenance(state, host)
      await settled()
    },
    cancelMaintenance: (host) => void cancelMaintenance(state, host),
    disable: async (host) => void (await updateHost(state, host, 'Disable')),
    enable: async (host) => void (await updateHost(state, host, 'Enable')),
    createNetwork: (plan) => createNetwork(state, placeNetwork(state, plan)),
    deleteNetwork: (network) => deleteNetwork(state, network),
    settled,
  }
}

function placeHost({ seed }: CloudState, name: string, address: string, key: string): NewHost {
  const cluster = byKey(seed.clusters, key, 'cluster')
  const { id, zone, pod, hypervisor } = cluster
  return { name, address, zone, pod, cluster: id, hypervisor }
}

function placeNetwork({ seed }: CloudState, plan: Omit<NewNetwork, 'physicalNetwork'> & PlaceOfNetwork): NewNetwork {
  const { physicalNetwork: key, ...rest } = plan
  const zone = byKey(seed.zones, plan.zone, 'zone').id
  const ofZone = seed.physicalNetworks.filter((one) => one.zone === zone)
  return { ...rest, zone, ...(key === undefined ? {} : { physicalNetwork: byKey(ofZone, key, 'physical network').id }) }
}

function byKey<Row extends { id: string; name: string }>(rows: readonly Row[], key: string, what: string): Row {
  const row = rows.find(({ id, name }) => id === key || name === key)
  if (row === undefined) throw failed(`There is no ${what} ${key}`)
  return row
}
