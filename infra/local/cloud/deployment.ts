/**
 * From what serverless.yml says to what is to be run: tables, queues, functions, and what starts them. In: the parsed
 * document and what a caller sets otherwise. Out: plain data, every reference checked. Durations in seconds.
 */
import type { ServerlessDocument } from './serverlessFile.ts'
import { DeploymentError } from './variables.ts'

export interface TableDeployment {
  readonly id: string
  readonly name: string
  readonly key: readonly { readonly name: string; readonly kind: 'HASH' | 'RANGE'; readonly type: 'S' | 'N' | 'B' }[]
}

export interface QueueDeployment {
  readonly id: string
  readonly name: string
  readonly contentBasedDeduplication: boolean
  readonly visibility: number
  readonly retention: number
  readonly deadLetters?: { readonly queue: string; readonly maxReceiveCount: number }
}

export interface EventSource {
  /** The queue's id. */
  readonly queue: string
  readonly batchSize: number
  readonly maximumConcurrency?: number
}

export interface FunctionDeployment {
  readonly name: string
  /** The module that its handler is made by, seen from the folder of serverless.yml. */
  readonly source: string
  readonly timeout: number
  /** Megabytes. */
  readonly memory: number
  readonly reservedConcurrency?: number
  readonly texts: Readonly<Record<string, string>>
  /** Variables whose value is a table's name or a queue's address, by the resource's id. */
  readonly references: Readonly<Record<string, string>>
  readonly schedules: readonly { readonly every: number; readonly input?: unknown }[]
  readonly sources: readonly EventSource[]
}

export interface Deployment {
  readonly tables: readonly TableDeployment[]
  readonly queues: readonly QueueDeployment[]
  readonly functions: readonly FunctionDeployment[]
}

export interface Changes {
  /** The timeout of a function, by its name; its queue's visibility follows. */
  readonly timeouts?: Readonly<Record<string, number>>
  /** By how much a queue's visibility outlasts its function's timeout; as in serverless.yml when left out. */
  readonly visibilityBeyondTimeout?: number
  /** Instead of the interval of each schedule that is shorter than a day: what is done daily is not done oftener. */
  readonly interval?: number
}

/** @throws DeploymentError when a reference leads nowhere, or a change names no function. */
export function deploymentOf(document: ServerlessDocument, changes: Changes = {}): Deployment {
  const resources = document.resources.flatMap(({ Resources }) => Object.entries(Resources))
  const functions = functionsOf(document, changes)
  const queues = resources.flatMap(([id, resource]) =>
    resource.Type === 'AWS::SQS::Queue' ? [queueOf(id, resource.Properties, document, functions, changes)] : [],
  )
  const tables = resources.flatMap(([id, resource]) =>
    resource.Type === 'AWS::DynamoDB::Table' ? [tableOf(id, resource.Properties)] : [],
  )
  checkReferences(functions, queues, tables)
  return { tables, queues, functions }
}

type ResourceOf<Type> = Extract<
  ServerlessDocument['resources'][number]['Resources'][string],
  { readonly Type: Type; readonly Properties: unknown }
>['Properties']

function tableOf(id: string, properties: ResourceOf<'AWS::DynamoDB::Table'>): TableDeployment {
  const key = properties.KeySchema.map(({ AttributeName: name, KeyType: kind }) => {
    const defined = properties.AttributeDefinitions.find((definition) => definition.AttributeName === name)
    if (defined === undefined) throw new DeploymentError(`the table ${id}: its key ${name} has no type`)
    return { name, kind, type: defined.AttributeType }
  })
  return { id, name: properties.TableName, key }
}

function queueOf(
  id: string,
  properties: ResourceOf<'AWS::SQS::Queue'>,
  document: ServerlessDocument,
  functions: readonly FunctionDeployment[],
  { visibilityBeyondTimeout }: Changes,
): QueueDeployment {
  const consumer = functions.find(({ sources }) => sources.some(({ queue }) => queue === id))
  const asWritten = consumer === undefined ? undefined : document.functions[consumer.name]?.timeout
  const beyond = visibilityBeyondTimeout ?? properties.VisibilityTimeout - (asWritten ?? 0)
  const redrive = properties.RedrivePolicy
  return {
    id,
    name: properties.QueueName,
    contentBasedDeduplication: properties.ContentBasedDeduplication,
    visibility: consumer === undefined ? properties.VisibilityTimeout : consumer.timeout + beyond,
    retention: properties.MessageRetentionPeriod,
    ...(redrive && { deadLetters: { queue: redrive.deadLetterTargetArn, maxReceiveCount: redrive.maxReceiveCount } }),
  }
}

