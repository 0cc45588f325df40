/**
 * The XenServer and XCP-ng driver (DESIGN 16, 17): one session a pool, whichever of its hosts a run is for; each look is one
 * reading of the whole pool, compared by the pure plan. In: credentials, the pool's lease, the mark. Out: a Driver.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { DesiredNetwork, GuestLabel } from '../../reconcile/model.ts'
import type { Reason } from '../../reconcile/reasons.ts'
import {
  type Driver,
  type Finding,
  HostError,
  type Session,
  type SharedLease,
  type Target,
  type View,
} from '../driver.ts'
import { withoutSecrets } from '../hidden.ts'
import { apply, type Refusals, throwIfEnded } from './apply.ts'
import type { PoolFacts, XapiHost } from './facts.ts'
import { orphansOf } from './orphans.ts'
import { type Plan, plan } from './plan.ts'
import { type Credentials, createPools, type Pool, type Pools } from './pool.ts'
import { readiness } from './readiness.ts'
import { remove } from './remove.ts'
import { type Connect, connectXapi, type XapiFailure } from './xapi.ts'

export interface XenServerOptions {
  /** @throws HostError Misconfigured where there are none for the host */
  readonly credentials: (target: Target) => Credentials | Promise<Credentials>
  /** Of the pool that a host is in. */
  readonly lease: (target: Target) => SharedLease
  /** What marks every object created here. */
  readonly mark: number
  readonly now: () => number
  readonly random: () => number
  /** Waits so many milliseconds; really, unless given. */
  readonly sleep?: (milliseconds: number) => Promise<unknown>
  /** What hosts call themselves, by CloudStack's name for them, where the two differ. */
  readonly hostnames?: Readonly<Record<string, string>>
  /** Shared by the drivers of one process, so that a pool has one session. */
  readonly pools?: Pools
}

export const xapiPort = 443

export const createXapiPools = (port: number = xapiPort, connect: Connect = connectXapi(port)): Pools =>
  createPools(connect)

export function createXenServerDriver(options: XenServerOptions): Driver {
  const pools = options.pools ?? createXapiPools()
  return {
    verifies: true,
    open: async (target, signal) => {
      if (target.address === '') throw new HostError('XapiUnreachable', 'CloudStack has no address for this host yet.')
      const credentials = await options.credentials(target)
      let pool: Pool | undefined
      return withoutSecrets(
        async () => {
          pool = await pools.open(target.address, credentials, signal)
          return openSession(pool, target, options, signal)
        },
        () => [credentials.password, ...(pool?.sessions() ?? [])],
      )
    },
  }
}

function openSession(pool: Pool, target: Target, options: XenServerOptions, signal: AbortSignal): Session {
  const { mark, now, random, sleep = delay, hostnames = {} } = options
  const lease = options.lease(target)
  let leaseName = ''
  let refusals: Refusals = new Map()

  const read = async (): Promise<{ readonly facts: PoolFacts; readonly host: XapiHost }> => {
    throwIfEnded(signal)
    const facts = await pool.read(signal)
    leaseName = `xapi-${facts.pool.uuid}`
    return { facts, host: hostIn(facts, target, hostnames) }
  }

  async function look(desired: readonly DesiredNetwork[], labels: readonly GuestLabel[] = []): Promise<View> {
    const { facts, host } = await read()
    const planFor = (seen: PoolFacts, self: XapiHost): Plan => plan(desired, seen, self, { mark, now: now() })
    const found = planFor(facts, host)
    const planned = async (): Promise<Plan> => {
      const again = await read()
      return planFor(again.facts, again.host)
    }
    return {
      ...(host.bootTime === undefined ? {} : { bootId: host.bootTime }),
      ...told(found, refusals),
      orphans: orphansOf(desired, labels, facts, host, mark),
      readiness: readiness(labels, facts, host),
      apply: async () => {
        refusals = await apply(found, { pool, planned, lease, leaseName, mark, now, random, sleep, signal })
        return look(desired, labels)
      },
    }
  }

  return {
    look,
    remove: async (orphan, deadline) => {
      if (leaseName === '') throw new Error('an orphan is removed after a look only')
      return remove(orphan, deadline, { pool, read, lease, leaseName, mark, now, sleep, signal })
    },
    close: pool.close,
  }
}

/** What XAPI refused is told in its words, instead of what there would still be to do. */
function told(
  { changes, findings, devices }: Plan,
  refusals: Refusals,
): Pick<View, 'changes' | 'findings' | 'devices'> {
  const refused = changes.flatMap(({ name, physicalNetwork, uri, steps }): readonly Finding[] => {
    const refusal = refusals.get(name)
    if (refusal === undefined) return []
    const detail = `XAPI answered ${refusal.message} to: ${steps.join(', ')}.`
    return [{ physicalNetwork, uri, reason: reasonOf(refusal), detail }]
  })
  const open = changes.filter(({ name }) => !refusals.has(name))
  return {
    changes: open.map(({ physicalNetwork, uri, devices: names, steps }) => ({
      physicalNetwork,
      uri,
      devices: names,
      steps,
    })),
    findings: [...findings, ...refused],
    devices,
  }
}

const reasonsOf: Readonly<Record<string, Reason>> = {
  CANNOT_ADD_VLAN_TO_BOND_SLAVE: 'UplinkUnusable',
  PIF_IS_VLAN: 'UplinkUnusable',
  IS_TUNNEL_ACCESS_PIF: 'UplinkUnusable',
  PIF_UNMANAGED: 'UplinkUnusable',
  PIF_VLAN_EXISTS: 'Conflict',
  VLAN_IN_USE: 'Conflict',
  NETWORK_ALREADY_CONNECTED: 'Conflict',
  VLAN_TAG_INVALID: 'Unsupported',
}

const reasonOf = ({ code }: XapiFailure): Reason =>
  Object.hasOwn(reasonsOf, code) ? (reasonsOf[code] ?? 'XapiFailed') : 'XapiFailed'

/** By its address; and it must call itself as CloudStack does, by the first label and case apart. @throws HostError WrongHost */
function hostIn(facts: PoolFacts, target: Target, hostnames: Readonly<Record<string, string>>): XapiHost {
  const host = facts.hosts.find(({ address }) => address.toLowerCase() === target.address.toLowerCase())
  if (host === undefined) {
    throw new HostError('WrongHost', `The pool that answers at ${target.address} has no host of this address.`)
  }
  const expected = Object.hasOwn(hostnames, target.name) ? (hostnames[target.name] ?? target.name) : target.name
  if ([host.name, host.hostname].some((name) => firstLabel(name) === firstLabel(expected))) return host
  const calls = `The host at ${target.address} calls itself ${host.name.slice(0, 80)}`
  throw new HostError('WrongHost', `${calls}, not ${expected}.`)
}

const firstLabel = (name: string): string => name.toLowerCase().split('.')[0] ?? ''
