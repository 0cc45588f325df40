/**
 * The checks of drivers that log in by credentials of a file or a secret, XenServer's and VMware's, only where they are chosen: who may log in,
 * and whether somebody answers. In: evidence, the settings of one cloud. Out: checks. They log in and read; nothing is changed.
 *
 * | check                                | an error is                                                        |
 * |--------------------------------------|--------------------------------------------------------------------|
 * | XAPI credentials, vCenter credentials| that they cannot be read or used; clusters that have no entry      |
 * | XAPI login, vCenter login            | a cluster whose first host that is Up cannot be looked at, and why |
 */
import { type Driver, HostError, type SharedLease } from '../../../shared/hypervisors/driver.ts'
import type { DriverName } from '../../../shared/hypervisors/registry.ts'
import * as vmware from '../../../shared/hypervisors/vmware/credentials.ts'
import { createVmwareDriver } from '../../../shared/hypervisors/vmware/driver.ts'
import * as xenserver from '../../../shared/hypervisors/xenserver/credentials.ts'
import { createXapiPools, createXenServerDriver } from '../../../shared/hypervisors/xenserver/driver.ts'
import { compare } from '../../../shared/reconcile/desired.ts'
import type { HostFact } from '../../../shared/reconcile/model.ts'
import { type Reason, reasons } from '../../../shared/reconcile/reasons.ts'
import { ConfigurationError } from '../../../shared/runtime/configuration.ts'
import type { Runtime } from '../../../shared/runtime/runtime.ts'
import type { Settings } from '../../../shared/runtime/settings.ts'
import { vcenterCredentials } from '../../../shared/runtime/vmwareDriver.ts'
import { xapiCredentials } from '../../../shared/runtime/xenserverDriver.ts'
import type { Check, Finding } from './check.ts'
import type { Evidence } from './evidence.ts'

/** For all clusters of a cloud; for one of them. */
const atMost = 300
const oneLogin = 20_000
const shownClusters = 10

/** What the checks of one driver need to know of it. */
interface Checked {
  readonly driver: DriverName
  readonly api: string
  readonly hosts: string
  /** Those that may name the credentials. */
  readonly settings: string
  readonly page: string
  readonly unreachable: Reason
  /** @returns what throws where a host has no entry. @throws ConfigurationError where they cannot be used */
  readonly entries: (settings: Settings, secret: SecretOf) => Promise<(host: HostFact) => unknown>
  /** One that only looks. @throws ConfigurationError */
  readonly looking: (settings: Settings, secret: SecretOf) => Promise<Driver>
}

type SecretOf = Runtime['secret']

const noLease = (): SharedLease => () => Promise.reject(new Error('a look takes no lease'))

const xapi: Checked = {
  driver: 'xenserver',
  api: 'XAPI',
  hosts: 'XenServer',
  settings: 'BRIDGEKEEPER_XAPI_CREDENTIALS_FILE or BRIDGEKEEPER_XAPI_SECRET',
  page: 'docs/xenserver.md',
  unreachable: 'XapiUnreachable',
  entries: async (settings, secret) => {
    const file = await xapiCredentials(settings, secret, Date.now)
    return (host) => xenserver.credentialsFor(file, host)
  },
  looking: async (settings, secret) => {
    const file = await xapiCredentials(settings, secret, Date.now)
    return createXenServerDriver({
      credentials: (target) => xenserver.credentialsFor(file, target),
      lease: noLease,
      mark: settings.BRIDGEKEEPER_MARK,
      now: Date.now,
      random: Math.random,
      hostnames: settings.BRIDGEKEEPER_HOSTNAMES,
      pools: createXapiPools(settings.BRIDGEKEEPER_XAPI_PORT),
    })
  },
}

const vcenter: Checked = {
  driver: 'vmware',
  api: 'vCenter',
  hosts: 'VMware',
  settings: 'BRIDGEKEEPER_VCENTER_CREDENTIALS_FILE or BRIDGEKEEPER_VCENTER_SECRET',
  page: 'docs/vmware.md',
  unreachable: 'VcenterUnreachable',
  entries: async (settings, secret) => {
    const file = await vcenterCredentials(settings, secret, Date.now)
    return (host) => vmware.credentialsFor(file, host)
  },
  looking: async (settings, secret) => {
    const file = await vcenterCredentials(settings, secret, Date.now)
    return createVmwareDriver({
      credentials: (target) => vmware.credentialsFor(file, target),
      lease: noLease,
      mark: settings.BRIDGEKEEPER_MARK,
      now: Date.now,
      hostnames: settings.BRIDGEKEEPER_HOSTNAMES,
    })
  },
}