function functionsOf(
  document: ServerlessDocument,
  { timeouts = {}, interval }: Changes,
): readonly FunctionDeployment[] {
  const unknown = Object.keys(timeouts).find((name) => document.functions[name] === undefined)
  if (unknown !== undefined) throw new DeploymentError(`timeouts: there is no function "${unknown}"`)
  return Object.entries(document.functions).map(([name, written]) => {
    const environment = Object.entries({ ...document.provider.environment, ...written.environment })
    return {
      name,
      source: sourceOf(name, written.handler),
      timeout: timeouts[name] ?? written.timeout,
      memory: written.memorySize ?? document.provider.memorySize,
      ...(written.reservedConcurrency !== undefined && { reservedConcurrency: written.reservedConcurrency }),
      texts: Object.fromEntries(
        environment.flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : [])),
      ),
      references: Object.fromEntries(
        environment.flatMap(([key, value]) => (typeof value === 'string' ? [] : [[key, value.Ref]])),
      ),
      schedules: written.events.flatMap((event) =>
        'schedule' in event && event.schedule.enabled
          ? [{ every: intervalOf(secondsOf(name, event.schedule.rate), interval), input: event.schedule.input }]
          : [],
      ),
      sources: written.events.flatMap((event) =>
        'sqs' in event
          ? [
              {
                queue: event.sqs.arn,
                batchSize: event.sqs.batchSize,
                ...(event.sqs.maximumConcurrency !== undefined && { maximumConcurrency: event.sqs.maximumConcurrency }),
              },
            ]
          : [],
      ),
    }
  })
}

/** `dist/functions/NAME.handler`, the bundle that is deployed, is made of `functions/NAME/handler.ts` (infra/aws). */
function sourceOf(name: string, handler: string): string {
  const bundled = /^dist\/functions\/([\w-]+)\.handler$/.exec(handler)?.[1]
  if (bundled === undefined) {
    throw new DeploymentError(`functions.${name}.handler: "${handler}" is not dist/functions/NAME.handler`)
  }
  return `functions/${bundled}/handler.ts`
}

const units = { minute: 60, hour: 3600, day: 86_400 } as const

const intervalOf = (written: number, instead: number | undefined): number =>
  written >= units.day ? written : (instead ?? written)

function secondsOf(name: string, rate: string): number {
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(rate) ?? []
  const seconds = unit === 'minute' || unit === 'hour' || unit === 'day' ? Number(count) * units[unit] : 0
  if (seconds > 0) return seconds
  throw new DeploymentError(`functions.${name}: the schedule "${rate}" is not of the form rate(1 minute)`)
}

function checkReferences(
  functions: readonly FunctionDeployment[],
  queues: readonly QueueDeployment[],
  tables: readonly TableDeployment[],
): void {
  const queueIds = new Set(queues.map(({ id }) => id))
  const all = new Set([...queueIds, ...tables.map(({ id }) => id)])
  const missing = [
    ...functions.flatMap(({ name, references }) =>
      Object.entries(references).flatMap(([variable, id]) =>
        all.has(id) ? [] : [`functions.${name}: ${variable}: ${id}`],
      ),
    ),
    ...functions.flatMap(({ name, sources }) =>
      sources.flatMap(({ queue }) => (queueIds.has(queue) ? [] : [`functions.${name}: events: ${queue}`])),
    ),
    ...queues.flatMap(({ id, deadLetters }) =>
      deadLetters === undefined || queueIds.has(deadLetters.queue) ? [] : [`${id}: dead letters: ${deadLetters.queue}`],
    ),
  ]
  if (missing.length > 0) throw new DeploymentError(missing.map((it) => `${it} is not among the resources`).join('\n'))
}
