import { describe, expect, it } from 'vitest'
import type { Why } from '../../shared/queue/queues.ts'
import { type Candidate, select } from '../../shared/reconcile/select.ts'
import { hostRecord } from '../factories.ts'

const policy = { rolloutPercent: 25, verifyPerTick: 2 }
const candidate = (id: string, why: Why | undefined, given = {}): Candidate => ({
  record: hostRecord({ id, ...given }),
  eligible: true,
  why,
})
const cluster = (size: number, why: Why | undefined) => Array.from({ length: size }, (_, n) => candidate(`h${n}`, why))

describe('choosing among due hosts', () => {
  it('lets every edge and every retry go at once', () => {
    const chosen = select([...cluster(20, 'edge'), candidate('r', 'retry')], policy, 5, 0)
    expect(chosen).toHaveLength(21)
    expect(chosen.every((job) => !job.more)).toBe(true)
  })

  it('sends a new revision to a quarter of a cluster, and says that more wait', () => {
    const chosen = select(cluster(20, 'revision'), policy, 5, 0)
    expect(chosen).toHaveLength(5)
    expect(chosen.every((job) => job.more)).toBe(true)
  })

  it('sends a new revision to one host of a cluster of three', () => {
    expect(select(cluster(3, 'revision'), policy, 5, 0)).toHaveLength(1)
  })

  it('counts what is in hand already', () => {
    const inHand = ['a', 'b'].map((id) =>
      candidate(id, undefined, { queued: 4, ran: 3, queuedWhy: 'revision', outstandingUntil: 10 }),
    )
    expect(select([...inHand, ...cluster(18, 'revision')], policy, 5, 0)).toHaveLength(3)
    expect(select([...inHand, ...cluster(18, 'revision')], policy, 5, 11)).toHaveLength(5)
  })

  it('gives each cluster a share of its own, and an edge never uses it up', () => {
    const other = candidate('o', 'revision', { cluster: 'cluster-2' })
    const edges = Array.from({ length: 4 }, (_, n) => candidate(`e${n}`, 'edge'))
    const chosen = select([...edges, ...cluster(4, 'revision'), other], policy, 5, 0)
    expect(chosen.filter((job) => job.why === 'edge')).toHaveLength(4)
    expect(
      chosen
        .filter((job) => job.why === 'revision')
        .map((job) => job.record.cluster)
        .sort(),
    ).toEqual(['cluster-1', 'cluster-1', 'cluster-2'])
  })

  it('caps the verifications of a tick, those queued earlier in it included, longest unverified first', () => {
    const hosts = [30, 10, 20].map((verifiedAt) => candidate(`v${verifiedAt}`, 'verify', { verifiedAt }))
    expect(select(hosts, policy, 5, 0).map((job) => job.record.id)).toEqual(['v10', 'v20'])
    const earlier = candidate('e', undefined, { queued: 5, queuedWhy: 'verify' })
    expect(select([earlier, ...hosts], policy, 5, 0)).toHaveLength(1)
  })
})
