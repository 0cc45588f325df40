/**
 * The signature and the simulator against PyPI's cs, which shares nothing with either. Where cs and we encode differently, what a
 * running server took decides (docs/cloudstack-api.md, "Encode as Java does"): `~` has to be `%7E`, and cs leaves it bare.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { expectedSignature } from '../../infra/local/cloudstackSimulator/authentication.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { sign } from '../../shared/cloudstack/signature.ts'
import { createRandom, type Random } from '../simulation/random.ts'
import { csCommand, csSignatures, type ParameterSet } from './cs.ts'

const secret = 'sécret-Key_1234567890'
const letters = [...'abcdefghijklmnopqrstuvwxyz']
const characters = [
  ...'*~+ []',
  ...letters,
  ...'ABCXYZ0189',
  ...'!"#$%&\'(),-./:;<=>?@\\^_`{|}\t\n\u007f',
  ...'éßǺñΩжİıﬀ네트워크漢字\u00a0\u200b\u2028🙂👩‍💻\ufffd',
]

function randomSet(random: Random): ParameterSet {
  const text = (from: readonly string[], least: number, most: number): string =>
    Array.from({ length: random.whole(least, most) }, () => random.pick(from) ?? '').join('')
  const own = Array.from({ length: random.whole(0, 8) }, () => [text(letters, 1, 12), text(characters, 0, 24)] as const)
  return {
    ...Object.fromEntries(own),
    command: text(letters, 4, 16),
    apikey: text(characters, 1, 86),
    response: 'json',
  }
}

describe('the signature of 1,000 random parameter sets', () => {
  const random = createRandom('signatures')
  const sets = Array.from({ length: 1_000 }, () => randomSet(random))
  const hasTilde = (set: ParameterSet): boolean => Object.values(set).some((value) => value.includes('~'))

  it('is that of cs where there is no ~, and the server’s where there is one', async () => {
    const { own, tilde } = await csSignatures(sets, secret)
    const different = sets.filter((set, at) => sign(set, secret) !== own[at])
    expect(different).toEqual(sets.filter(hasTilde))
    expect(sets.map((set) => sign(set, secret))).toEqual(tilde)
    expect(sets.map((set) => sign(set, secret))).toEqual(
      sets.map((set) => expectedSignature(Object.entries(set), secret)),
    )
    expect(different.length).toBeGreaterThan(200)
    expect(sets.length - different.length).toBeGreaterThan(200)
  })
})

describe('cs against the simulator', () => {
  let simulator: CloudStackSimulator
  beforeAll(async () => {
    const hosts = [1, 2, 3].map((n) => ({ name: `kvm${n}`, address: `192.0.2.${n}` }))
    const physicalNetworks = [{ name: 'guest', labels: { KVM: 'cloudbr1' }, vlans: '100-999' }]
    const networks = [{ name: 'büro *+ []', uri: 'vlan://100' }]
    const zone = { name: 'zone1', physicalNetworks, clusters: [{ name: 'c1', hosts }], networks }
    simulator = await startCloudStackSimulator({ seed: seedCloud([zone]) })
  })
  afterAll(() => simulator?.stop())

  const rows = z.record(z.string(), z.union([z.number(), z.array(z.looseObject({ name: z.string() }))]))
  async function names(...args: readonly string[]): Promise<readonly string[]> {
    const { code, output, errors } = await csCommand(simulator, ...args)
    expect([code, errors]).toEqual([0, ''])
    const listed = Object.values(rows.parse(JSON.parse(output))).find((value) => Array.isArray(value))
    return Array.isArray(listed) ? listed.map(({ name }) => name).sort() : []
  }

  it.each([
    ['listZones', ['zone1']],
    ['listHosts', ['kvm1', 'kvm2', 'kvm3']],
    ['listPhysicalNetworks', ['guest']],
    ['listNetworks', ['büro *+ []']],
  ])('%s, by GET and by POST', async (command, expected) => {
    expect(await names(command)).toEqual(expected)
    expect(await names('--post', command)).toEqual(expected)
  })

  it('with parameters of every kind of character but ~', async () => {
    expect(await names('listHosts', 'type=Routing', 'page=1', 'pagesize=2', 'keyword=é *+ [네]')).toHaveLength(2)
  })

  it('with a ~ is refused, as a running server refuses it', async () => {
    const { code, errors } = await csCommand(simulator, 'listHosts', 'keyword=a~b')
    expect(code).not.toBe(0)
    expect(errors).toContain('401')
  })

  it('with a wrong secret is refused', async () => {
    const { code, errors } = await csCommand({ ...simulator, secretKey: 'wrong' }, 'listHosts')
    expect(code).not.toBe(0)
    expect(errors).toContain('401')
  })

  it('creates a network, sets a host up, and deletes the network by a job', async () => {
    const { zone } = simulator.cloud.network('büro *+ []')
    const offering = simulator.cloud.network('büro *+ []').offering
    const made = await csCommand(
      simulator,
      'createNetwork',
      ...['name=neu [1]', 'displaytext=neu', `zoneid=${zone}`, `networkofferingid=${offering}`, 'vlan=200'],
    )
    expect([made.code, made.errors]).toEqual([0, ''])
    const { id } = simulator.cloud.network('neu [1]')
    expect(made.output).toContain(id)
    const updated = await csCommand(simulator, 'updateHost', `id=${simulator.cloud.host('kvm1').id}`)
    expect(updated.code).toBe(0)
    expect(simulator.cloud.setups.filter(({ cause }) => cause === 'updateHost')).toHaveLength(2)
    const deleted = await csCommand(simulator, 'deleteNetwork', `id=${id}`)
    expect(deleted.code).toBe(0)
    expect(await names('listNetworks')).toEqual(['büro *+ []'])
  })
})
