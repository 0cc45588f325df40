/**
 * Carries out a plan on a pool and one of its hosts. In: the pool, how to plan, its lease. Out: the changes made, or attempted;
 * what XAPI refused, name by name, so that one bad network stops no other. The next look tells what is there.
 *
 * - what concerns the whole pool (create, rename, destroy a network) is planned anew and done under the pool's lease
 * - then the pool is read again: the network that serves is the one that the tie-break names now, not the one just created
 * - what concerns this host needs no lease: nobody else works on its VLANs but CloudStack, and XAPI refuses a second one
 */
import pLimit from 'p-limit'
import { HostError, type SharedLease } from '../driver.ts'
import { aMoment, markKey, stampAhead, stampTag, uriKey, withoutAside } from './names.ts'
import type { HostAction, Plan, SharedAction, Step } from './plan.ts'
import type { Pool } from './pool.ts'
import { XapiFailure } from './xapi.ts'

export interface Applying {
  readonly pool: Pool
  /** Reads the pool, and plans for this host. */
  readonly planned: () => Promise<Plan>
  readonly lease: SharedLease
  /** Named after the pool. */
  readonly leaseName: string
  readonly mark: number
  readonly now: () => number
  readonly random: () => number
  readonly sleep: (milliseconds: number) => Promise<unknown>
  readonly signal: AbortSignal
}

/** By name, what XAPI refused. */
export type Refusals = ReadonlyMap<string, XapiFailure>

/** XAPI does one after the other, whatever it is asked; some at a time save the way there and back. */
const atOnce = 4
/** How long before its end a lease begins nothing. */
const leaseReserve = 10_000

/** @throws HostError when the pool does not answer, or its lease is not to be had */
export async function apply(first: Plan, applying: Applying): Promise<Refusals> {
  const { planned } = applying
  throwIfEnded(applying.signal)
  const refusals = new Map<string, XapiFailure>()
  const attempt = attempting(refusals)
  if (!first.steps.some(({ shared }) => shared.length > 0)) {
    await onHost(first, applying, attempt)
    return refusals
  }
  await onPool(applying, attempt)
  await onHost(await planned(), applying, attempt)
  if (first.steps.some(({ shared }) => shared.some(setsAside))) {
    await applying.sleep(aMoment)
    await onPool(applying, attempt)
  }
  return refusals
}

/** A double is destroyed only when whoever had found it by its name has shown itself. */
const setsAside = (action: SharedAction): boolean => action.do === 'rename' && withoutAside(action.name) !== action.name

const onPool = (applying: Applying, attempt: Attempt): Promise<void> =>
  applying.lease(applying.leaseName, applying.signal, async (until) => {
    await eachStep((await applying.planned()).steps, async ({ name, shared }) => {
      for (const action of shared) {
        if (applying.now() > until - leaseReserve) return
        await attempt(name, () => change(applying, ...callOf(action, applying)))
      }
    })
  })

type Attempt = (name: string, work: () => Promise<unknown>) => Promise<void>

/** What XAPI refuses for one name is kept for that name; what concerns the host ends everything. */
const attempting =
  (refusals: Map<string, XapiFailure>): Attempt =>
  async (name, work) => {
    if (refusals.has(name)) return
    try {
      await work()
    } catch (error) {
      if (!(error instanceof XapiFailure)) throw error
      refusals.set(name, error)
    }
  }

const onHost = ({ steps }: Plan, applying: Applying, attempt: Attempt): Promise<void> =>
  eachStep(steps, async ({ name, here }) => {
    for (const action of here) await attempt(name, () => doHere(action, applying))
  })

/**
 * Some at a time. After the first that fails none begins; it is thrown when nothing is under way any more, so that no lease ends
 * before its work does.
 */
async function eachStep(steps: readonly Step[], work: (step: Step) => Promise<void>): Promise<void> {
  const failures: unknown[] = []
  await pLimit(atOnce).map(steps, async (step) => {
    if (failures.length > 0) return
    await work(step).catch((error: unknown) => failures.push(error))
  })
  if (failures.length > 0) throw failures[0]
}

async function doHere(action: HostAction, applying: Applying): Promise<void> {
  switch (action.do) {
    case 'createVlan': {
      if (action.network === null) return // It could not be created in the pool: that refusal is known.
      const vlan = await change(applying, 'VLAN.create', [action.pif, action.tag, action.network])
      await change(applying, 'VLAN.set_other_config', [vlan, marks(applying.mark, action.uri)])
      return
    }
    case 'destroyVlan':
      await change(applying, 'VLAN.destroy', [action.vlan])
      return
    case 'plug':
      await change(applying, 'PIF.plug', [action.pif])
  }
}

function callOf(action: SharedAction, { mark, now, random }: Applying): [string, readonly unknown[]] {
  switch (action.do) {
    case 'createNetwork': {
      const stamp = { at: now() + stampAhead, random: Math.floor(random() * 0x7fffffff) }
      const record = {
        name_label: action.name,
        name_description: '',
        MTU: 1500,
        other_config: marks(mark, action.uri),
        tags: [stampTag(stamp)],
      }
      return ['network.create', [record]]
    }
    case 'rename':
      return ['network.set_name_label', [action.network, action.name]]
    case 'destroyNetwork':
      return ['network.destroy', [action.network]]
  }
}

const marks = (mark: number, uri: string): Readonly<Record<string, string>> => ({
  [markKey]: String(mark),
  [uriKey]: uri,
})

function change({ pool, signal }: Applying, method: string, parameters: readonly unknown[]): Promise<unknown> {
  throwIfEnded(signal)
  return pool.change(method, parameters, signal)
}

export function throwIfEnded(signal: AbortSignal): void {
  if (signal.aborted) throw new HostError('TimeOut', 'The run ended before all was done; the next one goes on.')
}
