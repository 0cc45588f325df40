/**
 * The driver that asks CloudStack, from the settings. In: a runtime. Out: a Driver, with a lease of the zone for reconnecting
 * one host at a time, where that is allowed at all.
 */
import { createCloudStackDriver } from '../hypervisors/cloudstack/driver.ts'
import type { Reconnecting } from '../hypervisors/cloudstack/reconnect.ts'
import type { Driver } from '../hypervisors/driver.ts'
import { acquireLease, releaseLease } from '../store/leaseWrites.ts'
import type { Runtime } from './runtime.ts'

/** @throws ConfigurationError when the address or the keys of CloudStack are missing */
export function cloudStackDriverOf(runtime: Runtime): Driver {
  const { settings, ports, sleep, cloudstack } = runtime
  const allowed = settings.BRIDGEKEEPER_CLOUDSTACK_RECONNECT === 'allowed'
  return createCloudStackDriver(cloudstack(), {
    now: ports.now,
    ...(allowed ? { reconnecting: { lease: leaseOf(runtime), logger: ports.logger, sleep } } : {}),
  })
}

const leaseOf =
  ({ ports: { store, now, newId }, policy: { cloud } }: Runtime): Reconnecting['lease'] =>
  async (zone, milliseconds) => {
    const me = newId()
    const taken = await store.update(acquireLease(cloud, zone, 'reconnect', me, now(), now() + milliseconds))
    return taken === undefined ? undefined : { release: () => store.update(releaseLease(cloud, zone, 'reconnect', me)) }
  }
