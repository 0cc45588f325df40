/**
 * A stand-in for what CloudStack does to set a VLAN network up on one host, step by step and without any lock (FACTS D 1 to 4), in
 * words of our own. In: a simulated pool, a host, a label, a VLAN id. Out: the network that it used. `wait` passes between steps.
 */

import { call } from '../../../infra/local/xapiSimulator/calls.ts'
import type { SimulatedPool } from '../../../infra/local/xapiSimulator/pool.ts'
import type { XapiNetwork } from '../../../shared/hypervisors/xenserver/facts.ts'
import { stampOf, vlanName } from '../../../shared/hypervisors/xenserver/names.ts'
import { factsOf } from './factory.ts'

interface World {
  readonly wait: () => Promise<void>
  readonly now: () => number
  readonly random: () => number
}

export async function cloudStackMakes(
  pool: SimulatedPool,
  host: string,
  label: string,
  tag: number,
  { wait, now, random }: World,
): Promise<string> {
  const self = pool.hosts.find(({ name }) => name === host)?.ref ?? ''
  const base = byName(pool, label, self)
  if (base === undefined) throw new Error(`CloudStack finds no network ${label}`)
  const name = vlanName(base.uuid, tag)
  await wait()
  let found = byName(pool, name, self)
  if (found === undefined) {
    const stamp = `CsCreateTime-${now()}-${Math.floor(random() * 0x7fffffff)}`
    await wait()
    call(pool.database, 'network.create', [{ name_label: name, tags: [stamp] }])
    await wait()
    found = byName(pool, name, self)
  }
  if (found === undefined) throw new Error(`CloudStack does not find ${name} again`)
  await wait()
  const facts = factsOf(pool)
  const pif = facts.pifsOn(base.ref).find((one) => one.host === self)
  if (!facts.pifsOn(found.ref).some((one) => one.host === self))
    call(pool.database, 'VLAN.create', [pif?.ref, tag, found.ref])
  return found.uuid
}

/** One of the name; of several the one with this host's PIF, else the lowest stamp. */
function byName(pool: SimulatedPool, name: string, host: string): XapiNetwork | undefined {
  const facts = factsOf(pool)
  const [first, ...others] = facts.networksNamed(name)
  if (first === undefined || others.length === 0) return first
  const here = [first, ...others].find(({ ref }) => facts.pifsOn(ref).some((pif) => pif.host === host))
  if (here !== undefined) return here
  const stamped = [first, ...others].flatMap((network) => {
    const stamp = stampOf(network.tags)
    return stamp === null ? [] : [{ network, stamp }]
  })
  stamped.sort((one, other) => one.stamp.at - other.stamp.at || one.stamp.random - other.stamp.random)
  return stamped[0]?.network
}
