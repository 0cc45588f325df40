/**
 * A snapshot believes what CloudStack has, and no more (DESIGN 5, 9).
 *
 * | a snapshot                                     | must                                                              |
 * |------------------------------------------------|-------------------------------------------------------------------|
 * | that calls a host Removed                      | not, while CloudStack has it: unless complete listings lacked it  |
 * |                                                | three times over five minutes, or since before an operator        |
 * |                                                | released just such absentees                                      |
 * | that ends a round                              | leave each record as it listed the host, unless a later tick      |
 * |                                                | wrote it, or somebody did after the listing, a newer version too  |
 * | that puts a revision in force                  | leave out no network that was there all along, and put in none of |
 * |                                                | another zone; the first unless an operator released absentees     |
 * | that releases the lease in its first round     | not, if somebody kicked since it took it                          |
 */
import type { HostFact } from '../../../shared/reconcile/model.ts'
import type { HostRecord } from '../../../shared/reconcile/record.ts'
import { decodeRevision } from '../../../shared/reconcile/revision.ts'
import { readControl } from '../../../shared/store/items.ts'
import type { Call } from '../call.ts'
import { type Management, uriOf } from '../management.ts'
import { itemAddress } from '../system.ts'
import type { Watch, Written } from '../watch.ts'
import { hostIn, isNewer, type Known, recordOf } from './facts.ts'

interface Round {
  readonly tick: number
  readonly kick: number
  readonly number: number
  /** What an operator had released when it began. */
  readonly released: { readonly hosts: boolean; readonly networks: boolean }
  hosts?: { readonly facts: readonly HostFact[]; readonly step: number }
  networksAt?: number
}

/** Complete listings in a row that lacked a host. */
interface Absence {
  readonly times: number
  readonly since: number
}

const believedTimes = 3
/** Five minutes, less what two clocks may differ. */
const believedAfter = 5 * 60_000 - 10_000

