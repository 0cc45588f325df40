/**
 * Eight functions ask one CloudStack as often as they are let, and the simulator writes down when each request came. In: a
 * rate, a duration, how much faster than a wall clock time goes. Out: the times, and the fullest window of any length.
 */
import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { createCloudStack } from '../../shared/cloudstack/client.ts'
import { LeftAlone, RateUsedUp } from '../../shared/cloudstack/errors.ts'
import { type Gate, openGate } from '../../shared/cloudstack/gate.ts'
import { policyOf } from '../../shared/flow/policy.ts'
import { createSharedGate } from '../../shared/flow/sharedGate.ts'
import { snapshot } from '../../shared/flow/snapshot.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import type { Ports } from '../../shared/runtime/ports.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Store } from '../../shared/store/store.ts'
import { createMemoryQueues } from '../simulation/memoryQueues.ts'
import { createRandom, type Random } from '../simulation/random.ts'

export interface RateRun {
  /** Requests a second, and at once. */
  readonly rate: number
  readonly burst: number
  /** Of the functions' own time. */
  readonly seconds: number
  /** 1 is a wall clock's. */
  readonly speed: number
  /** Without the gate: what the functions would ask if nothing held them back. */
  readonly unchecked?: boolean
}

const functions = 8

/** In milliseconds of the functions' own time. */
export interface Counted {
  /** When each request came to the simulator. */
  readonly arrivals: readonly number[]
  /** From the moment in which a request was let go until its answer was there, at most: by so much a window is longer there. */
  readonly underWay: number
}

export async function runRate({ rate, burst, seconds, speed, unchecked = false }: RateRun): Promise<Counted> {
  let began = performance.now()
  const epoch = Date.now()
  const now = (): number => epoch + (performance.now() - began) * speed
  const sleep = (milliseconds: number): Promise<unknown> => delay(milliseconds / speed)
  const arrivals: number[] = []
  let underWay = 0
  const timed = (gate: Gate): Gate => {
    let letGo = 0
    return {
      ...gate,
      pass: async (until) => {
        await gate.pass(until)
        letGo = now()
      },
      answered: async () => {
        underWay = Math.max(underWay, now() - letGo)
        await gate.answered()
      },
    }
  }
  const hosts = [1, 2, 3].map((n) => ({ name: `kvm${n}`, address: `192.0.2.${n}` }))
  const zone = { name: 'z', physicalNetworks: [{ name: 'g' }], clusters: [{ name: 'c', hosts }], networks: [] }
  const onRequest = (): void => void arrivals.push(now() - epoch)
  const simulator = await startCloudStackSimulator({ seed: seedCloud([zone]), now, onRequest })
  await createCloudStack({ ...simulator, now }).listFacts() // What is slow only once is no part of it.
  arrivals.length = 0
  began = performance.now()
  const random = createRandom('rate')
  const store = slow(createMemoryStore(), random)
  const settings = { BRIDGEKEEPER_CLOUDSTACK_RATE: String(rate), BRIDGEKEEPER_CLOUDSTACK_BURST: String(burst) }
  const policy = policyOf(parseConfiguration({ ...settings, BRIDGEKEEPER_LIST_SECONDS: '1' }))
  const queues = createMemoryQueues(now, () => ({ visibilityMilliseconds: 60_000 }))
  const ports: Ports = { store, queues, logger: silent, now, random: random.next, newId: () => `${random.next()}` }
  const over = (): boolean => now() - epoch > seconds * 1000

  /** A cold start each: nothing is known of what the others did, but what the store says. */
  const instance = () => {
    const gate = createSharedGate({ ...ports, cloud: policy.cloud, rate: policy.rate, sleep })
    const cloudstack = createCloudStack({ ...simulator, gate: timed(unchecked ? openGate : gate), now })
    return { gate, cloudstack }
  }
  const ticks = async (): Promise<void> => {
    while (!over()) {
      const { gate, cloudstack } = instance()
      for (let count = random.whole(1, 5); count > 0 && !over(); count--) {
        await snapshot(ports, cloudstack, gate, policy, 60_000)
        await sleep(random.whole(0, 20_000))
      }
    }
  }
  const asks = async (): Promise<void> => {
    while (!over()) {
      const { cloudstack } = instance()
      for (let count = random.whole(1, 100); count > 0 && !over(); count--) {
        try {
          await cloudstack.call('listZones', {}, z.unknown())
          if (random.chance(0.02)) await sleep(random.whole(0, 10_000)) // It does something else, with what it paid for.
        } catch (error) {
          if (!(error instanceof RateUsedUp || error instanceof LeftAlone)) throw error
          await sleep(random.whole(0, 2_000))
        }
      }
    }
  }
  await Promise.all([ticks(), ...Array.from({ length: functions - 1 }, asks)])
  await simulator.stop()
  return { arrivals: arrivals.filter((at) => at <= seconds * 1000), underWay }
}

/** As a store beyond a network: writes of several functions cross. */
const slow = (store: Store, random: Random): Store => {
  const wait = () => delay(random.whole(0, 3))
  return {
    get: async (key) => {
      await wait()
      return store.get(key)
    },
    list: async (pk, prefix, range) => {
      await wait()
      return store.list(pk, prefix, range)
    },
    update: async (write) => {
      await wait()
      return store.update(write)
    },
    delete: async (key, when) => {
      await wait()
      return store.delete(key, when)
    },
  }
}

/** @returns how many came in the fullest window that begins with a request */
export function fullest(arrivals: readonly number[], seconds: number): number {
  let most = 0
  let last = 0
  for (const [first, from] of arrivals.entries()) {
    while (last < arrivals.length && (arrivals[last] ?? 0) <= from + seconds * 1000) last += 1
    most = Math.max(most, last - first)
  }
  return most
}
