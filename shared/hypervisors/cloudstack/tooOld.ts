/**
 * Before 4.17 a management server sends a host nothing, neither when it connects nor on updateHost (FACTS A2, H): a request
 * would be answered with success, and do nothing. In: what the server says of itself. Out: nothing, or the reason why not.
 */
import { readVersion } from '../../cloudstack/about.ts'
import { capabilitiesOf, features } from '../../cloudstack/capabilities.ts'
import type { CloudStack } from '../../cloudstack/client.ts'
import { CloudStackError } from '../../cloudstack/errors.ts'
import { HostError } from '../driver.ts'

/** In words; undefined: a request does something, or the version tells nothing to the contrary. Pure. */
export function tooOld(version: string | undefined): string | undefined {
  if (capabilitiesOf(version).has('setsUpHosts') !== 'no') return undefined
  return `CloudStack is ${version}; only from ${features.setsUpHosts.since} on does it send a host its networks when it connects or is updated, so nothing was requested`
}

/** @throws HostError CloudStackTooOld, or CloudStackRefused when the version was asked for in vain */
export async function demandSetUps(cloudstack: Pick<CloudStack, 'call'>): Promise<void> {
  const why = tooOld(await versionOf(cloudstack))
  if (why !== undefined) throw new HostError('CloudStackTooOld', why)
}

async function versionOf(cloudstack: Pick<CloudStack, 'call'>): Promise<string | undefined> {
  try {
    return await readVersion(cloudstack)
  } catch (error) {
    if (!(error instanceof CloudStackError)) throw error
    throw new HostError('CloudStackRefused', `listCapabilities: ${error.message}`)
  }
}
