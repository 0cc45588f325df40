/**
 * A host as it really is, whatever CloudStack or Bridgekeeper believe: a simulated kernel and whether it can be reached.
 * In: what happens to it. Out: its devices. What an operator or CloudStack made there carries no mark.
 */
import { createSimulatedKernel, type NewLink, type SimulatedKernel } from '../../infra/local/hostSimulator/kernel.ts'
import type { HostFact } from '../../shared/reconcile/model.ts'

export interface Machine {
  readonly cloud: string
  /** As CloudStack shows it. */
  fact: HostFact
  /** False: CloudStack does not know it (any more). */
  listed: boolean
  kernel: SimulatedKernel
  boots: number
  bootedAt: number
  /** The bridges that libvirt domains of it name; they outlive a reboot. */
  readonly domains: Set<string>
  /** How many things keep SSH from answering: it reboots, its way is cut. */
  away: number
  /** When CloudStack was last asked to send it every network. */
  requestedAt: number | undefined
}

/** Guests on cloudbr1 over eth1, management and more guests on cloudbr0 over eth0, and what an operator made. */
const bornWith: readonly NewLink[] = [
  { name: 'lo', up: true },
  { name: 'cloudbr0', kind: 'bridge', up: true },
  { name: 'eth0', master: 'cloudbr0', up: true },
  { name: 'cloudbr1', kind: 'bridge', up: true },
  { name: 'eth1', master: 'cloudbr1', up: true },
  { name: 'backup', kind: 'bridge', up: true },
  { name: 'eth1-backup', kind: 'vlan', parent: 'eth1', vlanId: 4000, master: 'backup', up: true },
  { name: 'vnet0', kind: 'tun', master: 'cloudbr1', up: true },
]

export const newKernel = (): SimulatedKernel => createSimulatedKernel(bornWith)

export const newMachine = (cloud: string, fact: HostFact, now: number): Machine => ({
  cloud,
  fact,
  listed: true,
  kernel: newKernel(),
  boots: 1,
  bootedAt: now,
  domains: new Set(),
  away: 0,
  requestedAt: undefined,
})

export function boot(machine: Machine, now: number): void {
  machine.kernel = newKernel()
  machine.boots++
  machine.bootedAt = now
}

/** A name that differs from boot to boot and is the same in every replay. */
export const bootIdOf = ({ boots }: Machine): string => `00000000-0000-4000-8000-${String(boots).padStart(12, '0')}`

export interface Pair {
  readonly uplink: string
  readonly vlan: string
  readonly bridge: string
  readonly id: number
}

/** CloudStack's own names, spelled out here again so that the product's are not checked against themselves. */
export const pairOn = (uplink: string, id: number): Pair => ({
  uplink,
  vlan: `${uplink}.${id}`,
  bridge: `br${uplink}-${id}`,
  id,
})

/** Whether both devices of a network are there, joined, up and without IPv6. */
export function hasPair({ kernel }: Machine, { uplink, vlan, bridge, id }: Pair): boolean {
  const tagged = kernel.find(vlan)
  const joined = kernel.find(bridge)
  if (tagged === undefined || joined === undefined) return false
  const right = tagged.kind === 'vlan' && tagged.parent === uplink && tagged.vlanId === id && tagged.master === bridge
  return right && joined.kind === 'bridge' && tagged.up && joined.up && tagged.disableIpv6 && joined.disableIpv6
}

/** As CloudStack's own script does it, unmarked. */
export function cloudStackSetsUp({ kernel }: Machine, { uplink, vlan, bridge, id }: Pair): void {
  kernel.add({ name: bridge, kind: 'bridge', up: true, disableIpv6: true })
  kernel.add({ name: vlan, kind: 'vlan', parent: uplink, vlanId: id, master: bridge, up: true, disableIpv6: true })
}
