/**
 * Everything that the simulated cloud holds, and how it is looked up and noted. In: a seed and the outside (time, waiting,
 * what a set-up does). Out: one state that the rest of the simulator changes by replacing records.
 */
import type { CloudSeed, CustomRole, Event, Host, Network, Offering } from './model.ts'
import { failed } from './refusal.ts'
import { defaultRoles } from './roles.ts'
import { uuidOf } from './seed.ts'
import { type Delivery, deliver, type Webhook } from './webhooks.ts'

export type Cause = 'connect' | 'createNetwork' | 'updateHost'

/** One SetupPersistentNetworkCommand, or one clean-up, as it was sent. */
export interface Sent {
  readonly at: number
  readonly host: string
  readonly network: string
  /** False: the host answered that it failed, which CloudStack shows nowhere (FACTS A6). */
  readonly succeeded: boolean
}

export interface Setup extends Sent {
  readonly cause: Cause
}

/** What a host does with a command. False: it failed. Throwing: no answer came. */
export type OnSent = (host: Host, network: Network) => boolean | Promise<boolean>

export interface CloudOptions {
  /** Before 4.17 a server sends nothing when a host connects or is updated (FACTS A2). */
  readonly version?: string
  /** False: its roles are fixed, and none can be created. */
  readonly dynamicRoles?: boolean
  readonly now?: () => number
  /** Waits, and rejects when the simulator stops. */
  readonly sleep?: (milliseconds: number) => Promise<void>
  /** A connecting host is sent every network once for each. */
  readonly sharedPrimaryPools?: number
  /** How long a host stays away that was told to reconnect. */
  readonly reconnectMs?: number
  /** How long it takes until a host that prepares for maintenance is empty. */
  readonly evacuationMs?: number
  readonly onSetup?: OnSent
  readonly onCleanup?: OnSent
}

export interface CloudState {
  readonly seed: CloudSeed
  readonly options: Required<CloudOptions>
  readonly hosts: Map<string, Host>
  /** Oldest first. */
  readonly networks: Map<string, Network>
  readonly offerings: ReadonlyMap<string, Offering>
  readonly roles: Map<string, CustomRole>
  /** Oldest first. */
  readonly events: Event[]
  readonly webhooks: Map<string, Webhook>
  /** The newest ten, oldest first. */
  readonly deliveries: Delivery[]
  readonly setups: Setup[]
  readonly cleanups: Sent[]
  /** What goes on after its call has answered. */
  readonly background: Set<Promise<void>>
}

export function createState(seed: CloudSeed, options: Required<CloudOptions>): CloudState {
  return {
    seed,
    options,
    hosts: new Map(seed.hosts.map((host) => [host.id, host])),
    networks: new Map(seed.networks.map((network) => [network.id, network])),
    offerings: new Map(seed.offerings.map((offering) => [offering.id, offering])),
    roles: new Map(defaultRoles.map((role) => [role.id, role])),
    events: [...seed.events],
    webhooks: new Map(),
    deliveries: [],
    setups: [],
    cleanups: [],
    background: new Set(),
  }
}

/** @param key an id, an internal number, or a name @throws Refusal 530 */
export function hostOf(state: CloudState, key: string): Host {
  const host =
    state.hosts.get(key) ?? [...state.hosts.values()].find(({ name, number }) => name === key || `${number}` === key)
  if (host === undefined) throw failed(`There is no host ${key}`)
  return host
}

/** @param key an id or a name @throws Refusal 530 */
export function networkOf(state: CloudState, key: string): Network {
  const network = state.networks.get(key) ?? [...state.networks.values()].find(({ name }) => name === key)
  if (network === undefined) throw failed(`There is no network ${key}`)
  return network
}

export const changeHost = (state: CloudState, id: string, change: Partial<Host>): Host => {
  const changed = { ...hostOf(state, id), ...change }
  state.hosts.set(changed.id, changed)
  return changed
}

/** Persistent, Isolated or L2, of every zone and in every state: the server's own list has no zone filter (FACTS A1). */
export const persistentNetworks = (state: CloudState): readonly Network[] =>
  [...state.networks.values()].filter(({ offering }) => state.offerings.get(offering)?.persistent)

export type EventNote = Pick<Event, 'type' | 'state' | 'description' | 'resourceType'> &
  Partial<Pick<Event, 'account' | 'resourceId'>>

/** It is told to webhooks too. */
export function noteEvent(state: CloudState, note: EventNote): void {
  const id = uuidOf('event', `${state.events.length}`)
  const event = { id, account: 'admin', created: state.options.now(), ...note }
  state.events.push(event)
  deliver(state, event)
}

/** Starts work that nobody waits for; a simulator that stops ends it. */
export function inBackground(state: CloudState, work: () => Promise<void>): void {
  const running: Promise<void> = work()
    .catch(() => {})
    .finally(() => state.background.delete(running))
  state.background.add(running)
}
