/**
 * Everything that a function needs, made from its environment once and only when used. In: the environment, and parts
 * that a test or the local runner brings instead. Out: settings, policy, ports.
 */
import { randomUUID, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type CloudStack, type CloudStackOptions, createCloudStack } from '../cloudstack/client.ts'
import type { HttpOptions } from '../cloudstack/http.ts'
import { ProxyUnusable, proxyFor } from '../cloudstack/proxy.ts'
import { type Policy, policyOf } from '../flow/policy.ts'
import { createSharedGate, type SharedGate } from '../flow/sharedGate.ts'
import type { QueueName } from '../queue/queues.ts'
import { createSqsQueues } from '../queue/sqs.ts'
import { createDynamoDbStore } from '../store/dynamodb.ts'
import { sparingNewer } from '../store/notNewer.ts'
import type { SecretKeeper } from '../webhook/secret.ts'
import { type AgentCertificate, agentCertificateOf } from './agentCertificate.ts'
import { type AwsSecret, secretsOf } from './awsSecret.ts'
import { dynamoDbClient, sqsClient } from './clients.ts'
import { cloudStackBySecret } from './cloudStackSecret.ts'
import { cloudOf, cloudsOf } from './clouds.ts'
import {
  ConfigurationError,
  type Environment,
  parseConfiguration,
  parseConfigurationWithCloudStack,
} from './configuration.ts'
import { carrying, currentCorrelation } from './correlation.ts'
import { emf } from './emf.ts'
import type { Logger } from './logger.ts'
import { type Metrics, unmeasured } from './metrics.ts'
import type { Overrides, Ports } from './ports.ts'
import type { Settings, SettingsWithCloudStack } from './settings.ts'
import { shownValue } from './shown.ts'
import { webhookSecretOf } from './webhookSecret.ts'

export interface Runtime {
  readonly settings: Settings
  readonly policy: Policy
  readonly ports: Ports
  /** What every request to CloudStack passes. */
  readonly gate: SharedGate
  readonly sleep: (milliseconds: number) => Promise<unknown>
  /**
   * Asked for only by functions that speak to it. @param until when the function has to end
   * @throws ConfigurationError when its address or keys are missing
   */
  readonly cloudstack: (until?: number) => CloudStack
  /** Asked for only where agents are. @throws ConfigurationError when the settings contradict each other */
  readonly agentCertificate: () => AgentCertificate
  /** One of AWS, by its whole name. */
  readonly secret: (name: string) => AwsSecret
  /** What this cloud's webhook is signed with. */
  readonly webhookSecret: () => SecretKeeper
}

/** Of every cloud of the deployment, each made when it is first used. */
export interface Runtimes {
  /** Their names, one at least. */
  readonly clouds: readonly string[]
  /** @param cloud one of them. @throws ConfigurationError, which concerns that cloud alone */
  readonly of: (cloud: string) => Runtime
}

/** @throws ConfigurationError when it cannot be told which clouds there are. */
export function createRuntimes(environment: Environment, logger: Logger, overrides: Overrides = {}): Runtimes {
  const clouds = cloudsOf(environment)
  const made = new Map<string, Runtime>()
  return {
    clouds: clouds.map(({ name }) => name),
    of: (cloud) => {
      const known = made.get(cloud)
      if (known !== undefined) return known
      const runtime = createRuntime(cloudOf(environment, cloud).environment, logger, overrides)
      made.set(cloud, runtime)
      return runtime
    },
  }
}

/** Of one cloud, with its own environment (clouds.ts). @throws ConfigurationError */
export function createRuntime(environment: Environment, logger: Logger, overrides: Overrides = {}): Runtime {
  const settings = parseConfiguration(environment)
  const table = settings.BRIDGEKEEPER_TABLE
  if (table === undefined && overrides.store === undefined) {
    throw new ConfigurationError('BRIDGEKEEPER_TABLE is not set: it names the DynamoDB table; the deployment sets it.')
  }
  const newId = overrides.newId ?? randomUUID
  let ofCommand: string | undefined
  const correlation = (): string => {
    const ofCall = currentCorrelation()
    if (ofCall === undefined) ofCommand ??= newId()
    return ofCall ?? ofCommand ?? ''
  }
  const ports: Ports = {
    store: sparingNewer(
      overrides.store ?? createDynamoDbStore({ table: table ?? '', client: dynamoDbClient(environment) }),
    ),
    queues: carrying(overrides.queues ?? createSqsQueues(sqsClient(environment), queueUrlsOf(settings)), correlation),
    logger: overrides.logger ?? logger,
    now: overrides.now ?? Date.now,
    random: overrides.random ?? Math.random,
    newId,
    correlation,
    metrics: overrides.metrics ?? metricsOf(settings, overrides.now ?? Date.now),
  }
  const policy = policyOf(settings)
  const sleep = overrides.sleep ?? delay
  const gate = createSharedGate({ ...ports, cloud: policy.cloud, rate: policy.rate, sleep })
  const secret = secretsOf(environment)
  const cloudstack = (until?: number): CloudStack =>
    overrides.cloudstack?.(gate) ??
    cloudStackIn(
      environment,
      { logger: ports.logger, gate, ...(until === undefined ? {} : { until }) },
      secret,
      ports.now,
    )
  let certificate: AgentCertificate | undefined
  const agentCertificate = (): AgentCertificate => {
    certificate ??= agentCertificateOf(settings, environment, ports.now)
    return certificate
  }
  return {
    settings,
    policy,
    ports,
    gate,
    cloudstack,
    agentCertificate,
    secret,
    webhookSecret: () => webhookSecretOf(settings, environment),
    sleep,
  }
}

