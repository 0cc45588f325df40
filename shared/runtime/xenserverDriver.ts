/**
 * The driver that reaches XenServer and XCP-ng pools, from the settings. In: a runtime. Out: a Driver, or a ConfigurationError that
 * names the setting which is missing or cannot be used. Sessions are shared by all runs of a process.
 */
import { objectLease } from '../flow/objectLease.ts'
import type { Driver } from '../hypervisors/driver.ts'
import { type CredentialsFile, credentialsFor, parseCredentials } from '../hypervisors/xenserver/credentials.ts'
import { createXapiPools, createXenServerDriver } from '../hypervisors/xenserver/driver.ts'
import type { Pools } from '../hypervisors/xenserver/pool.ts'
import { readLogins } from './logins.ts'
import type { Runtime } from './runtime.ts'
import type { Settings } from './settings.ts'

const poolsAt = new Map<number, Pools>()

/** @throws ConfigurationError */
export function xenserverDriverOf({ settings, ports, policy, secret }: Runtime): Driver {
  const port = settings.BRIDGEKEEPER_XAPI_PORT
  const pools = poolsAt.get(port) ?? createXapiPools(port)
  poolsAt.set(port, pools)
  return createXenServerDriver({
    credentials: async (target) => credentialsFor(await xapiCredentials(settings, secret, ports.now), target),
    lease: ({ zone }) => objectLease(ports, { cloud: policy.cloud, zone }),
    mark: settings.BRIDGEKEEPER_MARK,
    now: ports.now,
    random: ports.random,
    hostnames: settings.BRIDGEKEEPER_HOSTNAMES,
    pools,
  })
}

/** @throws ConfigurationError, and what AWS throws */
export const xapiCredentials = (
  settings: Settings,
  secret: Runtime['secret'],
  now: () => number,
): Promise<CredentialsFile> =>
  readLogins(
    {
      file: ['BRIDGEKEEPER_XAPI_CREDENTIALS_FILE', settings.BRIDGEKEEPER_XAPI_CREDENTIALS_FILE],
      secret: ['BRIDGEKEEPER_XAPI_SECRET', settings.BRIDGEKEEPER_XAPI_SECRET],
      of: 'who logs in to XenServer pools',
      page: 'docs/xenserver.md',
      parse: parseCredentials,
    },
    settings.BRIDGEKEEPER_CLOUD,
    secret,
    now,
  )
