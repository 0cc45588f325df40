/**
 * What `serverless invoke local` runs a function on. In: the deployment, the function, the operator's environment.
 * Out: the function's environment, in words where it runs, and an end.
 *
 * | the environment names                     | parts                                                                      |
 * |-------------------------------------------|----------------------------------------------------------------------------|
 * | AWS_ENDPOINT_URL…, or BRIDGEKEEPER_TABLE   | those; the stage's table and queues there, where it names no others         |
 * | neither                                   | DynamoDB and SQS in this process, empty at first and gone afterwards        |
 * | neither, and no CloudStack                | the same, and a simulated CloudStack, of which a first snapshot is taken    |
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GetQueueUrlCommand } from '@aws-sdk/client-sqs'
import { sqsClient } from '../../shared/runtime/clients.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { type Deployment, deploymentOf, type FunctionDeployment } from './cloud/deployment.ts'
import { type Environment, functionEnvironment, writtenEnvironment } from './cloud/environment.ts'
import { loadCreate } from './cloud/handlers.ts'
import { createInvoker } from './cloud/invoker.ts'
import { startParts } from './cloud/parts.ts'
import { parseServerless } from './cloud/serverlessFile.ts'
import { DeploymentError } from './cloud/variables.ts'
import { seedCloud, type ZonePlan } from './cloudstackSimulator/seed.ts'
import { startCloudStackSimulator } from './cloudstackSimulator/simulator.ts'

export interface LocalRun {
  readonly environment: Readonly<Record<string, string>>
  /** One line for people. */
  readonly on: string
  stop(): Promise<void>
}

/** @param service as Serverless resolved it. @throws DeploymentError when it says what cannot be done here */
export const deploymentOfService = (service: unknown): Deployment => deploymentOf(parseServerless(service))

/** @throws DeploymentError for a name that no function has; what SQS throws for a queue that is not there */
export async function prepareLocalRun(deployment: Deployment, name: string, given: Environment): Promise<LocalRun> {
  const deployed = deployment.functions.find((each) => each.name === name)
  if (deployed === undefined) throw new DeploymentError(`there is no function "${name}"`)
  if (!namesParts(given)) return onEmbeddedParts(deployment, deployed, given)
  const environment = { ...(await lookedUp(deployment, deployed, given)), ...writtenEnvironment(deployed, given) }
  return { environment, on: 'the parts that the environment names', stop: async () => undefined }
}

const root = join(import.meta.dirname, '../..')

const namesParts = (given: Environment): boolean =>
  ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_DYNAMODB', 'AWS_ENDPOINT_URL_SQS', 'BRIDGEKEEPER_TABLE'].some(
    (name) => given[name],
  )

const namesCloudStack = (given: Environment): boolean =>
  Object.entries(given).some(([name, value]) => /^(BRIDGEKEEPER_)?CLOUDSTACK_(API_|SECRET)/.test(name) && value)

async function onEmbeddedParts(deployment: Deployment, deployed: FunctionDeployment, given: Environment) {
  const parts = await startParts(deployment, undefined)
  const embedded = 'DynamoDB and SQS in this process'
  if (namesCloudStack(given))
    return { environment: functionEnvironment(deployed, parts.addresses, given), on: embedded, stop: parts.stop }
  const simulator = await startCloudStackSimulator({ seed: seedCloud([zone]) })
  const stop = async (): Promise<void> => {
    await simulator.stop()
    await parts.stop()
  }
  const environmentOf = (each: FunctionDeployment) =>
    functionEnvironment(each, parts.addresses, {
      ...given,
      CLOUDSTACK_API_URL: simulator.url,
      CLOUDSTACK_API_KEY: simulator.apiKey,
      CLOUDSTACK_SECRET_KEY: simulator.secretKey,
    })
  try {
    if (deployed.name !== 'snapshot') await firstSnapshot(deployment, environmentOf)
  } catch (error) {
    await stop()
    throw error
  }
  const on = `${embedded}, and a simulated CloudStack, since CLOUDSTACK_API_URL is not set`
  return { environment: environmentOf(deployed), on, stop }
}

async function firstSnapshot(
  { functions }: Deployment,
  environmentOf: (each: FunctionDeployment) => Environment,
): Promise<void> {
  const snapshot = functions.find(({ name }) => name === 'snapshot')
  if (snapshot === undefined) throw new DeploymentError('there is no function "snapshot"')
  const create = await loadCreate(root, snapshot)
  await createInvoker(snapshot, create(environmentOf(snapshot), { logger: silent }), silent).invoke({})
}

/** Addresses for documentation (RFC 5737): nobody is there. */
const zone: ZonePlan = {
  name: 'zone-1',
  physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' } }],
  clusters: [{ name: 'cluster-1', hosts: [1, 2].map((n) => ({ name: `kvm-${n}`, address: `192.0.2.${n}` })) }],
  networks: [100, 101, 102].map((id) => ({ name: `network-${id}`, uri: `vlan://${id}` })),
}

/** Of the kind that starts the function: of a host and a zone that are not there, or of a stranger. */
export function sampleEvent(name: string): string {
  const file = name.startsWith('provision') ? 'job' : { diff: 'diff', webhook: 'request', status: 'look' }[name]
  return file === undefined ? '{}' : readFileSync(join(import.meta.dirname, `events/${file}.json`), 'utf8')
}

/** What the deployment would give by reference, and the environment does not. */
async function lookedUp(
  { tables, queues }: Deployment,
  { references }: FunctionDeployment,
  given: Environment,
): Promise<Record<string, string>> {
  const client = sqsClient(given)
  const nameOrAddress = async (id: string): Promise<string> => {
    const table = tables.find((each) => each.id === id)
    if (table !== undefined) return table.name
    const QueueName = queues.find((each) => each.id === id)?.name
    return (await client.send(new GetQueueUrlCommand({ QueueName }))).QueueUrl ?? ''
  }
  try {
    const lacking = Object.entries(references).filter(([name]) => !given[name])
    return Object.fromEntries(
      await Promise.all(lacking.map(async ([name, id]) => [name, await nameOrAddress(id)] as const)),
    )
  } finally {
    client.destroy()
  }
}
