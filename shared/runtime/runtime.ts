/**
 * Everything that a function needs, made from its environment once and only when used. In: the environment, and parts
 * that a test or the local runner brings instead. Out: settings, policy, ports.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type CloudStack, type CloudStackOptions, createCloudStack } from '../cloudstack/client.ts'
import { type Policy, policyOf } from '../flow/policy.ts'
import { createSharedGate, type SharedGate } from '../flow/sharedGate.ts'
import { createSqsQueues } from '../queue/sqs.ts'
import { createDynamoDbStore } from '../store/dynamodb.ts'
import { sparingNewer } from '../store/notNewer.ts'
import { dynamoDbClient, sqsClient } from './clients.ts'
import { cloudOf, cloudsOf } from './clouds.ts'
import {
  ConfigurationError,
  type Environment,
  parseConfiguration,
  parseConfigurationWithCloudStack,
} from './configuration.ts'
import type { Logger } from './logger.ts'
import type { Overrides, Ports } from './ports.ts'
import type { Settings, SettingsWithCloudStack } from './settings.ts'
import { shownValue } from './shown.ts'

export interface Runtime {
  readonly settings: Settings
  readonly policy: Policy
  readonly ports: Ports
  /** What every request to CloudStack passes. */
  readonly gate: SharedGate
  /** Asked for only by functions that speak to it. @throws ConfigurationError when its address or keys are missing. */
  readonly cloudstack: () => CloudStack
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
  const ports: Ports = {
    store: sparingNewer(
      overrides.store ?? createDynamoDbStore({ table: table ?? '', client: dynamoDbClient(environment) }),
    ),
    queues: overrides.queues ?? createSqsQueues(sqsClient(environment), queueUrls(settings)),
    logger: overrides.logger ?? logger,
    now: overrides.now ?? Date.now,
    random: overrides.random ?? Math.random,
    newId: overrides.newId ?? randomUUID,
  }
  const policy = policyOf(settings)
  const gate = createSharedGate({ ...ports, cloud: policy.cloud, rate: policy.rate, sleep: overrides.sleep ?? delay })
  const cloudstack = (): CloudStack =>
    overrides.cloudstack?.(gate) ??
    cloudStackOf(parseConfigurationWithCloudStack(environment), { logger: ports.logger, gate })
  return { settings, policy, ports, gate, cloudstack }
}

const queueUrls = (settings: Settings) => ({
  snapshot: settings.BRIDGEKEEPER_QUEUE_SNAPSHOT,
  diff: settings.BRIDGEKEEPER_QUEUE_DIFF,
  provisionKvm: settings.BRIDGEKEEPER_QUEUE_PROVISION_KVM,
  provisionCloudstack: settings.BRIDGEKEEPER_QUEUE_PROVISION_CLOUDSTACK,
})

/** The CloudStack that the settings name. @throws ConfigurationError when the file of its CA cannot be read. */
export function cloudStackOf(
  settings: SettingsWithCloudStack,
  options: Pick<CloudStackOptions, 'logger' | 'timeoutMs' | 'gate'>,
): CloudStack {
  const caFile = settings.BRIDGEKEEPER_CLOUDSTACK_CA_FILE
  return createCloudStack({
    url: settings.CLOUDSTACK_API_URL,
    apiKey: settings.CLOUDSTACK_API_KEY,
    secretKey: settings.CLOUDSTACK_SECRET_KEY,
    ...(caFile === undefined ? {} : { ca: readSetting('BRIDGEKEEPER_CLOUDSTACK_CA_FILE', caFile) }),
    ...options,
  })
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
