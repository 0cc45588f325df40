/**
 * What an incident does to the world when its time comes. In: an incident. Out: a changed CloudStack, changed machines,
 * a trouble that begins, or a call. Whatever it begins, it also ends.
 */

import { controlKey, hostKey, pointerKey, sweptKey, zonePartition } from '../../shared/store/items.ts'
import type { Item, Key, Store } from '../../shared/store/store.ts'
import { chosenIn, type Incident } from './incident.ts'
import { boot, cloudStackSetsUp, type Machine, newMachine } from './machine.ts'
import { type KnownNetwork, type Management, note, pairOf, persistent } from './management.ts'
import type { Scheduler } from './scheduler.ts'
import { itemAddress, type System } from './system.ts'
import type { Troubles } from './troubles.ts'

export interface Scene {
  readonly scheduler: Scheduler
  readonly management: Management
  readonly system: System
  readonly troubles: Troubles
  readonly store: Store
  readonly items: Map<string, Item>
  /** As of Known. */
  readonly rewritten: Map<string, number>
  /** What `at` and `until` count from. */
  readonly start: number
}

export function happen(incident: Incident, scene: Scene): void {
  const { scheduler, management, system, troubles, start } = scene
  switch (incident.what) {
    case 'kill':
    case 'freeze':
    case 'write twice':
      troubles.befall(incident)
      return
    case 'lose':
    case 'double':
    case 'delay':
    case 'newer message':
      troubles.misdeliver(incident)
      return
    case 'store out':
    case 'queues out':
    case 'CloudStack':
      troubles.begin(incident)
      return
    case 'purge':
      system.purge(incident.queue)
      return
    case 'backfill':
      system.invoke('backfill', incident.chosen, chosenIn(incident.chosen))
      return
    case 'pause':
      order(system, 'pause', incident.zone)
      scheduler.at(start + incident.until, () => order(system, 'resume', incident.zone))
      return
    case 'release':
      order(system, 'release', incident.zone)
      return
    case 'housekeeping':
      age(scene, incident.days)
      system.invoke('housekeeping', {}, '')
      return
    case 'newer item':
      writeNewer(incident, scene)
      return
    case 'all Disconnected': {
      const all = [...management.machines.values()].filter(({ listed }) => listed)
      for (const machine of all) show(machine, { state: 'Disconnected' })
      scheduler.at(start + incident.until, () => {
        for (const machine of all) comeUp(machine, scheduler.now())
      })
      return
    }
    case 'add network':
      addNetwork(incident, scene)
      return
    case 'remove network':
      removeNetwork(incident.network, scene)
      return
    case 'add host':
      addHost(incident, scene)
      return
    default: {
      const machine = management.machines.get(incident.host)
      if (machine?.listed) befallHost(incident, machine, scene)
    }
  }
}

type OfHost = Extract<Incident, { host: string }>

function befallHost(incident: Exclude<OfHost, { what: 'add host' }>, machine: Machine, scene: Scene): void {
  const { scheduler, management, start } = scene
  switch (incident.what) {
    case 'reboot':
      reboot(machine, incident.seconds * 1000, incident.seen, scheduler)
      return
    case 'disconnect':
      show(machine, { state: 'Alert' })
      scheduler.at(start + incident.until, () => show(machine, { state: 'Up' }))
      return
    case 'unreachable':
      machine.away++
      scheduler.at(start + incident.until, () => machine.away--)
      return
    case 'Maintenance':
    case 'Disabled':
      show(machine, { resourceState: incident.what })
      scheduler.at(start + incident.until, () => show(machine, { resourceState: 'Enabled' }))
      return
    case 'delete devices': {
      const ours = machine.kernel.links().filter(({ kind, name }) => kind === 'bridge' && name.startsWith('breth'))
      for (const { name } of ours.slice(0, Math.ceil(ours.length * incident.share))) machine.kernel.delete(name)
      return
    }
    case 'attach a VM':
      attachVm(machine, incident, management)
      return
    case 'take a tag':
      takeTag(machine, incident.share, management)
      return
    case 'remove host':
      machine.listed = false
  }
}

/** What CloudStack shows of a host that it still knows. A host has a management server only while it is connected. */
export function show(machine: Machine, given: { readonly state?: string; readonly resourceState?: string }): void {
  const { managementServer: _before, ...fact } = { ...machine.fact, ...given }
  machine.fact = fact.state === 'Up' ? { ...fact, managementServer: 'ms-1' } : fact
}

export function comeUp(machine: Machine, now: number): void {
  boot(machine, now)
  show(machine, { state: 'Up' })
}

export function reboot(machine: Machine, milliseconds: number, seen: boolean, scheduler: Scheduler): void {
  machine.away++
  if (seen) show(machine, { state: 'Alert' })
  scheduler.at(scheduler.now() + milliseconds, () => {
    boot(machine, scheduler.now())
    machine.away--
    show(machine, { state: 'Up' })
  })
}

