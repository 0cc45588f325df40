import { describe, expect, it } from 'vitest'
import { scaleRun } from './scaleRun.ts'

const expected = (count: number, on: string): readonly string[] =>
  Array.from({ length: count }, (_, at) => `cloud.guest.${100 + at}.200.1-${on}`)

describe('all hosts at the same moment, on the amended vcsim', () => {
  it('standard: each host gets each group, for four calls a host and one a group that it lacked', async () => {
    const [clusters, hosts, networks] = [2, 3, 10]
    const result = await scaleRun({ clusters, hosts, networks, delay: 20, on: 'standard' })
    expect(result.inSync).toBe(6)
    expect(result.groups).toEqual(expected(networks, 'vSwitch0'))
    expect(result.onHosts).toEqual([10, 10, 10, 10, 10, 10])
    expect(result.adds).toBe(60)
    expect(result.reads).toBeLessThanOrEqual(4 * 6)
    expect(result.others).toEqual({})
    // Marks are of the datacenter's networks; at worst each host that began at the same moment set them all.
    expect(result.marks).toBeLessThanOrEqual(6 * (2 * networks + 2))
    expect(result.again).toBeLessThanOrEqual(2 * 6)
  })

  it('distributed: as many calls for eight hosts as for two', async () => {
    const networks = 10
    const two = await scaleRun({ clusters: 1, hosts: 2, networks, on: 'distributed' })
    const eight = await scaleRun({ clusters: 2, hosts: 4, networks, on: 'distributed' })
    for (const result of [two, eight]) {
      expect(result.groups).toEqual(expected(networks, 'DVS0'))
      expect(result.adds).toBe(1)
      expect(result.marks).toBe(2 * networks + 2)
      expect(result.others).toEqual({})
    }
    expect([two.inSync, eight.inSync]).toEqual([2, 8])
    expect(eight.reads).toBeLessThanOrEqual(two.reads + 2)
    expect(eight.again).toBeLessThanOrEqual(8)
  })
})
