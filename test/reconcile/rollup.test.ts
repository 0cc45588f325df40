import { describe, expect, it } from 'vitest'
import type { Reason } from '../../shared/reconcile/reasons.ts'
import { type Verdict, verdicts } from '../../shared/reconcile/record.ts'
import { type Row, rollUp, rollUps } from '../../shared/reconcile/rollup.ts'
import { hostRecord } from '../factories.ts'

const row = (status: Verdict, reason?: Reason, given: Parameters<typeof hostRecord>[0] = {}): Row => ({
  status,
  ...(reason === undefined ? {} : { reason }),
  record: hostRecord(given),
})
const down = row('Unknown', 'HostNotUp')

describe('a roll-up', () => {
  it.each<[string, readonly Row[], Verdict]>([
    ['all in sync', [row('InSync'), row('InSync')], 'InSync'],
    ['one unknown', [row('InSync'), row('Unknown', 'Stale')], 'Unknown'],
    ['one out of sync', [row('InSync'), row('Unknown', 'Stale'), row('OutOfSync', 'Conflict')], 'OutOfSync'],
    ['one that is being worked on', [row('InSync'), row('Unknown', 'Updating')], 'Unknown'],
    ['one that is not Up beside one in sync', [row('InSync'), down], 'InSync'],
    ['one that was only requested', [row('Unknown', 'RequestedUnverified')], 'Unknown'],
  ])('of %s', (_, rows, status) => {
    expect(rollUp(rows, false).status).toBe(status)
  })

  it('takes a request for fine where that was asked for', () => {
    expect(rollUp([row('Unknown', 'RequestedUnverified')], true).status).toBe('InSync')
  })

  it('is never green while a host that is Up is Unknown or OutOfSync, whatever else there is (all mixtures of four)', () => {
    const kinds = [...verdicts.map((verdict) => row(verdict)), row('Unknown', 'Updating'), down]
    for (let mixture = 0; mixture < kinds.length ** 4; mixture++) {
      const rows = [0, 1, 2, 3].flatMap((at) => kinds[Math.floor(mixture / kinds.length ** at) % kinds.length] ?? [])
      const up = rows.filter(({ reason }) => reason !== 'HostNotUp')
      expect(rollUp(rows, false).status === 'InSync').toBe(up.every(({ status }) => status === 'InSync'))
    }
  })

  it('counts hosts that are not Up apart, and those being worked on besides', () => {
    const rows = [row('InSync'), down, row('Unknown', 'Updating'), row('OutOfSync', 'Updating')]
    expect(rollUp(rows, false).counts).toEqual({
      hosts: 4,
      inSync: 1,
      outOfSync: 1,
      unknown: 1,
      notUp: 1,
      updating: 2,
    })
  })

  it('tells how long hosts took to become ready', () => {
    const rows = Array.from({ length: 20 }, (_, n) => row('InSync', undefined, { readySeconds: 20 - n }))
    expect(rollUp([...rows, row('Unknown')], false).timeToReadySeconds).toEqual({
      hosts: 20,
      p50: 10,
      p95: 19,
      max: 20,
    })
    expect(rollUp([row('InSync', undefined, { readySeconds: 7 })], false).timeToReadySeconds).toEqual({
      hosts: 1,
      p50: 7,
      p95: 7,
      max: 7,
    })
    expect(rollUp([row('InSync')], false)).not.toHaveProperty('timeToReadySeconds')
  })

  it('is made of each zone, each cluster of each zone, and the cloud', () => {
    const rows = [
      row('InSync', undefined, { zone: 'a', cluster: '1' }),
      row('OutOfSync', 'Conflict', { zone: 'a', cluster: '2' }),
      row('Unknown', 'Stale', { zone: 'b', cluster: '1' }),
    ]
    const { cloud, zones, clusters } = rollUps(rows, false)
    expect(cloud.status).toBe('OutOfSync')
    expect(zones.map(({ zone, status }) => `${zone} ${status}`)).toEqual(['a OutOfSync', 'b Unknown'])
    expect(clusters.map(({ zone, cluster, status }) => `${zone} ${cluster} ${status}`)).toEqual([
      'a 1 InSync',
      'a 2 OutOfSync',
      'b 1 Unknown',
    ])
  })
})
