/**
 * A host's state once its kernel has come to rest. In: a host. Out: what its kernel shows.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { BedHost } from '../../infra/local/bed/bed.ts'
import { differences, type KernelState, readState, stateCommand } from './kernelState.ts'

export const stateOf = async (host: BedHost): Promise<KernelState> => readState(await host.exec(stateCommand))

/** The kernel tells of carriers up to a second after they changed: two looks further apart than that must be alike. */
export async function settled(host: BedHost): Promise<KernelState> {
  let last = await stateOf(host)
  for (const end = Date.now() + 15_000; Date.now() < end; ) {
    await delay(1_200)
    const next = await stateOf(host)
    if (differences(last, next, () => false).length === 0) return next
    last = next
  }
  throw new Error(`host ${host.name} does not come to rest`)
}
