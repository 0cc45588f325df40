/**
 * What is held is carried to nobody but the probe (DESIGN 13), judged by the holds as a diff found and left them.
 *
 * | a diff, while a cause of that hypervisor is held        | must not                                              |
 * |---------------------------------------------------------|-------------------------------------------------------|
 * | marks a host for a revision                             | happen, unless the hold names that mark as its probe  |
 * | marks a host for a retry, each of whose exceptions that | the same                                              |
 * |   may heal is of a held cause                           |                                                       |
 * | counts a probe                                          | happen earlier than the interval after the one before |
 *
 * What is held because nobody reaches the hosts keeps no fall-back from them.
 * A hold that somebody else wrote since the diff read it is not judged: the diff could not know.
 */
import { reasons } from '../../../shared/reconcile/reasons.ts'
import type { HostRecord } from '../../../shared/reconcile/record.ts'
import { readHold } from '../../../shared/store/items.ts'
import type { Item } from '../../../shared/store/store.ts'
import type { Call } from '../call.ts'
import type { Watch, Written } from '../watch.ts'
import { type Known, recordOf } from './facts.ts'

/** As scenario.ts sets it. */
const probeMilliseconds = 120_000

interface View {
  readonly step: number
  readonly holds: readonly Item[]
}

export function holds({ violate, scheduler, items }: Known): Watch {
  const views = new WeakMap<Call, View>()
  const lastWrite = new Map<string, { readonly call: Call; readonly step: number }>()
  const address = ({ pk, sk }: Pick<Item, 'pk' | 'sk'>): string => `${pk} / ${sk}`

  const isHeld = (item: Item | undefined): boolean => item?.state === 'held' && item.expires === undefined

  /** Those that were held when the diff read them, and are still as it left them. */
  const heldBy = (call: Call, hypervisor: string): readonly Item[] => {
    const { step, holds: read } = views.get(call) ?? { step: 0, holds: [] }
    return read.flatMap((was) => {
      const last = lastWrite.get(address(was))
      const others = last !== undefined && last.call !== call && last.step > step
      const is = items.get(address(was))
      return is !== undefined && !others && isHeld(was) && isHeld(is) && was.sk.startsWith(`HOLD#${hypervisor}/`)
        ? [is]
        : []
    })
  }

  const isKept = (record: HostRecord, why: string, held: readonly Item[]): boolean => {
    if (why === 'revision') return held.length > 0
    const healing = why === 'retry' ? record.exceptions.filter(({ reason }) => reasons[reason].retry) : []
    return healing.length > 0 && healing.every((each) => held.some(({ sk }) => causes(record, each).includes(sk)))
  }

  const marked = (call: Call, { write, after, before }: Written, tick: number, why: string): void => {
    const record = recordOf(before)
    if (record === undefined) return
    const fallsBack = write.set?.queuedTo !== undefined
    const held = heldBy(call, record.hypervisor).filter(
      ({ sk }) => !fallsBack || sk.split('/')[1] !== 'HostUnreachable',
    )
    if (!isKept(record, why, held)) return
    const isProbe = held.some(({ probeHost, probeTick }) => probeHost === record.id && probeTick === tick)
    const [first] = held
    if (!isProbe) violate(`${call.name} sends ${after.sk} a job (${why}), which ${first?.sk} keeps back`)
  }

  const probed = (call: Call, before: Item | undefined, after: Item): void => {
    const was = readHold(before)
    const is = readHold(after)
    if (was?.state !== 'held' || is?.state !== 'held' || was.over || is.probes <= was.probes) return
    const from = was.probedAt ?? was.since
    const early = probeMilliseconds - (call.lastNow() - from)
    if (early > 0) violate(`${call.name} probes ${after.sk} ${early} ms too early`)
  }

  return {
    read: (call, _pk, prefix, found) => {
      if (call.function === 'diff' && prefix === 'HOLD#') views.set(call, { step: scheduler.step(), holds: found })
    },
    written: (call, written) => {
      const { write, before, after } = written
      if (after.sk.startsWith('HOLD#')) {
        probed(call, before, after)
        lastWrite.set(address(after), { call, step: scheduler.step() })
      }
      const { queued, queuedWhy } = write.set ?? {}
      if (typeof queued === 'number' && typeof queuedWhy === 'string') marked(call, written, queued, queuedWhy)
    },
  }
}

const causes = (
  { hypervisor }: HostRecord,
  { reason, physicalNetwork, uri }: HostRecord['exceptions'][number],
): readonly string[] => [
  `HOLD#${hypervisor}/${reason}/${physicalNetwork}`,
  `HOLD#${hypervisor}/${reason}/${physicalNetwork}/${uri}`,
]
