/**
 * From an error to the lines that an operator reads: what, its value, the fix; never a stack, never a secret. In: what
 * was thrown, and the deployment that it came from. Out: text, one line a problem.
 */

import { CredentialsUnusable } from '../../shared/certificate/credentials.ts'
import { CertificateRefused } from '../../shared/certificate/judge.ts'
import { KeepingFailed } from '../../shared/certificate/keeper.ts'
import { CloudStackError } from '../../shared/cloudstack/errors.ts'
import { NothingSelected } from '../../shared/flow/backfill.ts'
import { HostKeysOvertaken, HostKeysRefused } from '../../shared/flow/hostKeys.ts'
import { PauseOvertaken } from '../../shared/flow/pause.ts'
import { ReleaseOvertaken } from '../../shared/flow/release.ts'
import { TooManyComparisons } from '../../shared/hypervisors/kvm/knownHostsOfAll.ts'
import { NotSent } from '../../shared/queue/sqs.ts'
import { RevisionDamaged } from '../../shared/reconcile/revision.ts'
import { ConfigurationError } from '../../shared/runtime/configuration.ts'
import { shownAddress } from '../../shared/runtime/shown.ts'
import { ItemMalformed } from '../../shared/store/items.ts'
import { SecretUnusable } from '../../shared/webhook/secret.ts'
import type { Deployment } from './deployment.ts'
import { NoPage } from './page/pageCommand.ts'
import { oneLine } from './printable.ts'
import { UsageError } from './selectors.ts'

/** Errors whose message was written for an operator. */
const ours = [
  CertificateRefused,
  CredentialsUnusable,
  SecretUnusable,
  KeepingFailed,
  ConfigurationError,
  NothingSelected,
  UsageError,
  NotSent,
  ItemMalformed,
  RevisionDamaged,
  ReleaseOvertaken,
  PauseOvertaken,
  HostKeysOvertaken,
  HostKeysRefused,
  TooManyComparisons,
  CloudStackError,
  NoPage,
]

export function explain(error: unknown, deployment: Deployment | undefined): string {
  if (!(error instanceof Error)) return unexpected('Error', String(error))
  if (ours.some((kind) => error instanceof kind)) return error.message.split('\n').map(oneLine).join('\n')
  return unreachable(error, deployment) ?? refusedByAws(error, deployment) ?? unexpected(error.name, error.message)
}

const unexpected = (name: string, message: string): string =>
  `unexpected ${oneLine(name)}: ${oneLine(message)}. Please report it with the command that you ran.`

const networkCodes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses the connection',
  ECONNRESET: 'broke the connection off',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  ENOTFOUND: 'has a name that nobody knows',
  EAI_AGAIN: 'has a name that cannot be looked up now',
  ETIMEDOUT: 'does not answer in time',
  TimeoutError: 'does not answer in time',
}

function unreachable(error: Error, deployment: Deployment | undefined): string | undefined {
  const code = [codeOf(error), error.name].find((candidate) => candidate !== undefined && candidate in networkCodes)
  if (code === undefined) return undefined
  const place = placeOf(error, deployment)
  return `${deployment?.name ?? 'the deployment'}: ${place} ${networkCodes[code]} (${code}): ${deployment?.whenSilent ?? 'check the network'}.`
}

const codeOf = (error: Error): string | undefined => ('code' in error ? String(error.code) : undefined)

const endpointNames = ['AWS_ENDPOINT_URL_DYNAMODB', 'AWS_ENDPOINT_URL_SQS', 'AWS_ENDPOINT_URL'] as const

/** The endpoint that failed, with the variable that names it where one does. */
function placeOf(error: Error, deployment: Deployment | undefined): string {
  const environment = deployment?.environment ?? {}
  const [first] = error instanceof AggregateError ? error.errors : [error]
  const port = first instanceof Error && 'port' in first ? String(first.port) : undefined
  const host = first instanceof Error && 'hostname' in first ? String(first.hostname) : undefined
  const named = endpointNames.find((name) => {
    const value = environment[name]
    if (value === undefined || !URL.canParse(value)) return false
    const url = new URL(value)
    return port === undefined ? host === undefined || url.hostname === host : portOf(url) === port
  })
  if (named === undefined) return host === undefined ? 'AWS' : oneLine(host)
  const url = address(environment[named] ?? '')
  return deployment?.byVariables ? `${named}=${JSON.stringify(url)}` : url
}