/** Where nothing else is brought: on Lambda its log, which it makes metrics of. */
const metricsOf = (settings: Settings, now: () => number): Metrics =>
  settings.BRIDGEKEEPER_METRICS === 'emf'
    ? emf(settings.BRIDGEKEEPER_TABLE ?? '', now, (line) => void process.stdout.write(line))
    : unmeasured

/** The address of each function's queue; undefined where the environment names none. */
export const queueUrlsOf = (settings: Settings): Readonly<Record<QueueName, string | undefined>> => ({
  snapshot: settings.BRIDGEKEEPER_QUEUE_SNAPSHOT,
  diff: settings.BRIDGEKEEPER_QUEUE_DIFF,
  provisionKvm: settings.BRIDGEKEEPER_QUEUE_PROVISION_KVM,
  provisionXenserver: settings.BRIDGEKEEPER_QUEUE_PROVISION_XENSERVER,
  provisionVmware: settings.BRIDGEKEEPER_QUEUE_PROVISION_VMWARE,
  provisionCloudstack: settings.BRIDGEKEEPER_QUEUE_PROVISION_CLOUDSTACK,
})

type Options = Pick<CloudStackOptions, 'logger' | 'timeoutMs' | 'gate' | 'until' | 'sleep'>

/**
 * The CloudStack of an environment, which has its address and keys or names their secret.
 * @throws ConfigurationError as cloudStackOf; what is wrong with the secret is thrown when it is asked
 */
export function cloudStackIn(
  environment: Environment,
  options: Options,
  secret: Runtime['secret'],
  now: () => number,
): CloudStack {
  const settings = parseConfiguration(environment)
  const make = (found: SettingsWithCloudStack): CloudStack => cloudStackOf(found, options)
  if (settings.BRIDGEKEEPER_CLOUDSTACK_SECRET === undefined) return make(parseConfigurationWithCloudStack(environment))
  return cloudStackBySecret(environment, settings, secret, now, make)
}

/**
 * The CloudStack that the settings name, through the proxy that they name.
 * @throws ConfigurationError when the file of its CA cannot be read or holds no certificate, or the proxy cannot be used
 */
export function cloudStackOf(settings: SettingsWithCloudStack, options: Options): CloudStack {
  return createCloudStack({
    url: settings.CLOUDSTACK_API_URL,
    apiKey: settings.CLOUDSTACK_API_KEY,
    secretKey: settings.CLOUDSTACK_SECRET_KEY,
    ...wayTo(settings),
    ...options,
  })
}

/** The CA and the proxy. @throws ConfigurationError as cloudStackOf */
export function wayTo(settings: SettingsWithCloudStack): HttpOptions {
  const caFile = settings.BRIDGEKEEPER_CLOUDSTACK_CA_FILE
  const proxy = proxyOf(settings)
  return {
    ...(caFile === undefined ? {} : { ca: readCertificates('BRIDGEKEEPER_CLOUDSTACK_CA_FILE', caFile) }),
    ...(proxy === undefined ? {} : { proxy }),
  }
}

function proxyOf(settings: SettingsWithCloudStack): URL | undefined {
  try {
    return proxyFor(new URL(settings.CLOUDSTACK_API_URL), settings)
  } catch (error) {
    throw error instanceof ProxyUnusable ? new ConfigurationError(error.message) : error
  }
}

/** A file of other content would be taken for one that trusts nobody. */
function readCertificates(name: string, file: string): string {
  const pem = readSetting(name, file)
  try {
    const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
    if (blocks.map((block) => new X509Certificate(block)).length > 0) return pem
  } catch {
    throw new ConfigurationError(
      `${name}=${shownValue(file)} holds a certificate that cannot be read: name a file of whole PEM certificates.`,
    )
  }
  throw new ConfigurationError(
    `${name}=${shownValue(file)} holds no certificate: name a file of PEM certificates, which begin with -----BEGIN CERTIFICATE-----.`,
  )
}

/** The content of a file that a setting names. @throws ConfigurationError naming the setting, the file and why. */
export function readSetting(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new ConfigurationError(
      `${name}=${shownValue(file)} cannot be read (${why}): name a file that this user may read.`,
    )
  }
}
