import { beforeEach, describe, expect, it } from 'vitest'
import { createSimulatedPool, type SimulatedPool } from '../../../infra/local/xapiSimulator/pool.ts'
import type { SharedLease } from '../../../shared/hypervisors/driver.ts'
import { run } from '../../../shared/hypervisors/run.ts'
import { createXapiPools, createXenServerDriver } from '../../../shared/hypervisors/xenserver/driver.ts'
import { isBefore, stampOf, vlanName } from '../../../shared/hypervisors/xenserver/names.ts'
import { desiredOf } from '../../factories.ts'
import { createRandom } from '../../simulation/random.ts'
import { cloudStackMakes } from './cloudStackStandIn.ts'
import { connectInside, factsOf, mark, memoryLease, network } from './factory.ts'

const root = { username: 'root', password: 'simulated' }
const names = Array.from({ length: 10 }, (_, index) => `xen${index + 1}`)
/** The clock of all: it moves a little with each call, and by what a test says. */
let now: number

/** Each call is answered after a number of turns that the seed decides. */
function inTurns(random: () => number): () => Promise<void> {
  return async () => {
    now += Math.floor(random() * 40)
    for (let turns = Math.floor(random() * 6); turns >= 0; turns--)
      await new Promise((resolve) => setImmediate(resolve))
  }
}

function start(hosts: readonly string[]): SimulatedPool {
  return createSimulatedPool(
    { name: 'pool', hosts },
    hosts.map((_, index) => `192.0.2.${index + 1}`),
    [root],
  )
}

/** No lease, as if two deployments that know nothing of each other were at work. */
const noLease: SharedLease = (_name, _signal, work) => work(Number.POSITIVE_INFINITY)

function runOn(pool: SimulatedPool, name: string, random: () => number, lease: SharedLease) {
  const host = pool.hosts.find((one) => one.name === name)
  const driver = createXenServerDriver({
    credentials: () => root,
    lease: () => lease,
    mark,
    now: () => now,
    random,
    sleep: async () => undefined,
    pools: createXapiPools(443, connectInside(pool, inTurns(random))),
  })
  const target = {
    cloud: 'c',
    zone: 'z',
    id: name,
    cluster: 'k',
    name,
    address: host?.address ?? '',
    resourceState: 'Enabled',
  }
  return run(driver, target, desiredOf([network('vlan://100')]), 'apply', new AbortController().signal)
}

/** Where the hosts are, and which network the tie-break names. */
function outcome(pool: SimulatedPool) {
  const facts = factsOf(pool)
  const [base] = facts.networksNamed('guests')
  const all = facts.networksNamed(vlanName(base?.uuid ?? '', 100))
  const used = all.filter(({ ref }) => facts.pifsOn(ref).length > 0)
  const stamps = all.flatMap(({ uuid, tags }) => {
    const stamp = stampOf(tags)
    return stamp === null ? [] : [{ uuid, stamp }]
  })
  const lowest = stamps.reduce((one, other) => (isBefore(other.stamp, one.stamp) ? other : one))
  return {
    networks: all.length,
    used: used.map(({ uuid }) => uuid),
    hosts: used.flatMap(({ ref }) => facts.pifsOn(ref)).length,
    lowest: lowest.uuid,
  }
}

beforeEach(() => {
  now = 1_800_000_000_000
})

describe('many who make one network of a pool at the same moment', () => {
  it('ten runs under the pool’s lease: one network, made once', async () => {
    const random = createRandom('1').next
    const pool = start(names)
    const lease = memoryLease(120_000, () => now)
    const runs = await Promise.all(names.map((name) => runOn(pool, name, random, lease)))
    expect(runs.map(({ verdict }) => verdict)).toEqual(names.map(() => 'InSync'))
    expect(outcome(pool)).toMatchObject({ networks: 1, hosts: 10 })
    expect(pool.requests['network.create']).toBe(1)
  })

  it('ten runs without a lease: all meet on the one that the tie-break names, and no other survives', async () => {
    const random = createRandom('2').next
    const pool = start(names)
    await Promise.all(names.map((name) => runOn(pool, name, random, noLease)))
    expect(pool.requests['network.create']).toBeGreaterThan(1)
    for (const name of names) await runOn(pool, name, random, noLease)
    const met = outcome(pool)
    expect(met).toMatchObject({ used: [met.lowest], hosts: 10 })
    now += 3_600_000
    for (const name of names)
      expect(await runOn(pool, name, random, noLease)).toMatchObject({ verdict: 'InSync', findings: [] })
    expect(outcome(pool)).toEqual({ networks: 1, used: [met.lowest], hosts: 10, lowest: met.lowest })
  })

  it('two runs of ours, in 500 interleavings: one network, used by both, the one that the tie-break names', async () => {
    for (let seed = 1; seed <= 500; seed++) {
      const random = createRandom(`${seed}`).next
      const pool = start(['xen1', 'xen2'])
      const lease = memoryLease(120_000, () => now)
      await Promise.all(['xen1', 'xen2'].map((name) => runOn(pool, name, random, lease)))
      const met = outcome(pool)
      expect(met, `seed ${seed}`).toEqual({ networks: 1, used: [met.lowest], hosts: 2, lowest: met.lowest })
    }
  }, 240_000)

  it('ours beside CloudStack’s, in 1,000 interleavings: one network, used by both, the one that the tie-break names', async () => {
    let [doubles, splits] = [0, 0]
    for (let seed = 1; seed <= 1000; seed++) {
      const random = createRandom(`${seed}`).next
      const pool = start(['xen1', 'xen2'])
      const lease = memoryLease(120_000, () => now)
      const wait = inTurns(random)
      const makeTheirs = async (): Promise<void> => {
        for (let calls = Math.floor(random() * 24); calls > 0; calls--) await wait()
        const slow = async (): Promise<void> => {
          for (let calls = random() < 0.2 ? 12 : 1; calls > 0; calls--) await wait()
        }
        await cloudStackMakes(pool, 'xen2', 'guests', 100, { wait: slow, now: () => now, random })
      }
      await Promise.all([runOn(pool, 'xen1', random, lease), makeTheirs()])
      if (outcome(pool).networks > 1) doubles++
      if (outcome(pool).used.length > 1) {
        splits++
        await runOn(pool, 'xen1', random, lease) // The next verification.
      }
      const met = outcome(pool)
      expect(met, `seed ${seed}`).toMatchObject({ used: [met.lowest], hosts: 2 })
    }
    expect(doubles).toBeGreaterThan(50)
    expect(splits).toBeGreaterThan(5)
  }, 240_000)
})
