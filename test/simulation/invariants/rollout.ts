/**
 * What is outstanding is not sent again (DESIGN 11), and a new revision is outstanding on no more than its share of a
 * cluster (DESIGN 13), judged by what each diff had read when it decided, by its own clock.
 *
 * | a diff marks a host                                    | must not                                                   |
 * |--------------------------------------------------------|------------------------------------------------------------|
 * | that had an outstanding job when it read               | happen; one of its own tick counts by its longest mark     |
 * | for a revision                                         | be one more than the share, those in hand counted          |
 * | to be verified                                         | be one more than the cap of its tick and zone              |
 * | for a revision, beside another diff of the zone        | happen, unless one of the two is late: the excess that     |
 * |                                                        | DESIGN 13 allows is a paused diff's own late marks          |
 *
 * Late is a diff past its message's visibility: until then the queue gives the zone's next request to nobody.
 */
import type { HostRecord } from '../../../shared/reconcile/record.ts'
import type { Call } from '../call.ts'
import type { Watch } from '../watch.ts'
import { type Known, mayBeServed, recordOf } from './facts.ts'

interface Job {
  readonly host: string
  readonly tick: number
  readonly why: string
  readonly until: number
  readonly cluster: string
}

/** A zone as a diff read it. */
interface View {
  readonly jobs: ReadonlyMap<string, Job>
  readonly records: readonly HostRecord[]
  /** The hosts of each cluster that it marked since, for a revision. */
  readonly own: Map<string, Set<string>>
  /** Those that it marked to be verified. */
  readonly verified: Set<string>
  readonly step: number
}

/** As configured by default, and in serverless.yml. */
const percent = 25
const outstandingMilliseconds = 300_000

export function rollout(known: Known): Watch {
  const { violate, scheduler, settings } = known
  const cap = Number(settings.BRIDGEKEEPER_VERIFY_PER_TICK ?? 50)
  const zones = new Map<string, Map<string, Job>>()
  const views = new WeakMap<Call, View>()
  const lastMark = new Map<string, { readonly call: Call; readonly step: number; readonly late: boolean }>()
  const jobsOf = (pk: string): Map<string, Job> => {
    const found = zones.get(pk) ?? new Map<string, Job>()
    zones.set(pk, found)
    return found
  }

  const checkShare = (call: Call, pk: string, { records, jobs, own, step }: View, record: HostRecord): void => {
    const { cluster } = record
    const size = records.filter((one) => one.cluster === cluster && mayBeServed(one)).length
    const share = Math.max(1, Math.floor((size * percent) / 100))
    const now = call.lastNow()
    const readable = new Set(records.map(({ id }) => id))
    const inHand = [...jobs.values()].filter(
      (job) => job.why === 'revision' && job.cluster === cluster && job.until > now && readable.has(job.host),
    )
    const marks = (own.get(cluster) ?? new Set()).add(record.id)
    own.set(cluster, marks)
    if (inHand.length + marks.size > share) {
      violate(
        `${call.name} sends a new revision to ${marks.size} hosts of ${cluster} while ${inHand.length} have it in hand: ` +
          `its share of ${size} hosts is ${share}`,
      )
    }
    const late = scheduler.now() >= call.lateAt
    const other = lastMark.get(`${pk} ${cluster}`)
    if (other !== undefined && other.call !== call && other.step > step && !other.late && !late) {
      violate(`${call.name} and ${other.call.name} roll out to ${cluster} at once, and neither is late`)
    }
    lastMark.set(`${pk} ${cluster}`, { call, step: scheduler.step(), late })
  }

  const checkCap = (call: Call, pk: string, { records, verified }: View, record: HostRecord, tick: number): void => {
    verified.add(record.id)
    const before = records.filter(
      ({ id, queued, queuedWhy }) => queued === tick && queuedWhy === 'verify' && !verified.has(id),
    )
    const all = before.length + verified.size
    if (all > cap) violate(`${call.name} has ${all} hosts of ${pk} verified in tick ${tick}: the cap is ${cap}`)
  }

  const marked = (call: Call, pk: string, record: HostRecord, tick: number, why: string): void => {
    const view = views.get(call)
    if (view === undefined) {
      violate(`${call.name} marked host ${record.id} without reading the zone`)
      return
    }
    const held = view.jobs.get(record.id)
    if (held !== undefined && held.until > call.lastNow() && held.tick !== tick) {
      violate(`${call.name} sends host ${record.id} another job while that of tick ${held.tick} is outstanding`)
    }
    if (why === 'revision') checkShare(call, pk, view, record)
    if (why === 'verify') checkCap(call, pk, view, record, tick)
    const before = jobsOf(pk).get(record.id)
    const until = Math.max(call.lastNow() + outstandingMilliseconds, before?.tick === tick ? before.until : 0)
    jobsOf(pk).set(record.id, { host: record.id, tick, why, until, cluster: record.cluster })
  }

  return {
    read: (call, pk, prefix, items) => {
      if (call.function !== 'diff' || prefix !== 'H#') return
      const records = items.map(recordOf).filter((record) => record !== undefined)
      views.set(call, {
        jobs: new Map(jobsOf(pk)),
        records,
        own: new Map(),
        verified: new Set(),
        step: scheduler.step(),
      })
    },
    deleted: (_call, { pk, sk }) => {
      if (sk.startsWith('H#')) jobsOf(pk).delete(sk.slice('H#'.length))
    },
    written: (call, { write, after }) => {
      const record = recordOf(after)
      if (record === undefined) return
      const { pk } = write.key
      const { queued, queuedWhy: why, outstandingUntil } = write.set ?? {}
      if (typeof queued === 'number' && typeof why === 'string') return marked(call, pk, record, queued, why)
      const job = jobsOf(pk).get(record.id)
      if (job === undefined) return
      if ((record.ran ?? 0) >= job.tick) jobsOf(pk).delete(record.id)
      else if (typeof outstandingUntil === 'number') jobsOf(pk).set(record.id, { ...job, until: outstandingUntil })
    },
  }
}
