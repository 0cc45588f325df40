import { describe, expect, it } from 'vitest'
import { credentialsFor, parseCredentials } from '../../../shared/hypervisors/vmware/credentials.ts'

const entry = { url: 'https://vc/sdk', datacenter: 'DC0', username: 'u', password: 'secret' }

describe('the credentials of vCenters', () => {
  it('are of the cluster, else of the zone, else the default', () => {
    const named = (datacenter: string) => ({ ...entry, datacenter })
    const file = parseCredentials(
      JSON.stringify({ default: named('d'), zones: { z: named('z') }, clusters: { c: named('c') } }),
    )
    const of = (zone: string, cluster: string) => credentialsFor(file, { zone, cluster }).datacenter
    expect([of('z', 'c'), of('z', 'x'), of('x', 'x'), of('toString', 'constructor')]).toEqual(['c', 'z', 'd', 'd'])
  })

  it('are missing for a host that no entry is for', () =>
    expect(() => credentialsFor(parseCredentials('{}'), { zone: 'z', cluster: 'c' })).toThrow(
      'BRIDGEKEEPER_VCENTER_SECRET) have no entry for the cluster c or the zone z',
    ))

  it.each([
    ['no JSON', 'secret'],
    ['http', JSON.stringify({ default: { ...entry, url: 'http://vc/sdk' } })],
    ['a password in the address', JSON.stringify({ default: { ...entry, url: 'https://u:secret@vc/sdk' } })],
    ['no datacenter', JSON.stringify({ default: { ...entry, datacenter: '' } })],
    ['another name', JSON.stringify({ default: { ...entry, passwort: 'secret' } })],
    ['a short fingerprint', JSON.stringify({ default: { ...entry, fingerprints: ['AB:CD'] } })],
  ])('are refused with %s, and nothing of them is shown', (_what, content) => {
    expect(() => parseCredentials(content)).toThrow(/^(?!.*secret)/)
  })
})
