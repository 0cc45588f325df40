import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { decodeRevision, encodeRevision, RevisionDamaged, RevisionTooLarge } from '../../shared/reconcile/revision.ts'
import { desiredOf, vlan } from '../factories.ts'

describe('a revision', () => {
  it('comes back as it went in, under a name that depends on nothing but its content', () => {
    const networks = [vlan(100), { ...vlan(200), label: null }, { ...vlan(300), rates: [0, 200] }]
    const encoded = encodeRevision(desiredOf(networks))
    expect(decodeRevision(encoded)).toEqual(desiredOf(networks))
    expect(encodeRevision(desiredOf(networks.map((network) => ({ ...network })))).revision).toBe(encoded.revision)
    expect(encodeRevision(desiredOf([vlan(100)])).revision).not.toBe(encoded.revision)
  })

  it('of 1,000 networks takes less than a tenth of what fits', () => {
    const networks = Array.from({ length: 1_000 }, (_, id) => vlan(id + 2))
    expect(encodeRevision(desiredOf(networks)).body.byteLength).toBeLessThan(35 * 1024)
  })

  it('that does not fit is refused, with the way out', () => {
    const networks = Array.from({ length: 20_000 }, (_, id) => ({
      ...vlan(id),
      networks: [{ id: randomBytes(16).toString('hex'), name: randomBytes(16).toString('hex') }],
    }))
    expect(() => encodeRevision(desiredOf(networks))).toThrow(RevisionTooLarge)
    expect(() => encodeRevision(desiredOf(networks))).toThrow(/20000 networks .* 350 KB fit: split/)
  })

  it('whose bytes are not what its name says is refused', () => {
    const { revision } = encodeRevision(desiredOf([vlan(100)]))
    expect(() => decodeRevision({ revision, body: gzipSync('[]') })).toThrow(RevisionDamaged)
    expect(() => decodeRevision({ revision, body: new Uint8Array([1, 2, 3]) })).toThrow(RevisionDamaged)
  })
})
