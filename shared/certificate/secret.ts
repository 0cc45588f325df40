/**
 * The certificate as one secret of AWS Secrets Manager: {"certificate":"…","key":"…","ca":"…"}, so that a write is whole by itself.
 * In: a client, the secret's name. Out: a Keeper. What AWS refuses is thrown as it came: its errors name the right that lacks.
 */
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import * as z from 'zod/mini'
import { awsSecret } from '../runtime/awsSecret.ts'
import { CredentialsUnusable } from './credentials.ts'
import type { Keeper } from './keeper.ts'

const text = z.string().check(z.minLength(1), z.maxLength(65_536))
const shape = z.object({ certificate: text, key: text, ca: text })

export function keptInSecret(client: Pick<SecretsManagerClient, 'send'>, name: string): Keeper {
  const secret = awsSecret(client, name)
  return {
    place: secret.place,
    read: async () => {
      const value = await secret.read()
      if (value === undefined) return undefined
      const found = shape.safeParse(jsonOf(value))
      if (found.success) return found.data
      throw new CredentialsUnusable(`the secret ${name} is not {"certificate":"…","key":"…","ca":"…"}`)
    },
    write: ({ certificate, key, ca }) =>
      secret.write(
        JSON.stringify({ certificate, key, ca }),
        'Bridgekeeper: the certificate by which its agents know it',
      ),
  }
}

function jsonOf(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}
