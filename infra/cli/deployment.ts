/**
 * Which deployment a command speaks to, and about which of its clouds. In: --stage, --region and --cloud, the environment, the
 * file that a service on this machine writes. Out: the environment as a function of that deployment would have it for that cloud.
 *
 * | given                        | deployment                                                              |
 * |------------------------------|-------------------------------------------------------------------------|
 * | --stage S                    | on AWS, names by convention: table bridgekeeper-S, …-S-<function>.fifo   |
 * | BRIDGEKEEPER_TABLE           | what the environment names, AWS or AWS_ENDPOINT_URL_DYNAMODB and _SQS    |
 * | BRIDGEKEEPER_DATA/service.json | the service on this machine (npm start)                               |
 */
import { readFileSync, statSync } from 'node:fs'
import { GetQueueUrlCommand } from '@aws-sdk/client-sqs'
import { sqsClient } from '../../shared/runtime/clients.ts'
import { type Cloud, cloudOf, cloudsOf } from '../../shared/runtime/clouds.ts'
import { ConfigurationError, type Environment, parseConfiguration } from '../../shared/runtime/configuration.ts'
import { queueUrlsOf } from '../../shared/runtime/runtime.ts'
import { type Service, serviceFile, serviceSchema } from '../local/cloud/dataDirectory.ts'
import { UsageError } from './selectors.ts'
import { settingsOfStage } from './stage.ts'

export interface Where {
  readonly stage?: string
  readonly region?: string
  readonly cloud?: string
}

export interface Deployment {
  /** For people: which one, and what to do when it does not answer. */
  readonly name: string
  readonly whenSilent: string
  /** Whether the operator's own variables name its addresses. */
  readonly byVariables: boolean
  /** Of a deployment by convention. */
  readonly stage?: string
  readonly environment: Environment
}

/** @throws UsageError, ConfigurationError when there is none, or it cannot be read. */
export function findDeployment({ stage, region, cloud }: Where, environment: Environment): Deployment {
  const found = deploymentAt({ ...(stage && { stage }), ...(region && { region }) }, environment)
  return { ...found, environment: ofCloud(found.environment, cloud) }
}

/** Where nothing names the clouds, as beside a stage on AWS, the operator may name any. @throws UsageError */
function ofCloud(environment: Environment, cloud: string | undefined): Environment {
  if (cloud !== undefined && !environment.BRIDGEKEEPER_CLOUD) return { ...environment, BRIDGEKEEPER_CLOUD: cloud }
  const names = cloudsOf(environment).map(({ name }) => name)
  const all = names.join(', ')
  if (cloud === undefined && names.length > 1)
    throw new UsageError(`there are several clouds: name one with --cloud: ${all}.`)
  if (cloud !== undefined && !names.includes(cloud))
    throw new UsageError(`--cloud ${JSON.stringify(cloud.slice(0, 64))} is none of the clouds here: ${all}.`)
  return cloudOf(environment, cloud).environment
}

/**
 * The clouds that a command is for which speaks to CloudStack and to no deployment: of the environment, or with the settings of a stage on AWS.
 * @param found is told of the stage. @throws UsageError, ConfigurationError
 */
export function cloudsAt(
  { stage, region, cloud }: Where,
  environment: Environment,
  found: (deployment: Deployment) => void,
): readonly [Cloud, ...Cloud[]] {
  if (stage === undefined && region !== undefined) throw regionAlone(region)
  if (stage === undefined) return cloud === undefined ? cloudsOf(environment) : [cloudOf(environment, cloud)]
  const deployment = stageOnAws(stage, region, environment)
  found(deployment)
  const settings = settingsOfStage(stage, deployment.environment)
  return cloud === undefined ? cloudsOf(settings) : [{ name: cloud, environment: ofCloud(settings, cloud) }]
}

const regionAlone = (region: string): UsageError =>
  new UsageError(`--region ${JSON.stringify(region)} needs --stage: name the stage, too.`)

function deploymentAt({ stage, region }: Omit<Where, 'cloud'>, environment: Environment): Deployment {
  const settings = parseConfiguration(cloudsOf(environment)[0].environment)
  if (stage !== undefined) return stageOnAws(stage, region, environment)
  if (region !== undefined) throw regionAlone(region)
  if (settings.BRIDGEKEEPER_TABLE !== undefined) {
    return {
      name: `the deployment of the environment (table ${settings.BRIDGEKEEPER_TABLE})`,
      byVariables: true,
      whenSilent: 'start what should listen there, or correct the address',
      environment,
    }
  }
  return serviceHere(settings.BRIDGEKEEPER_DATA, environment)
}