/** An address fit to be shown: without a password that it may carry. */
const address = (url: string): string => oneLine(shownAddress(url))

const portOf = ({ port, protocol }: URL): string => port || (protocol === 'https:' ? '443' : '80')

type Sentence = (where: string, deployment: Deployment | undefined, error: Error) => string

const tableMissing: Sentence = (where, deployment) =>
  deployment?.stage === undefined
    ? `BRIDGEKEEPER_TABLE=${JSON.stringify(deployment?.environment.BRIDGEKEEPER_TABLE ?? '')} does not exist in ${where}: correct the name, or deploy first.`
    : `the table bridgekeeper-${deployment.stage} does not exist in ${where}: correct --stage or --region, or deploy the stage first.`
const queueMissing: Sentence = (where, deployment) =>
  deployment?.stage === undefined
    ? `BRIDGEKEEPER_QUEUE_SNAPSHOT=${JSON.stringify(deployment?.environment.BRIDGEKEEPER_QUEUE_SNAPSHOT ?? '')} does not exist in ${where}: correct the address, or deploy first.`
    : `the queue bridgekeeper-${deployment.stage}-snapshot.fifo does not exist in ${where}: correct --stage or --region, or deploy the stage first.`
const noCredentials: Sentence = (_, __, error) =>
  `no usable AWS credentials (${oneLine(error.message)}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in with the AWS command line.`
const expired: Sentence = () => 'the AWS credentials have expired: log in again, or renew AWS_SESSION_TOKEN.'
const keyRefused: Sentence = (where) =>
  `${where} does not accept the access key: check AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`
const notAllowed: Sentence = (where, _, error) =>
  `${where} does not allow this (${oneLine(error.message)}): ask for the right that it names.`
const tooFast: Sentence = (where) => `${where} asks to slow down: try again in a minute.`

const sentences: Readonly<Record<string, Sentence>> = {
  ResourceNotFoundException: tableMissing,
  QueueDoesNotExist: queueMissing,
  'AWS.SimpleQueueService.NonExistentQueue': queueMissing,
  CredentialsProviderError: noCredentials,
  TokenProviderError: noCredentials,
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  RequestExpired: expired,
  UnrecognizedClientException: keyRefused,
  InvalidClientTokenId: keyRefused,
  InvalidSignatureException: keyRefused,
  SignatureDoesNotMatch: keyRefused,
  AccessDenied: notAllowed,
  AccessDeniedException: notAllowed,
  ThrottlingException: tooFast,
  ProvisionedThroughputExceededException: tooFast,
  RequestLimitExceeded: tooFast,
}

function refusedByAws(error: Error, deployment: Deployment | undefined): string | undefined {
  if (/^Region (is missing|not accepted)/.test(error.message)) {
    return 'AWS_REGION is not set, or is no region: set it, or give --region with --stage.'
  }
  const where = deployment?.name ?? 'AWS'
  const sentence = Object.hasOwn(sentences, error.name) ? sentences[error.name] : undefined
  if (sentence !== undefined) return sentence(placeOnAws(deployment), deployment, error)
  if (statusOf(error) === 403) return keyRefused(where, deployment, error)
  return answersOtherwise.includes(error.name)
    ? `${where}: what answers at ${placeOnAws(deployment)} is not DynamoDB or SQS: correct the address.`
    : undefined
}

/** What the SDK makes of an answer that it cannot read. */
const answersOtherwise = ['Unknown', 'UnknownError', 'SyntaxError']

function placeOnAws(deployment: Deployment | undefined): string {
  const environment = deployment?.environment ?? {}
  const endpoint = environment.AWS_ENDPOINT_URL_DYNAMODB ?? environment.AWS_ENDPOINT_URL
  if (endpoint !== undefined) return address(endpoint)
  const region = environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION
  return region === undefined ? 'AWS' : `AWS ${oneLine(region)}`
}

function statusOf(error: Error): number | undefined {
  const metadata: unknown = '$metadata' in error ? error.$metadata : undefined
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined
}
