/**
 * Where the secret of a cloud's webhook is kept, from the settings. In: settings, an environment. Out: its keeper: a secret of AWS where
 * one is named, with the cloud's name behind it, else a file of the cloud beside the records.
 */
import { join } from 'node:path'
import { type SecretKeeper, secretInAws, secretInFile } from '../webhook/secret.ts'
import { awsSecret } from './awsSecret.ts'
import { secretsClient } from './clients.ts'
import type { Environment } from './configuration.ts'
import type { Settings } from './settings.ts'

export function webhookSecretOf(settings: Settings, environment: Environment): SecretKeeper {
  const { BRIDGEKEEPER_WEBHOOK_SECRET: name, BRIDGEKEEPER_CLOUD: cloud, BRIDGEKEEPER_DATA: data } = settings
  if (name === undefined) return secretInFile(join(data, 'webhook', cloud, 'secret'))
  return secretInAws(awsSecret(secretsClient(environment), `${name}/${cloud}`))
}
