/** Where most stories begin. In: how many hosts, networks and which settings. Out: a world in which all of them are in sync. */
import { expect } from 'vitest'
import { createWorld, type World } from './world.ts'

/** So many hosts in one cluster, `h0` on, with so many networks, VLAN 100 on. */
export async function settledWorld(
  hosts: number,
  networks = 1,
  settings: Readonly<Record<string, string>> = {},
): Promise<World> {
  const world = createWorld(settings)
  for (let n = 0; n < hosts; n++) world.host(`h${n}`)
  for (let n = 0; n < networks; n++) world.network(100 + n)
  await world.minutes(3)
  expect(world.converged()).toBe(true)
  return world
}
