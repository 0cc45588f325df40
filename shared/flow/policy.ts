/** From the settings to the numbers that the flow decides by. In: settings. Out: durations in milliseconds, shares. */
import { type DriverEntry, driverNames, registry } from '../hypervisors/registry.ts'
import type { BackoffPolicy } from '../reconcile/backoff.ts'
import type { CandidatePolicy } from '../reconcile/candidates.ts'
import type { HoldPolicy } from '../reconcile/holds.ts'
import { type RatePolicy, ratePolicyOf } from '../reconcile/rate.ts'
import type { RemovalPolicy } from '../reconcile/removal.ts'
import type { SelectPolicy } from '../reconcile/select.ts'
import type { Settings } from '../runtime/settings.ts'
import type { Control } from '../store/items.ts'

export interface Policy extends CandidatePolicy, SelectPolicy, BackoffPolicy, HoldPolicy {
  readonly cloud: string
  readonly outstandingMilliseconds: number
  /** How all functions together pace their requests to CloudStack. */
  readonly rate: RatePolicy
  readonly listMilliseconds: number
  /** What is done about marked devices that nobody desires, and how long their network must be gone (DESIGN 4). */
  readonly removal: RemovalPolicy
  readonly graceMilliseconds: number
  /** How much may disappear from a listing at once and be believed (DESIGN 5). */
  readonly guardPercent: number
  /** How long the lines of the history are kept. */
  readonly historyMilliseconds: number
  /** Under which address the keys of hosts are known, and the jump host on the way to them. */
  readonly ssh: { readonly port: number; readonly jump?: { readonly address: string; readonly port: number } }
  /** By hypervisor, the name of its driver, and where it has a chain, of the one to fall back to. */
  readonly drivers: Readonly<Record<string, string>>
  readonly fallbacks: Readonly<Record<string, string>>
  readonly driverOf: (hypervisor: string) => DriverEntry | undefined
  readonly fallbackOf: (hypervisor: string) => DriverEntry | undefined
}

const day = 24 * 60 * 60 * 1000

export const policyOf = (settings: Settings): Policy => ({
  cloud: settings.BRIDGEKEEPER_CLOUD,
  mode: settings.BRIDGEKEEPER_MODE,
  rate: ratePolicyOf(settings.BRIDGEKEEPER_CLOUDSTACK_RATE, settings.BRIDGEKEEPER_CLOUDSTACK_BURST),
  verifyMilliseconds: settings.BRIDGEKEEPER_VERIFY_SECONDS * 1000,
  repeatMilliseconds: day,
  agentVerifyMilliseconds: settings.BRIDGEKEEPER_AGENT_VERIFY_SECONDS * 1000,
  verifyPerTick: settings.BRIDGEKEEPER_VERIFY_PER_TICK,
  rolloutPercent: settings.BRIDGEKEEPER_ROLLOUT_PERCENT,
  baseMilliseconds: settings.BRIDGEKEEPER_BACKOFF_SECONDS * 1000,
  maxMilliseconds: settings.BRIDGEKEEPER_BACKOFF_MAX_SECONDS * 1000,
  outstandingMilliseconds: settings.BRIDGEKEEPER_OUTSTANDING_SECONDS * 1000,
  removal: settings.BRIDGEKEEPER_REMOVAL,
  graceMilliseconds: settings.BRIDGEKEEPER_REMOVAL_GRACE_SECONDS * 1000,
  guardPercent: settings.BRIDGEKEEPER_GUARD_PERCENT,
  listMilliseconds: settings.BRIDGEKEEPER_LIST_SECONDS * 1000,
  holdHosts: settings.BRIDGEKEEPER_HOLD_HOSTS,
  holdPercent: settings.BRIDGEKEEPER_HOLD_PERCENT,
  probeMilliseconds: settings.BRIDGEKEEPER_HOLD_PROBE_SECONDS * 1000,
  historyMilliseconds: settings.BRIDGEKEEPER_HISTORY_DAYS * day,
  ssh: sshOf(settings),
  ...chosenDrivers(inChain(settings, 0), inChain(settings, 1)),
})

function sshOf({ BRIDGEKEEPER_SSH_PORT: port, BRIDGEKEEPER_SSH_JUMP: jump }: Settings): Policy['ssh'] {
  return { port, ...(jump === undefined ? {} : { jump: { address: jump.address, port: jump.port } }) }
}

/** By hypervisor, the n-th driver of its chain. */
const inChain = ({ BRIDGEKEEPER_DRIVERS: chains }: Settings, place: 0 | 1): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(chains).flatMap(([kind, names]) => (names[place] ? [[kind, names[place]]] : [])))

type Named = Readonly<Record<string, string>>

function chosenDrivers(
  drivers: Named,
  fallbacks: Named,
): Pick<Policy, 'drivers' | 'fallbacks' | 'driverOf' | 'fallbackOf'> {
  const entryOf = (chosen: Named) => (hypervisor: string) => {
    const name = driverNames.find((known) => known === chosen[hypervisor])
    return name === undefined ? undefined : registry[name]
  }
  return { drivers, fallbacks, driverOf: entryOf(drivers), fallbackOf: entryOf(fallbacks) }
}

/** What each good snapshot writes down of its policy, for those who read elsewhere. */
export const deployedSettings = (policy: Policy): Required<Control>['settings'] => ({
  mode: policy.mode,
  drivers: { ...policy.drivers },
  fallbacks: { ...policy.fallbacks },
  verifyMilliseconds: policy.verifyMilliseconds,
  agentVerifyMilliseconds: policy.agentVerifyMilliseconds,
  ssh: policy.ssh,
})

/** The policy as the functions have it: a status read with another environment must not judge otherwise. */
export const asDeployed = (policy: Policy, control: Control | undefined): Policy =>
  control?.settings === undefined
    ? policy
    : { ...policy, ...control.settings, ...chosenDrivers(control.settings.drivers, control.settings.fallbacks ?? {}) }
