/**
 * The checks of XenServer pools, only where the driver is chosen: who may log in, and whether the pools answer. In: evidence, the
 * settings of one cloud. Out: checks. They log in and read; nothing is changed.
 *
 * | check            | an error is                                                        |
 * |------------------|--------------------------------------------------------------------|
 * | XAPI credentials | a file that cannot be used; clusters that have no entry in it      |
 * | XAPI login       | a cluster whose first host that is Up cannot be looked at, and why |
 */
import { HostError } from '../../../shared/hypervisors/driver.ts'
import { credentialsFor } from '../../../shared/hypervisors/xenserver/credentials.ts'
import { createXapiPools, createXenServerDriver } from '../../../shared/hypervisors/xenserver/driver.ts'
import { compare } from '../../../shared/reconcile/desired.ts'
import type { HostFact } from '../../../shared/reconcile/model.ts'
import { reasons } from '../../../shared/reconcile/reasons.ts'
import { ConfigurationError } from '../../../shared/runtime/configuration.ts'
import type { Settings } from '../../../shared/runtime/settings.ts'
import { xapiCredentials } from '../../../shared/runtime/xenserverDriver.ts'
import type { Check, Finding } from './check.ts'
import type { Evidence } from './evidence.ts'

/** For all clusters of a cloud; for one of them. */
const atMost = 300
const oneLogin = 20_000
const shownClusters = 10

export function xenserverChecks(evidence: Pick<Evidence, 'hosts'>, settings: Settings): readonly Check[] {
  const served = Object.entries(settings.BRIDGEKEEPER_DRIVERS).flatMap(([hypervisor, chain]) =>
    chain.includes('xenserver') ? [hypervisor] : [],
  )
  if (served.length === 0) return []
  const hosts = async (): Promise<readonly HostFact[]> => {
    const answer = await evidence.hosts()
    return 'value' in answer ? answer.value.filter(({ hypervisor }) => served.includes(hypervisor)) : []
  }
  return [
    { name: 'XAPI credentials', atMost: 60, run: async () => [judgeCredentials(settings, await hosts())] },
    { name: 'XAPI login', atMost, run: async () => logins(settings, await hosts()) },
  ]
}

function judgeCredentials(settings: Settings, hosts: readonly HostFact[]): Finding {
  const wanted = 'an entry for each cluster of XenServer hosts, its zone, or a default'
  const check = 'XAPI credentials'
  const file = fileOf(settings)
  if (file instanceof ConfigurationError)
    return { check, level: 'error', found: file.message, wanted, fix: 'Put right what it says: docs/xenserver.md.' }
  const clusters = [...new Map(hosts.map((host) => [host.cluster, host])).values()]
  const lacking = clusters.filter((host) => hasNone(() => credentialsFor(file, host))).map(({ cluster }) => cluster)
  if (lacking.length === 0)
    return { check, level: 'ok', found: `${clusters.length} clusters, all have one`, wanted, fix: '' }
  const shown = lacking.slice(0, shownClusters).join(', ')
  const found = `${lacking.length} of ${clusters.length} clusters have none: ${shown}`
  return {
    check,
    level: 'error',
    found,
    wanted,
    fix: 'Add them to BRIDGEKEEPER_XAPI_CREDENTIALS_FILE: docs/xenserver.md.',
  }
}

function fileOf(settings: Settings): ReturnType<typeof xapiCredentials> | ConfigurationError {
  try {
    return xapiCredentials(settings)
  } catch (error) {
    if (error instanceof ConfigurationError) return error
    throw error
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

async function logins(settings: Settings, hosts: readonly HostFact[]): Promise<readonly Finding[]> {
  const file = fileOf(settings)
  if (file instanceof ConfigurationError) return []
  const up = hosts.filter(({ state }) => state === 'Up').sort((one, other) => compare(one.name, other.name))
  const ofClusters = [...Map.groupBy(up, ({ cluster }) => cluster).values()].flatMap(([first]) => first ?? [])
  const driver = createXenServerDriver({
    credentials: (target) => credentialsFor(file, target),
    lease: () => () => Promise.reject(new Error('a look takes no lease')),
    mark: settings.BRIDGEKEEPER_MARK,
    now: Date.now,
    random: Math.random,
    hostnames: settings.BRIDGEKEEPER_HOSTNAMES,
    pools: createXapiPools(settings.BRIDGEKEEPER_XAPI_PORT),
  })
  const findings: Finding[] = []
  for (const host of ofClusters) {
    const { zone, id, cluster, name, address, resourceState } = host
    const finding = { check: 'XAPI login', wanted: `a login to the pool of ${name}, and an answer that is understood` }
    try {
      const target = { cloud: settings.BRIDGEKEEPER_CLOUD, zone, id, cluster, name, address, resourceState }
      const session = await driver.open(target, AbortSignal.timeout(oneLogin))
      await session.look([]).finally(session.close)
      findings.push({ ...finding, level: 'ok', found: `${name} at ${address} is in a pool that answers`, fix: '' })
    } catch (error) {
      const [found, fix] =
        error instanceof HostError
          ? [error.message, reasons[error.reason].next]
          : [`no answer within ${oneLogin / 1000} s`, reasons.XapiUnreachable.next]
      findings.push({ ...finding, level: 'error', found: `${name}: ${found}`, fix })
    }
  }
  return findings
}
