import { describe, expect, it } from 'vitest'
import { graves, keeping, networkKey } from '../../shared/reconcile/absence.ts'
import { desiredOf, vlan } from '../factories.ts'

const zone = 'zone-1'
const listed = (...ids: number[]) => ({ zone, hypervisor: 'KVM', ...desiredOf(ids.map((id) => vlan(id))) })
const stone = (id: number, goneSince = 1) => {
  const { physicalNetwork, uri, networks } = vlan(id)
  return { physicalNetwork, uri, networks, goneSince }
}

describe('a network that a listing lacks', () => {
  it('leaves the desired set once it is believed gone', () => {
    const gone = new Set([networkKey(zone, vlan(200))])
    expect(keeping(listed(100), desiredOf([vlan(100), vlan(200)]), gone)).toEqual(listed(100))
  })

  it('stays, in its place of the order, while the guard does not believe it', () => {
    const kept = keeping(listed(100, 300), desiredOf([vlan(100), vlan(200)]), new Set())
    expect(kept.networks.map(({ uri }) => uri)).toEqual(['vlan://100', 'vlan://200', 'vlan://300'])
  })

  it('gets a tombstone with its ids, and keeps the first one’s time', () => {
    expect(graves(zone, [vlan(100)], [vlan(100), vlan(200), vlan(300)], [stone(300)], 9)).toEqual({
      set: [stone(200, 9)],
      take: [],
    })
  })

  it('loses its tombstone when it is listed again', () => {
    expect(graves(zone, [vlan(100)], [vlan(100)], [stone(100), stone(200)], 9)).toEqual({ set: [], take: [stone(100)] })
  })
})