export function loginChecks(evidence: Pick<Evidence, 'hosts'>, settings: Settings, secret: SecretOf): readonly Check[] {
  return [xapi, vcenter].flatMap((checked) => checksOf(checked, evidence, settings, secret))
}

function checksOf(
  checked: Checked,
  evidence: Pick<Evidence, 'hosts'>,
  settings: Settings,
  secret: SecretOf,
): readonly Check[] {
  const served = Object.entries(settings.BRIDGEKEEPER_DRIVERS).flatMap(([hypervisor, chain]) =>
    chain.includes(checked.driver) ? [hypervisor] : [],
  )
  if (served.length === 0) return []
  const hosts = async (): Promise<readonly HostFact[]> => {
    const answer = await evidence.hosts()
    return 'value' in answer ? answer.value.filter(({ hypervisor }) => served.includes(hypervisor)) : []
  }
  return [
    {
      name: `${checked.api} credentials`,
      atMost: 60,
      run: async () => [await judgeCredentials(checked, settings, secret, await hosts())],
    },
    { name: `${checked.api} login`, atMost, run: async () => logins(checked, settings, secret, await hosts()) },
  ]
}

async function judgeCredentials(
  checked: Checked,
  settings: Settings,
  secret: SecretOf,
  hosts: readonly HostFact[],
): Promise<Finding> {
  const wanted = `an entry for each cluster of ${checked.hosts} hosts, its zone, or a default`
  const check = `${checked.api} credentials`
  const entry = await orMistake(() => checked.entries(settings, secret))
  if (typeof entry === 'string')
    return { check, level: 'error', found: entry, wanted, fix: `Put right what it says: ${checked.page}.` }
  const clusters = [...new Map(hosts.map((host) => [host.cluster, host])).values()]
  const lacking = clusters.filter((host) => hasNone(() => entry(host))).map(({ cluster }) => cluster)
  if (lacking.length === 0)
    return { check, level: 'ok', found: `${clusters.length} clusters, all have one`, wanted, fix: '' }
  const shown = lacking.slice(0, shownClusters).join(', ')
  const found = `${lacking.length} of ${clusters.length} clusters have none: ${shown}`
  return { check, level: 'error', found, wanted, fix: `Add them to what ${checked.settings} names: ${checked.page}.` }
}

/** @returns in words what is wrong with the settings, or what AWS says */
async function orMistake<T extends object>(work: () => Promise<T>): Promise<T | string> {
  try {
    return await work()
  } catch (error) {
    return error instanceof ConfigurationError ? error.message : String(error).slice(0, 300)
  }
}

function hasNone(credentials: () => unknown): boolean {
  try {
    credentials()
    return false
  } catch {
    return true
  }
}

async function logins(
  checked: Checked,
  settings: Settings,
  secret: SecretOf,
  hosts: readonly HostFact[],
): Promise<readonly Finding[]> {
  const driver = await orMistake(() => checked.looking(settings, secret))
  if (typeof driver === 'string') return []
  const up = hosts.filter(({ state }) => state === 'Up').sort((one, other) => compare(one.name, other.name))
  const ofClusters = [...Map.groupBy(up, ({ cluster }) => cluster).values()].flatMap(([first]) => first ?? [])
  const findings: Finding[] = []
  for (const host of ofClusters) {
    const { zone, id, cluster, name, address, resourceState } = host
    const what = checked === xapi ? `the pool of ${name}` : `the vCenter of ${name}`
    const finding = { check: `${checked.api} login`, wanted: `a login to ${what}, and an answer that is understood` }
    try {
      const target = { cloud: settings.BRIDGEKEEPER_CLOUD, zone, id, cluster, name, address, resourceState }
      const session = await driver.open(target, AbortSignal.timeout(oneLogin))
      await session.look([]).finally(session.close)
      const found =
        checked === xapi ? `${name} at ${address} is in a pool that answers` : `${name} is in a vCenter that answers`
      findings.push({ ...finding, level: 'ok', found, fix: '' })
    } catch (error) {
      const [found, fix] =
        error instanceof HostError
          ? [error.message, reasons[error.reason].next]
          : [`no answer within ${oneLogin / 1000} s`, reasons[checked.unreachable].next]
      findings.push({ ...finding, level: 'error', found: `${name}: ${found}`, fix })
    }
  }
  return findings
}
