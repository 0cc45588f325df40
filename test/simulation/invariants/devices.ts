/**
 * Nothing foreign is touched (DESIGN 2 to 4), after every command on a host.
 *
 * | a device                                                 | may                                                     |
 * |----------------------------------------------------------|---------------------------------------------------------|
 * | that carries no name of a network of its host's zone     | not change, appear or vanish                            |
 * | of such a name that is new                               | appear, with our mark                                   |
 * | of such a name without our mark (CloudStack made it)     | get up, lose IPv6, get its bridge; never vanish          |
 * | of such a name with our mark                             | the same; vanish only under the four conditions         |
 */
import type { SimulatedLink } from '../../../infra/local/hostSimulator/kernel.ts'
import type { Call } from '../call.ts'
import type { Machine } from '../machine.ts'
import { type KnownNetwork, type Management, pairOf } from '../management.ts'
import { mark } from '../system.ts'
import type { Watch } from '../watch.ts'
import type { Known } from './facts.ts'

export function devices(known: Known): Watch {
  const { violate, clouds, scheduler } = known
  const check = (call: Call, machine: Machine, before: readonly SimulatedLink[], after: readonly SimulatedLink[]) => {
    const management = clouds.get(machine.cloud)
    if (management === undefined) return
    const owners = ownersOf(management, machine)
    const where = `${call.name} on host ${machine.fact.id}`
    const then = new Map(before.map((link) => [link.name, link]))
    const now = new Map(after.map((link) => [link.name, link]))
    for (const link of after) {
      const was = then.get(link.name)
      if (was === undefined) {
        if (owners.get(link.name) === undefined)
          violate(`${where} made ${link.name}: no network of its zone has that name`)
        else if (link.group !== mark) violate(`${where} made ${link.name} without the mark`)
      } else if (!mayBecome(was, link, owners.has(link.name))) {
        violate(`${where} changed ${link.name}: ${JSON.stringify(was)} became ${JSON.stringify(link)}`)
      }
    }
    for (const link of before) {
      if (now.has(link.name)) continue
      const own = owners.get(link.name) ?? []
      const why = link.group !== mark ? 'it has no mark' : keep(own, machine, link, before, scheduler.now())
      if (why !== undefined) violate(`${where} removed ${link.name}, and ${why}`)
    }
  }
  return {
    ran: (call, machine, before, after) => {
      if (call.cloud !== machine.cloud)
        violate(`${call.name} of cloud ${call.cloud} reached a host of ${machine.cloud}`)
      if (JSON.stringify(before) !== JSON.stringify(after)) check(call, machine, before, after)
    },
  }
}

/** By device name, the networks of the host's zone that have or had it. */
function ownersOf(management: Management, machine: Machine): ReadonlyMap<string, readonly KnownNetwork[]> {
  const owners = new Map<string, readonly KnownNetwork[]>()
  for (const network of management.networks.values()) {
    if (network.zone !== machine.fact.zone) continue
    const { vlan, bridge } = pairOf(management, network)
    for (const name of [vlan, bridge]) owners.set(name, [...(owners.get(name) ?? []), network])
  }
  return owners
}

function mayBecome(was: SimulatedLink, is: SimulatedLink, named: boolean): boolean {
  if (JSON.stringify(was) === JSON.stringify(is)) return true
  if (!named) return false
  const repaired = { ...is, up: was.up, disableIpv6: was.disableIpv6, master: was.master }
  const better = (is.up || !was.up) && (is.disableIpv6 || !was.disableIpv6)
  return better && (was.master === null || was.master === is.master) && JSON.stringify(was) === JSON.stringify(repaired)
}

/** Conditions (b), (c) and (d) as they really are; undefined if all of them hold. */
function keep(
  owners: readonly KnownNetwork[],
  { domains }: Machine,
  link: SimulatedLink,
  links: readonly SimulatedLink[],
  now: number,
): string | undefined {
  const user = owners.find(
    ({ deletedAt, createdAt }) => deletedAt === undefined && now - createdAt > permitMilliseconds,
  )
  if (user !== undefined) return `network ${user.id} uses its tag`
  const gone = owners.filter((network) => network.persistent).map(({ deletedAt }) => deletedAt ?? now)
  if (!gone.some((deletedAt) => now - deletedAt >= graceMilliseconds - clocksDiffer)) {
    return 'its network is gone for too short a time'
  }
  const bridge = link.kind === 'bridge' ? link.name : link.master
  const guest = links.find((other) => other.master === bridge && bridge !== null && other.kind !== 'vlan')
  if (guest !== undefined) return `${guest.name} is on its bridge`
  return bridge !== null && domains.has(bridge) ? 'a libvirt domain names its bridge' : undefined
}

/** As scenario.ts sets it; and how long CloudStack's answers permit a removal (DESIGN 4), two clocks' difference more. */
const graceMilliseconds = 300_000
const clocksDiffer = 10_000
const permitMilliseconds = 30_000 + clocksDiffer