export function listings(known: Known): Watch {
  const { violate, scheduler, clouds, items } = known
  const rounds = new WeakMap<Call, Round>()
  const absences = new Map<string, Absence>()
  /** When an operator last released hosts, by cloud. */
  const releasedAt = new Map<string, number>()
  /** When the facts of each record were last written. */
  const factsWritten = new Map<string, number>()

  const checkRemoved = (call: Call, record: HostRecord): void => {
    const absence = absences.get(`${call.cloud} ${record.id}`)
    const lasted = absence !== undefined && scheduler.now() - absence.since >= believedAfter
    if (lasted && absence.times >= believedTimes) return
    if (
      rounds.get(call)?.released.hosts &&
      absence !== undefined &&
      absence.since <= (releasedAt.get(call.cloud) ?? 0)
    ) {
      return
    }
    if (hostIn(known, call.cloud, record)?.listed) violate(`${call.name} calls host ${record.id} Removed: it is there`)
  }

  const checkRound = (call: Call, { tick, hosts }: Round): void => {
    for (const fact of hosts?.facts ?? []) {
      const address = itemAddress(`Z#${call.cloud}#${fact.zone}`, `H#${fact.id}`)
      const item = items.get(address)
      const record = recordOf(item)
      if (isNewer(item)) continue
      if (record !== undefined && (record.tick > tick || says(record, fact))) continue
      const since = hosts?.step ?? 0
      if ((factsWritten.get(address) ?? 0) > since || (known.rewritten.get(address) ?? 0) > since) continue
      violate(
        `${call.name} ends its round: it listed host ${fact.id} ${fact.state} and ${fact.resourceState}, ` +
          `the record says ${record?.state} and ${record?.resourceState}`,
      )
    }
  }

  const control = (call: Call, { write, after }: Written): void => {
    if (write.set?.['refusals.hosts.released'] === true) releasedAt.set(call.cloud, scheduler.now())
    const is = readControl(after)
    if (is === undefined) return
    const round = rounds.get(call)
    const read = write.set?.failure === undefined || write.set.judged !== undefined
    const released = write.remove?.includes('holder') === true && read
    if (write.add?.tick !== undefined) {
      if (round !== undefined) checkRound(call, round)
      const { hosts, networks } = is.refusals ?? {}
      const released = { hosts: hosts?.released === true, networks: networks?.released === true }
      rounds.set(call, { tick: is.tick, kick: is.kick, number: (round?.number ?? 0) + 1, released })
    } else if (released && round !== undefined) {
      checkRound(call, round)
      if (round.number === 1 && is.kick !== round.kick) violate(`${call.name} releases its lease: a kick is lost`)
    }
  }

  const revision = (call: Call, { write, after }: Written): void => {
    const management = clouds.get(call.cloud)
    const name = write.set?.revision
    if (management === undefined || typeof name !== 'string') return
    const hypervisor = after.sk.slice('D#'.length)
    const body = items.get(itemAddress(after.pk, `R#${hypervisor}#${name}`))?.body
    if (!(body instanceof Uint8Array)) {
      violate(`${call.name} points to revision ${name}, which is not there`)
      return
    }
    const zone = after.pk.slice(after.pk.lastIndexOf('#') + 1)
    const networks = decodeRevision({ revision: name, body }).networks.flatMap((one) =>
      one.networks.map(({ id }) => id),
    )
    for (const id of networks) {
      const there = management.networks.get(id)
      if (there?.persistent === false) violate(`${call.name} puts network ${id} in force, which is not persistent`)
      if (there?.zone !== zone) violate(`${call.name} puts network ${id} of ${there?.zone} in force in ${zone}`)
    }
    const round = rounds.get(call)
    if (round?.released.networks) return
    const missing = absentThough(management, zone, new Set(networks), round?.networksAt)
    if (missing !== undefined) violate(`${call.name} puts a revision in force without ${missing}, which is there`)
  }

  return {
    listedHosts: (call, facts) => {
      const round = rounds.get(call)
      if (round !== undefined) round.hosts = { facts, step: scheduler.step() }
      const there = new Set(facts.map(({ id }) => id))
      for (const { fact, cloud } of clouds.get(call.cloud)?.machines.values() ?? []) {
        const address = `${cloud} ${fact.id}`
        const before = absences.get(address)
        if (there.has(fact.id)) absences.delete(address)
        else absences.set(address, { times: (before?.times ?? 0) + 1, since: before?.since ?? scheduler.now() })
      }
    },
    listsNetworks: (call) => {
      const round = rounds.get(call)
      if (round !== undefined) round.networksAt = scheduler.now()
    },
    written: (call, written) => {
      const { write, before, after } = written
      const record = recordOf(after)
      if (record !== undefined && write.set?.state !== undefined) {
        factsWritten.set(itemAddress(after.pk, after.sk), scheduler.step())
        if (record.state === 'Removed' && recordOf(before)?.state !== 'Removed') checkRemoved(call, record)
      }
      if (after.sk === 'CONTROL') control(call, written)
      if (after.sk.startsWith('D#') && before?.revision !== after.revision) revision(call, written)
    },
  }
}

const says = (record: HostRecord, fact: HostFact): boolean =>
  record.state === fact.state &&
  record.resourceState === fact.resourceState &&
  record.cluster === fact.cluster &&
  record.address === fact.address

/** A network of the zone that was there from the beginning of the listing until now, and is not in the set. */
function absentThough(
  management: Management,
  zone: string,
  set: ReadonlySet<string>,
  since: number | undefined,
): string | undefined {
  for (const network of management.networks.values()) {
    const allAlong =
      network.persistent &&
      network.zone === zone &&
      network.deletedAt === undefined &&
      network.createdAt <= (since ?? 0)
    if (allAlong && !set.has(network.id)) return `network ${network.id} (${uriOf(network)})`
  }
  return undefined
}
