/**
 * One secret of AWS Secrets Manager, by its name. In: a client, the name. Out: its text, read and written whole. What AWS refuses is
 * thrown as it came: its errors name the right that lacks.
 */
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { secretsClient } from './clients.ts'
import type { Environment } from './configuration.ts'

export interface AwsSecret {
  /** In words. */
  readonly place: string
  /** @returns undefined where there is none */
  read(): Promise<string | undefined>
  /** @param description of a secret that is made by this */
  write(text: string, description: string): Promise<void>
}

export function awsSecret(client: Pick<SecretsManagerClient, 'send'>, name: string): AwsSecret {
  return {
    place: `the secret ${name} of AWS Secrets Manager`,
    read: async () => {
      try {
        return (await client.send(new GetSecretValueCommand({ SecretId: name }))).SecretString
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    write: async (SecretString, Description) => {
      try {
        await client.send(new PutSecretValueCommand({ SecretId: name, SecretString }))
      } catch (error) {
        if (!isMissing(error)) throw error
        await client.send(new CreateSecretCommand({ Name: name, SecretString, Description }))
      }
    },
  }
}

/** All that an environment reaches, through one client, which is made with the first. */
export function secretsOf(environment: Environment): (name: string) => AwsSecret {
  let client: SecretsManagerClient | undefined
  return (name) => {
    client ??= secretsClient(environment)
    return awsSecret(client, name)
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && error.name === 'ResourceNotFoundException'
