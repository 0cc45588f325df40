import { describe, expect, it } from 'vitest'
import { createSimulatedPool } from '../../../infra/local/xapiSimulator/pool.ts'
import { run } from '../../../shared/hypervisors/run.ts'
import { createXapiPools, createXenServerDriver } from '../../../shared/hypervisors/xenserver/driver.ts'
import { desiredOf } from '../../factories.ts'
import { createRandom } from '../../simulation/random.ts'
import { cloudStackMakes } from './cloudStackStandIn.ts'
import { connectInside, factsOf, mark, memoryLease, network } from './factory.ts'

const root = { username: 'root', password: 'simulated' }
const never = new AbortController().signal

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('a VM that starts in CloudStack’s manner while its network is removed', () => {
  it('has its interface and its VLAN, or fails loudly, in 300 rounds', async () => {
    const ends = { removed: 0, kept: 0, started: 0, failed: 0 }
    for (let seed = 1; seed <= 300; seed++) {
      const random = createRandom(`${seed}`)
      const pool = createSimulatedPool({ name: 'pool', hosts: ['xen1'] }, ['192.0.2.1'], [root])
      const wait = () => turns(random.whole(1, 4))
      const lease = memoryLease()
      const driver = createXenServerDriver({
        credentials: () => root,
        lease: () => lease,
        mark,
        now: Date.now,
        random: random.next,
        sleep: () => turns(100),
        pools: createXapiPools(
          443,
          connectInside(pool, () => turns(random.whole(1, 10))),
        ),
      })
      const target = {
        cloud: 'c',
        zone: 'z',
        id: 'h',
        cluster: 'k',
        name: 'xen1',
        address: '192.0.2.1',
        resourceState: 'Up',
      }
      await run(driver, target, desiredOf([network('vlan://100')]), 'apply', never)

      const removal = async (): Promise<void> => {
        const session = await driver.open(target, never)
        const { orphans = [] } = await session.look([])
        for (const orphan of orphans) {
          const outcome = await session.remove?.(orphan, Date.now() + 30_000)
          ends[outcome !== undefined && 'removed' in outcome ? 'removed' : 'kept']++
        }
        await session.close()
      }
      const start = async (): Promise<string | undefined> => {
        await turns(random.whole(0, 250))
        try {
          const uuid = await cloudStackMakes(pool, 'xen1', 'guests', 100, { wait, now: Date.now, random: random.next })
          await turns(random.whole(1, 90))
          const found = [...factsOf(pool).networks.values()].find((one) => one.uuid === uuid)
          if (found === undefined) throw new Error('HANDLE_INVALID')
          return pool.addVm(found.ref) // It is plugged a moment later, when the VM starts.
        } catch {
          return undefined
        }
      }
      const [vif] = await Promise.all([start(), removal()])
      if (vif === undefined) {
        ends.failed++
        continue
      }
      ends.started++
      const facts = factsOf(pool)
      const own = [...facts.networks.values()].find(({ vifs }) => vifs.includes(vif))
      expect(own, `seed ${seed}: its interface is there`).toBeDefined()
      expect(
        facts.pifsOn(own?.ref ?? '').map((pif) => pif.vlan),
        `seed ${seed}: its VLAN is there`,
      ).toEqual([100])
    }
    expect(ends.removed).toBeGreaterThan(30)
    expect(ends.kept).toBeGreaterThan(30)
    expect(ends.started).toBeGreaterThan(150)
  }, 240_000)
})
