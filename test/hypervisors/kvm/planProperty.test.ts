/**
 * Properties over random hosts, on the simulated kernel: what a plan does is enough, is done once, and touches nothing that
 * was there. The seed of a failing host is in the title of its test.
 */
import { expect, test } from 'vitest'
import { simulateIpBatch, simulateSysctl } from '../../../infra/local/hostSimulator/batchSimulator.ts'
import { createSimulatedKernel, type NewLink, type SimulatedKernel } from '../../../infra/local/hostSimulator/kernel.ts'
import { simulateObservation } from '../../../infra/local/hostSimulator/observationSimulator.ts'
import { batchOf } from '../../../shared/hypervisors/kvm/batch.ts'
import { readObservation } from '../../../shared/hypervisors/kvm/observe.ts'
import { type Plan, plan } from '../../../shared/hypervisors/kvm/plan.ts'
import type { DesiredNetwork } from '../../../shared/reconcile/model.ts'
import { network } from './factory.ts'

const seeds = Array.from({ length: 200 }, (_, index) => index + 1)

/** Mulberry32: small, seeded, good enough to choose with. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

interface World {
  readonly kernel: SimulatedKernel
  readonly desired: readonly DesiredNetwork[]
}

function worldOf(seed: number): World {
  const random = randomOf(seed)
  const pick = <T>(list: readonly [T, ...T[]]): T => list[Math.floor(random() * list.length)] ?? list[0]
  const flag = (): boolean => random() < 0.5
  const id = (): number => 1 + Math.floor(random() * 12)
  const base: NewLink[] = [
    { name: 'cloudbr1', kind: 'bridge', up: true },
    { name: 'eth1', up: true, master: 'cloudbr1' },
    { name: 'eth2', up: true },
  ]
  const kernel = createSimulatedKernel(base)
  for (let count = Math.floor(random() * 12); count > 0; count--) {
    const tag = id()
    const uplink = pick(['eth1', 'eth2', 'cloudbr1'])
    const born = { up: flag(), disableIpv6: flag(), group: pick([0, 0, 4814]) }
    const masters = [null, null, `breth1-${tag}`, `breth2-${tag}`, 'cloudbr1'] as const
    const made = pick<NewLink>([
      { ...born, name: `br${uplink}-${tag}`, kind: 'bridge' },
      { ...born, name: `${uplink}.${tag}`, kind: 'vlan', parent: uplink, vlanId: tag, master: pick([...masters]) },
      { ...born, name: `${uplink}.${tag}`, kind: 'vlan', parent: uplink, vlanId: id() },
      { ...born, name: `foreign${tag}`, kind: 'vlan', parent: uplink, vlanId: tag },
      { ...born, name: `vnet${tag}`, kind: 'tun', master: pick([...masters]) },
      { ...born, name: `${uplink}.${tag}`, kind: 'dummy' },
    ])
    kernel.add(made) // What the kernel refuses is not there.
  }
  const uris = ['untagged', '4095', ...Array.from({ length: 10 }, id)].filter(flag)
  const desired = uris.map((value) =>
    network(`vlan://${value}`, pick(['cloudbr1', 'eth2', 'nowhere']), pick(['pn1', 'pn2'])),
  )
  return { kernel, desired }
}

function look({ kernel, desired }: World): Plan {
  const bootId = '28072913-87e6-4979-8f01-bedc2ebf0bad'
  return plan(desired, readObservation(simulateObservation({ hostname: 'h', bootId, kernel, agentProperties: null })))
}

function apply({ kernel }: World, { actions }: Plan): void {
  const batch = batchOf(actions, 4814)
  expect(simulateIpBatch(kernel, batch.create)).toEqual({ code: 0, stderr: '' })
  expect(simulateSysctl(kernel, batch.ipv6Off)).toEqual({ code: 0, stderr: '' })
  expect(simulateIpBatch(kernel, batch.up)).toEqual({ code: 0, stderr: '' })
}

test.each(seeds)('on random host %i a plan is enough, and once is enough', (seed) => {
  const world = worldOf(seed)
  const before = look(world)
  apply(world, before)
  const after = look(world)
  expect(after.actions).toEqual([])
  expect(after.changes).toEqual([])
  expect(after.findings).toEqual(before.findings)
})

test.each(seeds)('on random host %i nothing that was there and is not ours to complete changes', (seed) => {
  const world = worldOf(seed)
  const before = world.kernel.links()
  const planned = look(world)
  apply(world, planned)
  const completed = new Set(planned.actions.map((action) => action.device))
  const kept = new Map(world.kernel.links().map((link) => [link.name, link]))
  for (const link of before) {
    const now = kept.get(link.name)
    // What is completed keeps its nature and its mark; everything else is the same to the letter.
    const { master, up, disableIpv6, ...nature } = link
    expect(now).toMatchObject(completed.has(link.name) ? nature : { ...nature, master, up, disableIpv6 })
    if (master !== null) expect(now?.master).toBe(master)
  }
  const born = world.kernel.links().filter((link) => !before.some((old) => old.name === link.name))
  expect(born.filter((link) => link.group !== 4814 || !completed.has(link.name))).toEqual([])
})

test('the random hosts need every action, and have conflicts', () => {
  const plans = seeds.map((seed) => look(worldOf(seed)))
  const done = new Set(plans.flatMap((planned) => planned.actions.map((action) => action.do)))
  expect([...done].sort()).toEqual(['createBridge', 'createVlan', 'enslave', 'setUp', 'turnIpv6Off'])
  expect(
    plans.filter((planned) => planned.findings.some(({ reason }) => reason === 'Conflict')).length,
  ).toBeGreaterThan(20)
})
