/**
 * The driver that reaches VMware hosts through their vCenter, from the settings. In: a runtime. Out: a Driver, or a
 * ConfigurationError that names the setting which is missing or cannot be used. Sessions are shared by all runs of a process.
 */
import { objectLease } from '../flow/objectLease.ts'
import type { CredentialsFile } from '../hypervisors/credentialsFile.ts'
import type { Driver } from '../hypervisors/driver.ts'
import { credentialsFor, parseCredentials } from '../hypervisors/vmware/credentials.ts'
import { createVmwareDriver } from '../hypervisors/vmware/driver.ts'
import { type Credentials, createVcenters } from '../hypervisors/vmware/vcenter.ts'
import { readLogins } from './logins.ts'
import type { Runtime } from './runtime.ts'
import type { Settings } from './settings.ts'

const vcenters = createVcenters()

/** @throws ConfigurationError */
export function vmwareDriverOf({ settings, ports, policy, secret }: Runtime): Driver {
  return createVmwareDriver({
    credentials: async (target) => credentialsFor(await vcenterCredentials(settings, secret, ports.now), target),
    lease: ({ zone }) => objectLease(ports, { cloud: policy.cloud, zone }),
    mark: settings.BRIDGEKEEPER_MARK,
    now: ports.now,
    hostnames: settings.BRIDGEKEEPER_HOSTNAMES,
    vcenters,
  })
}

/** @throws ConfigurationError, and what AWS throws */
export const vcenterCredentials = (
  settings: Settings,
  secret: Runtime['secret'],
  now: () => number,
): Promise<CredentialsFile<Credentials>> =>
  readLogins(
    {
      file: ['BRIDGEKEEPER_VCENTER_CREDENTIALS_FILE', settings.BRIDGEKEEPER_VCENTER_CREDENTIALS_FILE],
      secret: ['BRIDGEKEEPER_VCENTER_SECRET', settings.BRIDGEKEEPER_VCENTER_SECRET],
      of: 'who logs in to vCenter',
      page: 'docs/vmware.md',
      parse: parseCredentials,
    },
    settings.BRIDGEKEEPER_CLOUD,
    secret,
    now,
  )