/** On a bridge of a network that is there, or was: whoever removes that bridge now cuts a VM off. */
function attachVm(machine: Machine, { share, runs }: { share: number; runs: boolean }, management: Management): void {
  const bridges = [...management.networks.values()]
    .filter(({ zone }) => zone === machine.fact.zone)
    .map((network) => pairOf(management, network).bridge)
    .filter((bridge) => machine.kernel.find(bridge) !== undefined)
  const bridge = bridges[Math.floor(share * bridges.length)]
  if (bridge === undefined) return
  machine.domains.add(bridge)
  if (runs) machine.kernel.add({ name: `vnet${machine.domains.size}`, kind: 'tun', master: bridge, up: true })
}

/** A VLAN device of another name on the uplink: our own cannot have the tag any more. */
function takeTag(machine: Machine, share: number, management: Management): void {
  const networks = persistent(management).filter(({ zone }) => zone === machine.fact.zone)
  const network = networks[Math.floor(share * networks.length)]
  if (network === undefined) return
  const { uplink, vlan, id } = pairOf(management, network)
  machine.kernel.delete(vlan)
  machine.kernel.add({ name: `${uplink}-own-${id}`, kind: 'vlan', parent: uplink, vlanId: id, up: true })
}

function addHost(incident: Extract<Incident, { what: 'add host' }>, { management, scheduler }: Scene): void {
  const { host, zone, cluster } = incident
  if (management.machines.has(host)) return
  const address = `192.0.2.${management.machines.size + 1}`
  const common = { id: host, name: host, zone, cluster, hypervisor: 'KVM', address, resourceState: 'Enabled' }
  const fact = { ...common, state: 'Up', managementServer: 'ms-1' }
  management.machines.set(host, newMachine(management.cloud, fact, scheduler.now()))
}

function addNetwork(incident: Extract<Incident, { what: 'add network' }>, scene: Scene): void {
  const { management, scheduler } = scene
  const { network: id, zone, physicalNetwork, vlan, setUp, persistent } = incident
  const network: KnownNetwork = {
    id,
    zone,
    physicalNetwork,
    vlan,
    project: vlan % 5 === 0,
    persistent,
    createdAt: scheduler.now(),
    deletedAt: undefined,
  }
  if (management.networks.has(id)) return
  management.networks.set(id, network)
  noteLate(management, 'NETWORK.CREATE', scheduler)
  if (!setUp) return
  for (const machine of management.machines.values())
    if (machine.fact.zone === zone && machine.fact.state === 'Up')
      cloudStackSetsUp(machine, pairOf(management, network))
}

function removeNetwork(id: string, { management, scheduler }: Scene): void {
  const network = management.networks.get(id)
  if (network === undefined || network.deletedAt !== undefined) return
  network.deletedAt = scheduler.now()
  noteLate(management, 'NETWORK.DELETE', scheduler)
}

/** An event bears the time of its deed, and appears a few seconds later. */
function noteLate(management: Management, type: string, scheduler: Scheduler): void {
  const created = scheduler.now()
  scheduler.at(created + 7_000, () => note(management, type, created))
}

/** As on the command line: of a zone, or of the whole cloud. */
export const order = (system: System, act: 'pause' | 'resume' | 'release', zone: string | undefined): void =>
  system.invoke('operator', zone === undefined ? { act } : { act, zone }, `${act} ${zone ?? 'the cloud'}`)

/** Writes as nobody of this version does: past every call and every watch. */
function rewrite(scene: Scene, { pk, sk }: Key, set: Readonly<Record<string, number>>): void {
  const { store, items, rewritten, scheduler } = scene
  store.update({ key: { pk, sk }, set }).then((item) => {
    if (item === undefined) return
    items.set(itemAddress(pk, sk), item)
    rewritten.set(itemAddress(pk, sk), scheduler.step())
  })
}

/** As if all that expires had been written so many days ago; what is under way is as young as it is. */
function age(scene: Scene, days: number): void {
  const { cloud } = scene.management
  for (const { pk, sk, expires, removedAt } of days === 0 ? [] : [...scene.items.values()]) {
    if (pk !== `C#${cloud}` && !pk.startsWith(`Z#${cloud}#`)) continue
    if (typeof expires === 'number') rewrite(scene, { pk, sk }, { expires: expires - days * 86_400 })
    if (typeof removedAt === 'number') rewrite(scene, { pk, sk }, { removedAt: removedAt - days * 86_400_000 })
  }
}

/** The item is of a newer version for a while; if it is not there, nothing happens. */
function writeNewer(incident: Extract<Incident, { what: 'newer item' }>, scene: Scene): void {
  const { scheduler, start, items } = scene
  const key = newerKey(incident, items)
  const item = key && items.get(itemAddress(key.pk, key.sk))
  if (key === undefined || item?.v !== 1) return
  rewrite(scene, key, { v: 2 })
  scheduler.at(start + incident.until, () => rewrite(scene, key, { v: 1 }))
}

function newerKey(
  { item, cloud, zone, host }: Extract<Incident, { what: 'newer item' }>,
  items: ReadonlyMap<string, Item>,
): Key | undefined {
  switch (item) {
    case 'control':
      return controlKey(cloud)
    case 'host':
      return hostKey(cloud, zone, host)
    case 'pointer':
      return pointerKey(cloud, zone, 'KVM')
    case 'hold':
      return [...items.values()].find(({ pk, sk }) => pk === zonePartition(cloud, zone) && sk.startsWith('HOLD#'))
    case 'zones':
      return sweptKey(cloud)
  }
}
