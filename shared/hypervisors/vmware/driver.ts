/**
 * The VMware driver (DESIGN 16, 17): one session a vCenter, whichever of its hosts a run is for. A look is one reading of the
 * datacenter, which runs of the same moment share, and one of the host's own networks where a label names a standard switch; both
 * are compared by the pure plan. In: credentials, the datacenter's lease, the mark. Out: a Driver.
 */
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
import { type Applied, apply, type Refusals, throwIfEnded } from './apply.ts'
import type { DatacenterFacts, HostNetworks, PrivateVlans, VimHost } from './facts.ts'
import { madeFor } from './marks.ts'
import { switchOf } from './names.ts'
import { orphansOf, remove } from './orphans.ts'
import { groupsOf, type Plan, plan } from './plan.ts'
import { readiness } from './readiness.ts'
import type { VimFault } from './soap.ts'
import { type Credentials, createVcenters, type Reading, type Vcenter, type Vcenters } from './vcenter.ts'

export interface VmwareOptions {
  /** @throws HostError Misconfigured where there are none for the host */
  readonly credentials: (target: Target) => Credentials | Promise<Credentials>
  readonly lease: (target: Target) => SharedLease
  /** What marks every group created here. */
  readonly mark: number
  readonly now: () => number
  /** What hosts are called in vCenter, by CloudStack's name for them, where the two differ. */
  readonly hostnames?: Readonly<Record<string, string>>
  /** Shared by the drivers of one process, so that a vCenter has one session. */
  readonly vcenters?: Vcenters
}

export function createVmwareDriver(options: VmwareOptions): Driver {
  const vcenters = options.vcenters ?? createVcenters()
  return {
    verifies: true,
    open: async (target, signal) => {
      const credentials = await options.credentials(target)
      return withoutSecrets(
        async () => openSession(await vcenters.open(credentials, signal), target, options, signal),
        () => [credentials.password],
      )
    },
  }
}

/** All that one look knows. */
interface Known {
  readonly reading: Reading
  readonly host: VimHost
  readonly own: HostNetworks | undefined
  readonly privateVlans: ReadonlyMap<string, PrivateVlans>
}

function openSession(vcenter: Vcenter, target: Target, options: VmwareOptions, signal: AbortSignal): Session {
  const { mark, now, hostnames = {} } = options
  const lease = options.lease(target)

  const read = async (since: number): Promise<{ readonly reading: Reading; readonly host: VimHost }> => {
    throwIfEnded(signal)
    const reading = await vcenter.read(since, signal)
    return { reading, host: hostIn(reading.facts, target, hostnames, vcenter.place) }
  }

  const know = async (
    since: number,
    desired: readonly DesiredNetwork[],
    labels: readonly GuestLabel[],
  ): Promise<Known> => {
    const { reading, host } = await read(since)
    const own = needsOwn(desired, labels, reading.facts, mark)
      ? await vcenter.hostNetworks(host.networkSystem, signal)
      : undefined
    return { reading, host, own, privateVlans: await readPrivateVlans(desired, reading.facts) }
  }

  async function readPrivateVlans(
    desired: readonly DesiredNetwork[],
    { switches }: DatacenterFacts,
  ): Promise<ReadonlyMap<string, PrivateVlans>> {
    const names = new Set(
      desired
        .flatMap(groupsOf)
        .flatMap((group) => ('vlan' in group && group.vlan.is === 'private' ? [group.on.name] : [])),
    )
    const needed = switches.filter(({ name }) => names.has(name))
    return new Map(
      await Promise.all(needed.map(async ({ ref }) => [ref.id, await vcenter.privateVlans(ref, signal)] as const)),
    )
  }

  const planFor = (desired: readonly DesiredNetwork[], { reading, host, own, privateVlans }: Known): Plan =>
    plan(desired, { datacenter: reading.facts, host, own, privateVlans })

  /** @param applied what was just done, which a reading that began later than that shows */
  async function look(
    desired: readonly DesiredNetwork[],
    labels: readonly GuestLabel[] = [],
    applied?: Applied,
  ): Promise<View> {
    const known = await know(applied?.since ?? vcenter.now(), desired, labels)
    const { reading, host, own } = known
    const found = planFor(desired, known)
    return {
      ...(host.bootTime === undefined ? {} : { bootId: host.bootTime }),
      ...told(found, applied?.refusals ?? new Map()),
      orphans: orphansOf(desired, labels, reading.facts, host, own, mark),
      readiness: readiness(labels, reading.facts, host, own),
      apply: async () => {
        const planned = async (since: number): Promise<{ readonly plan: Plan; readonly reading: Reading }> => {
          const again = await know(since, desired, [])
          return { plan: planFor(desired, again), reading: again.reading }
        }
        const { facts } = reading
        return look(desired, labels, await apply(found, { vcenter, host, facts, planned, lease, mark, now, signal }))
      },
    }
  }

  return {
    look: (desired, labels) => look(desired, labels),
    remove: (orphan, deadline) =>
      remove(orphan, deadline, {
        vcenter,
        read: async () => {
          const { reading, host } = await read(vcenter.now())
          return { facts: reading.facts, host }
        },
        lease,
        mark,
        now,
        signal,
      }),
    close: vcenter.close,
  }
}

