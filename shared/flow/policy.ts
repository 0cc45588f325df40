/** From the settings to the numbers that the flow decides by. In: settings. Out: durations in milliseconds, shares. */
import { type DriverEntry, registry } from '../hypervisors/registry.ts'
import type { BackoffPolicy } from '../reconcile/backoff.ts'
import type { CandidatePolicy } from '../reconcile/candidates.ts'
import type { SelectPolicy } from '../reconcile/select.ts'
import type { Settings } from '../runtime/settings.ts'

export interface Policy extends CandidatePolicy, SelectPolicy, BackoffPolicy {
  readonly cloud: string
  readonly outstandingMilliseconds: number
  readonly listMilliseconds: number
  readonly driverOf: (hypervisor: string) => DriverEntry | undefined
}

const day = 24 * 60 * 60 * 1000

export const policyOf = (settings: Settings): Policy => ({
  cloud: settings.BRIDGEKEEPER_CLOUD,
  mode: settings.BRIDGEKEEPER_MODE,
  verifyMilliseconds: settings.BRIDGEKEEPER_VERIFY_SECONDS * 1000,
  repeatMilliseconds: day,
  verifyPerTick: settings.BRIDGEKEEPER_VERIFY_PER_TICK,
  rolloutPercent: settings.BRIDGEKEEPER_ROLLOUT_PERCENT,
  baseMilliseconds: settings.BRIDGEKEEPER_BACKOFF_SECONDS * 1000,
  maxMilliseconds: settings.BRIDGEKEEPER_BACKOFF_MAX_SECONDS * 1000,
  outstandingMilliseconds: settings.BRIDGEKEEPER_OUTSTANDING_SECONDS * 1000,
  listMilliseconds: settings.BRIDGEKEEPER_LIST_SECONDS * 1000,
  driverOf: (hypervisor) => {
    const name = settings.BRIDGEKEEPER_DRIVERS[hypervisor]
    return name === undefined ? undefined : registry[name]
  },
})