const stagePattern = /^[A-Za-z][A-Za-z0-9-]{0,39}$/
const regionPattern = /^[a-z]{2}(-[a-z]+)+-\d{1,2}$/

function stageOnAws(stage: string, region: string | undefined, environment: Environment): Deployment {
  if (!stagePattern.test(stage)) {
    throw new UsageError(`--stage ${JSON.stringify(stage)} is no stage: letters, digits and dashes, 40 at most.`)
  }
  if (region !== undefined && !regionPattern.test(region)) {
    throw new UsageError(`--region ${JSON.stringify(region)} is no AWS region: write it like eu-central-1.`)
  }
  return {
    name: `stage ${stage}`,
    byVariables: true,
    whenSilent: 'check the network and the region (--region, AWS_REGION)',
    stage,
    environment: {
      ...environment,
      ...(region === undefined ? {} : { AWS_REGION: region }),
      BRIDGEKEEPER_TABLE: `bridgekeeper-${stage}`,
    },
  }
}

function serviceHere(data: string, environment: Environment): Deployment {
  const file = serviceFile(data)
  const service = readService(file)
  if (service === undefined) throw new ConfigurationError(noDeployment(file, environment))
  return {
    name: `the service on this machine (process ${service.pid}, ${file})`,
    byVariables: false,
    whenSilent: 'it ended without leaving: start it again with npm start',
    environment: { ...environment, AWS_SESSION_TOKEN: undefined, ...service.environment },
  }
}

function noDeployment(file: string, environment: Environment): string {
  const half =
    environment.AWS_ENDPOINT_URL_DYNAMODB === undefined
      ? ''
      : 'AWS_ENDPOINT_URL_DYNAMODB is set but BRIDGEKEEPER_TABLE is not; '
  return `no deployment found: ${half}name one on AWS with --stage, or another with BRIDGEKEEPER_TABLE and BRIDGEKEEPER_QUEUE_SNAPSHOT, or start one here with npm start (${file} does not exist; BRIDGEKEEPER_DATA names its folder).`
}

/** A service's file is well under 2 KB. */
const fileLimit = 64 * 1024

/** @returns undefined when there is no such file. @throws ConfigurationError when it is not what a service writes. */
function readService(file: string): Service | undefined {
  const unusable = (why: string): ConfigurationError =>
    new ConfigurationError(`${file} ${why}: remove it and start the service again with npm start.`)
  let text: string
  try {
    if (statSync(file).size > fileLimit) throw unusable(`is larger than ${fileLimit} bytes`)
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof ConfigurationError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    if (code === 'ENOENT') return undefined
    throw new ConfigurationError(`${file} cannot be read (${code}): run this as the user who runs the service.`)
  }
  const parsed = serviceSchema.safeParse(jsonOf(text))
  if (!parsed.success) throw unusable('is not what a service writes')
  return parsed.data
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The address of each queue of the deployment, by its function's name. @throws ConfigurationError where it has none, and what SQS throws */
export async function queuesOf({ stage, environment }: Deployment): Promise<Readonly<Record<string, string>>> {
  const known = Object.entries(queueUrlsOf(parseConfiguration(environment)))
  if (stage === undefined) {
    const urls = known.flatMap(([name, url]) => (url === undefined ? [] : [[name, url] as const]))
    if (urls.length > 0) return Object.fromEntries(urls)
    throw new ConfigurationError(
      'no BRIDGEKEEPER_QUEUE_… is set: they are the addresses of the queues; the deployment knows them.',
    )
  }
  const client = sqsClient(environment)
  try {
    const urls = known.map(async ([name]) => {
      const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: queueName(stage, name) }))
      return [name, QueueUrl ?? ''] as const
    })
    return Object.fromEntries(await Promise.all(urls))
  } finally {
    client.destroy()
  }
}

const queueName = (stage: string, name: string): string => `bridgekeeper-${stage}-${name}.fifo`

/** The deployment with the address of its snapshot queue: a stage's is asked for. @throws ConfigurationError */
export async function withSnapshotQueue(deployment: Deployment): Promise<Deployment> {
  const { stage, environment } = deployment
  if (stage === undefined) {
    if (environment.BRIDGEKEEPER_QUEUE_SNAPSHOT) return deployment
    throw new ConfigurationError(
      "BRIDGEKEEPER_QUEUE_SNAPSHOT is not set: it is the address of the snapshot function's queue; the deployment knows it.",
    )
  }
  const client = sqsClient(environment)
  try {
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: queueName(stage, 'snapshot') }))
    return { ...deployment, environment: { ...environment, BRIDGEKEEPER_QUEUE_SNAPSHOT: QueueUrl } }
  } finally {
    client.destroy()
  }
}
