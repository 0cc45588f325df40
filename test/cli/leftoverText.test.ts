import { describe, expect, it } from 'vitest'
import { orphanTable, readinessTable } from '../../infra/cli/leftoverText.ts'
import type { HostRow } from '../../shared/flow/status.ts'
import type { HostRecord } from '../../shared/reconcile/record.ts'
import { hostRecord } from '../factories.ts'

const look = { width: 160, now: 0, paint: (_meaning: string, word: string) => word }
const row = (given: Partial<HostRecord>): HostRow => ({
  zone: 'north',
  status: 'InSync',
  record: hostRecord(given),
  desired: [],
})

describe('what runs noticed beside the networks', () => {
  it('is nothing as a rule', () => {
    expect([orphanTable([row({})], look), readinessTable([row({})], look)]).toEqual(['', ''])
  })

  it('tells what was left behind on which host, and why it was kept', () => {
    const orphans = [{ devices: ['breth1-102', 'eth1.102'], uri: 'vlan://102', kept: 'vnet0 is on\u001b[31m it' }]
    const text = orphanTable([row({ orphans })], look)
    expect(text).toMatch(/north +kvm1 +breth1-102, eth1.102 +vlan:\/\/102 +vnet0 is on/)
    expect(text).not.toContain('\u001b')
  })

  it('tells what stands in the way of networks to come, and not how the host merely is', () => {
    const finding = (reason: 'NameTooLong' | 'Noted') => ({
      physicalNetwork: 'pn-1',
      uri: '',
      reason,
      detail: `it is ${reason}`,
    })
    const text = readinessTable([row({ readiness: [finding('NameTooLong'), finding('Noted')] })], look)
    expect(text).toMatch(/north +kvm1 +NameTooLong +it is NameTooLong/)
    expect(text).not.toContain('Noted')
  })

  it('is cut where it would fill more than a screen', () => {
    const orphans = Array.from({ length: 64 }, (_, n) => ({ devices: [`br${n}`], kept: 'k' }))
    expect(orphanTable([row({ orphans })], look)).toMatch(/… and 44 more: see -o json$/)
  })
})
