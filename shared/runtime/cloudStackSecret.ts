/**
 * CloudStack's address and keys, kept in AWS Secrets Manager. In: the setting that names the secret, secrets, the time. Out: the settings
 * as if the environment had them, or a CloudStack that reads them as it is asked, so that keys which were rotated are taken at once:
 *
 * | CloudStack answers                  | what is done                                                                       |
 * |-------------------------------------|------------------------------------------------------------------------------------|
 * | anything but 401                    | the answer, or its error                                                           |
 * | 401, and the secret now says other  | asked once more with these; whatever comes then is told                            |
 * | 401, and the secret says the same   | the 401, with the secret's name; AWS is asked again by whoever comes 10 s later    |
 */
import * as z from 'zod/mini'
import type { CloudStack } from '../cloudstack/client.ts'
import { RequestRefused } from '../cloudstack/errors.ts'
import { parsePrivateJson } from '../hypervisors/credentialsFile.ts'
import type { AwsSecret } from './awsSecret.ts'
import {
  ConfigurationError,
  type Environment,
  parseConfiguration,
  parseConfigurationWithCloudStack,
} from './configuration.ts'
import { heldSecret, secretAnew } from './heldSecret.ts'
import { readSecret } from './logins.ts'
import { type Settings, type SettingsWithCloudStack, settingsWithCloudStack } from './settings.ts'
import { shownValue } from './shown.ts'

const setting = 'BRIDGEKEEPER_CLOUDSTACK_SECRET'
type SecretOf = (name: string) => AwsSecret

const { CLOUDSTACK_API_URL, CLOUDSTACK_API_KEY, CLOUDSTACK_SECRET_KEY } = settingsWithCloudStack.shape
const account = z.strictObject({
  url: CLOUDSTACK_API_URL,
  apiKey: CLOUDSTACK_API_KEY,
  secretKey: CLOUDSTACK_SECRET_KEY,
})

/** @throws ConfigurationError, and what AWS throws where it has no answer */
export async function readCloudStackSettings(
  environment: Environment,
  secretOf: SecretOf,
  now: () => number,
): Promise<SettingsWithCloudStack> {
  const settings = parseConfiguration(environment)
  if (settings[setting] === undefined) return parseConfigurationWithCloudStack(environment)
  return readWith(environment, settings, secretOf, (whole) => heldSecret(secretOf, whole, now()))
}

/** @param make the client for one pair of keys. @returns what throws each mistake of the secret when it is asked */
export function cloudStackBySecret(
  environment: Environment,
  settings: Settings,
  secretOf: SecretOf,
  now: () => number,
  make: (settings: SettingsWithCloudStack) => CloudStack,
): CloudStack {
  let last: { readonly keys: string; readonly client: CloudStack } | undefined
  const clientBy = async (read: typeof heldSecret): Promise<CloudStack> => {
    const found = await readWith(environment, settings, secretOf, (whole) => read(secretOf, whole, now()))
    const keys = JSON.stringify([found.CLOUDSTACK_API_URL, found.CLOUDSTACK_API_KEY, found.CLOUDSTACK_SECRET_KEY])
    if (last?.keys !== keys) last = { keys, client: make(found) }
    return last.client
  }
  const ask = async <T>(question: (client: CloudStack) => Promise<T>): Promise<T> => {
    const client = await clientBy(heldSecret)
    try {
      return await question(client)
    } catch (error) {
      if (!(error instanceof RequestRefused) || error.code !== 401) throw error
      const another = await clientBy(secretAnew)
      if (another === client) throw told(error, settings)
      return await question(another).catch((second: unknown) => {
        throw second instanceof RequestRefused && second.code === 401 ? told(second, settings) : second
      })
    }
  }
  return {
    listHosts: () => ask((client) => client.listHosts()),
    listFacts: () => ask((client) => client.listFacts()),
    network: (id) => ask((client) => client.network(id)),
    networksOn: (zone, physicalNetwork) => ask((client) => client.networksOn(zone, physicalNetwork)),
    changedSince: (cursor) => ask((client) => client.changedSince(cursor)),
    updateHost: (id, before) => ask((client) => client.updateHost(id, before)),
    reconnectHost: (id, before) => ask((client) => client.reconnectHost(id, before)),
    hostsNow: (which) => ask((client) => client.hostsNow(which)),
    call: (command, parameters, schema) => ask((client) => client.call(command, parameters, schema)),
  }
}

const told = ({ code, message }: RequestRefused, { [setting]: name = '', BRIDGEKEEPER_CLOUD }: Settings) =>
  new RequestRefused(
    code,
    `${message}; the keys are those of ${setting}=${shownValue(name)}, cloud ${BRIDGEKEEPER_CLOUD}`,
  )

async function readWith(
  environment: Environment,
  settings: Settings,
  secretOf: SecretOf,
  textOf: (whole: string) => Promise<string | undefined>,
): Promise<SettingsWithCloudStack> {
  const twice = ['CLOUDSTACK_API_URL', 'CLOUDSTACK_API_KEY', 'CLOUDSTACK_SECRET_KEY'].filter(
    (name) => environment[name],
  )
  if (twice.length > 0)
    throw new ConfigurationError(`${twice.join(', ')} and ${setting} are both set: keep them in one place.`)
  const place = {
    setting,
    name: settings[setting] ?? '',
    page: 'docs/aws.md',
    parse: (content: string) => parsePrivateJson(content, account),
  }
  const { url, apiKey, secretKey } = await readSecret(place, settings.BRIDGEKEEPER_CLOUD, secretOf, textOf)
  return parseConfigurationWithCloudStack({
    ...environment,
    CLOUDSTACK_API_URL: url,
    CLOUDSTACK_API_KEY: apiKey,
    CLOUDSTACK_SECRET_KEY: secretKey,
  })
}
