/**
 * The certificate as one secret of AWS Secrets Manager: {"certificate":"…","key":"…","ca":"…"}, so that a write is whole by itself.
 * In: a client, the secret's name. Out: a Keeper. What AWS refuses is thrown as it came: its errors name the right that lacks.
 */
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import * as z from 'zod/mini'
import { CredentialsUnusable } from './credentials.ts'
import type { Keeper } from './keeper.ts'

const text = z.string().check(z.minLength(1), z.maxLength(65_536))
const secret = z.object({ certificate: text, key: text, ca: text })

export function keptInSecret(client: Pick<SecretsManagerClient, 'send'>, name: string): Keeper {
  return {
    place: `the secret ${name} of AWS Secrets Manager`,
    read: async () => {
      const value = await textOf(client, name)
      if (value === undefined) return undefined
      const found = secret.safeParse(jsonOf(value))
      if (found.success) return found.data
      throw new CredentialsUnusable(`the secret ${name} is not {"certificate":"…","key":"…","ca":"…"}`)
    },
    write: async ({ certificate, key, ca }) => {
      const SecretString = JSON.stringify({ certificate, key, ca })
      try {
        await client.send(new PutSecretValueCommand({ SecretId: name, SecretString }))
      } catch (error) {
        if (!isMissing(error)) throw error
        const Description = 'Bridgekeeper: the certificate by which its agents know it'
        await client.send(new CreateSecretCommand({ Name: name, SecretString, Description }))
      }
    },
  }
}

async function textOf(client: Pick<SecretsManagerClient, 'send'>, name: string): Promise<string | undefined> {
  try {
    return (await client.send(new GetSecretValueCommand({ SecretId: name }))).SecretString
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && error.name === 'ResourceNotFoundException'

function jsonOf(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}
