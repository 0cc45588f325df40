/**
 * The AWS clients, from the environment that a function was given (never from the process's own, so that several
 * clouds run in one process). In: the environment. Out: clients. On Lambda it names neither endpoint nor keys, and the
 * SDK's own chain applies.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SQSClient } from '@aws-sdk/client-sqs'
import type { Environment } from './configuration.ts'

export const dynamoDbClient = (environment: Environment): DynamoDBClient =>
  new DynamoDBClient(options(environment, 'AWS_ENDPOINT_URL_DYNAMODB'))

export const sqsClient = (environment: Environment): SQSClient =>
  new SQSClient(options(environment, 'AWS_ENDPOINT_URL_SQS'))

export const secretsClient = (environment: Environment): SecretsManagerClient =>
  new SecretsManagerClient(options(environment, 'AWS_ENDPOINT_URL_SECRETS_MANAGER'))

/** Milliseconds. Without them a connection to an address that drops packets is waited for without end. */
const requestHandler = { connectionTimeout: 5000, requestTimeout: 10_000, throwOnRequestTimeout: true }

interface ClientOptions {
  readonly requestHandler: typeof requestHandler
  readonly region?: string
  readonly endpoint?: string
  readonly credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
}

function options(environment: Environment, endpointName: string): ClientOptions {
  const region = environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION
  const endpoint = environment[endpointName] ?? environment.AWS_ENDPOINT_URL
  const accessKeyId = environment.AWS_ACCESS_KEY_ID
  const secretAccessKey = environment.AWS_SECRET_ACCESS_KEY
  const sessionToken = environment.AWS_SESSION_TOKEN
  return {
    requestHandler,
    ...(region ? { region } : {}),
    ...(endpoint ? { endpoint } : {}),
    ...(accessKeyId && secretAccessKey
      ? { credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } }
      : {}),
  }
}
