/**
 * What a function, or a client beside the functions, finds in its environment. In: the deployment, the addresses of the
 * embedded parts, what the operator set. Out: variables. A function gets the references that serverless.yml gives it
 * and no others, so that what is missing there is missing here.
 */
import type { AccessKey } from './accessKey.ts'
import type { Deployment, FunctionDeployment } from './deployment.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface Addresses {
  readonly region: string
  readonly dynamoDb: string
  readonly sqs: string
  readonly key: AccessKey
  /** By a resource's id: a table's name or a queue's address. */
  readonly resources: ReadonlyMap<string, string>
}

const clients = ({ region, dynamoDb, sqs, key }: Addresses): Readonly<Record<string, string>> => ({
  AWS_REGION: region,
  AWS_ENDPOINT_URL_DYNAMODB: dynamoDb,
  AWS_ENDPOINT_URL_SQS: sqs,
  AWS_ACCESS_KEY_ID: key.accessKeyId,
  AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
})

/** CloudFormation would put a secret in; here the operator's own environment has it, or it is missing. */
const isDynamicReference = (text: string): boolean => text.startsWith('{{resolve:')

/** Here what is secret is in files, unless the operator's own environment names a secret; and whoever starts it measures. */
const isOfAws = (name: string): boolean =>
  /^BRIDGEKEEPER_((CLOUDSTACK|SSH|AGENT|WEBHOOK|XAPI|VCENTER)_SECRET|METRICS)$/.test(name)

const isAddress = (name: string): boolean =>
  name.startsWith('AWS_') || name === 'BRIDGEKEEPER_TABLE' || name.startsWith('BRIDGEKEEPER_QUEUE_')

/** @param given the operator's settings; addresses among them are ignored, since these parts have their own. */
export const functionEnvironment = (
  deployed: FunctionDeployment,
  addresses: Addresses,
  given: Environment,
): Readonly<Record<string, string>> => ({
  ...writtenEnvironment(deployed, Object.fromEntries(Object.entries(given).filter(([name]) => !isAddress(name)))),
  ...referred(deployed.references, addresses),
  ...clients(addresses),
})

/** What serverless.yml writes for a function in plain text; what the operator sets wins. */
export function writtenEnvironment(
  { texts }: FunctionDeployment,
  given: Environment,
): Readonly<Record<string, string>> {
  const written = Object.entries(texts).filter(([name, text]) => !isDynamicReference(text) && !isOfAws(name))
  const set = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
  return Object.fromEntries([...written, ...set])
}

/** For clients: every table and queue that any function is given, and how to reach them. */
export const clientEnvironment = (
  { functions }: Deployment,
  addresses: Addresses,
): Readonly<Record<string, string>> => ({
  ...Object.assign({}, ...functions.map(({ references }) => referred(references, addresses))),
  ...clients(addresses),
})

const referred = (references: Readonly<Record<string, string>>, { resources }: Addresses): Record<string, string> =>
  Object.fromEntries(Object.entries(references).map(([name, id]) => [name, resources.get(id) ?? '']))