/** A host's own networks are read only where something of them is asked for, or may be left of ours. */
function needsOwn(
  desired: readonly DesiredNetwork[],
  labels: readonly GuestLabel[],
  { networks }: DatacenterFacts,
  mark: number,
): boolean {
  const isStandard = ({ label }: { readonly label: string | null }): boolean => {
    const on = switchOf(label)
    return 'kind' in on && on.kind === 'standard'
  }
  return (
    [...desired, ...labels].some(isStandard) || networks.some((one) => one.group === undefined && madeFor(one, mark))
  )
}

/** What vCenter refused is told in its words, instead of what there would still be to do. */
function told(
  { changes, findings, devices }: Plan,
  refusals: Refusals,
): Pick<View, 'changes' | 'findings' | 'devices'> {
  const isRefused = ({ names }: { readonly names: readonly string[] }): boolean =>
    names.some((name) => refusals.has(name))
  const refused = changes.filter(isRefused).flatMap(({ names, physicalNetwork, uri, steps }): readonly Finding[] => {
    const fault = names.map((name) => refusals.get(name)).find((one) => one !== undefined)
    if (fault === undefined) return []
    const detail = `vCenter answered ${fault.message} to: ${steps.join(', ')}.`
    return [{ physicalNetwork, uri, reason: reasonOf(fault), detail }]
  })
  return {
    changes: changes
      .filter((change) => !isRefused(change))
      .map(({ physicalNetwork, uri, devices: names, steps }) => ({ physicalNetwork, uri, devices: names, steps })),
    findings: [...findings, ...refused],
    devices,
  }
}

const reasonOf = ({ type }: VimFault): Reason => (type === 'NotSupported' ? 'Unsupported' : 'VcenterFailed')

/** By its name in vCenter, case apart; or by its address where it is called so there. @throws HostError WrongHost */
function hostIn(
  { hosts }: DatacenterFacts,
  target: Target,
  hostnames: Readonly<Record<string, string>>,
  place: string,
): VimHost {
  const expected = Object.hasOwn(hostnames, target.name) ? (hostnames[target.name] ?? target.name) : target.name
  const named = (name: string) => hosts.filter((host) => host.name.toLowerCase() === name.toLowerCase())
  const byName = named(expected)
  const found = byName.length > 0 || target.address === '' ? byName : named(target.address)
  const [host, ...others] = found
  if (host === undefined || others.length > 0) {
    const what = host === undefined ? 'no host' : `${found.length} hosts`
    throw new HostError('WrongHost', `${place} shows this user ${what} named ${expected.slice(0, 80)}.`)
  }
  if (host.isConnected) return host
  throw new HostError('HostUnreachable', `${place} is not connected to ${host.name}.`)
}
