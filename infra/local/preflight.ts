/**
 * What is tried before the service starts, so that a mistake is one line now and not a failed snapshot each minute. In:
 * the settings. Out: nothing, or a ConfigurationError that names the variable, its value and the fix.
 */
import * as z from 'zod'
import { CloudStackError, RequestRefused } from '../../shared/cloudstack/errors.ts'
import { agentCertificateOf } from '../../shared/runtime/agentCertificate.ts'
import { secretsOf } from '../../shared/runtime/awsSecret.ts'
import type { Cloud } from '../../shared/runtime/clouds.ts'
import {
  ConfigurationError,
  type Environment,
  parseConfigurationWithCloudStack,
} from '../../shared/runtime/configuration.ts'
import { cloudStackOf } from '../../shared/runtime/runtime.ts'
import type { Settings, SettingsWithCloudStack } from '../../shared/runtime/settings.ts'
import { shownValue } from '../../shared/runtime/shown.ts'
import { sshKeyOf } from '../../shared/runtime/sshKey.ts'
import { vcenterCredentials } from '../../shared/runtime/vmwareDriver.ts'
import { xapiCredentials } from '../../shared/runtime/xenserverDriver.ts'

/**
 * All of them, so that every mistake is told at once. @param patient as of checkCloudStack
 * @throws ConfigurationError, a line for each mistake, with the cloud's name where there are several
 */
export async function checkClouds(clouds: readonly Cloud[], patient: boolean): Promise<void> {
  const checked = await Promise.allSettled(clouds.map(async ({ environment }) => checkCloud(environment, patient)))
  const problems = checked.flatMap((check, at) => {
    if (check.status === 'fulfilled') return []
    if (!(check.reason instanceof ConfigurationError)) throw check.reason
    const where = clouds.length > 1 ? `cloud ${clouds[at]?.name}: ` : ''
    return check.reason.message.split('\n').map((text) => `${where}${text}`)
  })
  if (problems.length > 0) throw new ConfigurationError(problems.join('\n'))
}

async function checkCloud(environment: Environment, patient: boolean): Promise<void> {
  checkPlaceOfKeys(environment)
  const settings = parseConfigurationWithCloudStack(environment)
  await checkDrivers(settings, environment)
  await checkCloudStack(settings, patient)
}

/** What runs here speaks to parts of this machine in AWS's place, and has no way to AWS itself. @throws ConfigurationError */
function checkPlaceOfKeys({ BRIDGEKEEPER_CLOUDSTACK_SECRET: name }: Environment): void {
  if (!name) return
  throw new ConfigurationError(
    `BRIDGEKEEPER_CLOUDSTACK_SECRET=${shownValue(name)} is for functions on AWS: give a service on this machine CLOUDSTACK_API_URL, CLOUDSTACK_API_KEY and CLOUDSTACK_SECRET_KEY instead.`,
  )
}

/** @throws ConfigurationError when a driver that is configured lacks what it needs. */
async function checkDrivers(settings: Settings, environment: Environment): Promise<void> {
  const drivers = Object.values(settings.BRIDGEKEEPER_DRIVERS).flat()
  if (drivers.includes('kvm-agent')) await agentCertificateOf(settings, environment, Date.now).anew()
  const secret = secretsOf(environment)
  if (drivers.includes('xenserver')) await xapiCredentials(settings, secret, Date.now)
  if (drivers.includes('vmware')) await vcenterCredentials(settings, secret, Date.now)
  if (drivers.includes('kvm-ssh')) await sshKeyOf(settings, secret, Date.now)
}

/**
 * One cheap signed question. @param patient a server that does not answer just now is no mistake of the configuration
 * @throws ConfigurationError
 */
async function checkCloudStack(settings: SettingsWithCloudStack, patient: boolean): Promise<void> {
  try {
    await cloudStackOf(settings, { timeoutMs: 15_000 }).call('listZones', {}, z.unknown())
  } catch (error) {
    if (!(error instanceof CloudStackError)) throw error
    if (patient && error.transient) return
    throw new ConfigurationError(line(settings.CLOUDSTACK_API_URL, error))
  }
}

const line = (url: string, error: CloudStackError): string =>
  error instanceof RequestRefused
    ? `CLOUDSTACK_API_KEY=(hidden) and CLOUDSTACK_SECRET_KEY=(hidden) do not work at ${shownValue(url)}: ${error.message}.`
    : `CLOUDSTACK_API_URL=${shownValue(url)} does not work: ${error.message}.`
