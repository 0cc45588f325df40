/**
 * Reading serverless.yml and the files that it includes. In: the folder and the stage. Out: what it says, without
 * variables and parsed by the schema of the parts that matter here; other parts of a function or resource are ignored.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import * as z from 'zod'
import { DeploymentError, resolveVariables } from './variables.ts'

const reference = z.strictObject({ Ref: z.string() })
const arn = z
  .strictObject({ 'Fn::GetAtt': z.tuple([z.string(), z.literal('Arn')]) })
  .transform((it) => it['Fn::GetAtt'][0])
const environment = z.record(z.string(), z.union([z.string(), reference])).default({})
const one = z.union([z.string(), z.tuple([z.string()]).transform(([rate]) => rate)])

const schedule = z.strictObject({ rate: one, enabled: z.boolean().default(true), input: z.unknown().optional() })
const queue = z.strictObject({
  arn,
  batchSize: z.int().min(1).max(10).default(10),
  maximumConcurrency: z.int().min(2).max(1000).optional(),
})
const event = z.union([z.strictObject({ schedule }), z.strictObject({ sqs: queue })])

const memory = z.int().min(128).max(10_240)

const functionSchema = z.object({
  handler: z.string(),
  timeout: z.int().min(1).max(900).default(6),
  memorySize: memory.optional(),
  reservedConcurrency: z.int().min(0).optional(),
  /** It has an address of its own, which startIngress stands for here. */
  url: z.union([z.boolean(), z.strictObject({ authorizer: z.literal('aws_iam') })]).optional(),
  environment,
  events: z.array(event).default([]),
})

const key = z.array(z.object({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) }))
const attributes = z.array(z.object({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) }))
const table = z.object({
  Type: z.literal('AWS::DynamoDB::Table'),
  Properties: z.object({ TableName: z.string(), KeySchema: key, AttributeDefinitions: attributes }),
})

const queueResource = z.object({
  Type: z.literal('AWS::SQS::Queue'),
  Properties: z.object({
    QueueName: z.string().endsWith('.fifo'),
    FifoQueue: z.literal(true),
    ContentBasedDeduplication: z.boolean(),
    VisibilityTimeout: z.int().min(0).max(43_200).default(30),
    MessageRetentionPeriod: z.int().min(60).max(1_209_600).default(345_600),
    RedrivePolicy: z.strictObject({ deadLetterTargetArn: arn, maxReceiveCount: z.int().min(1) }).optional(),
  }),
})

/** Nothing on one machine asks for permission: the embedded parts serve whoever names their key. */
/** Who may do what: here everybody who reaches the parts may. */
const rights = z.object({ Type: z.enum(['AWS::IAM::Role', 'AWS::IAM::ManagedPolicy']) })

const resource = z.discriminatedUnion('Type', [table, queueResource, rights])

const document = z.object({
  provider: z.object({ environment, memorySize: memory.default(1024) }),
  functions: z.record(z.string(), functionSchema),
  resources: z.array(z.object({ Resources: z.record(z.string(), resource) })),
})

export type ServerlessDocument = z.infer<typeof document>

/** @throws DeploymentError when a file is missing, or says something that the embedded cloud cannot do. */
export function readServerless(root: string, stage: string): ServerlessDocument {
  const file = (path: string): unknown => parseFile(root, path)
  const raw = file('serverless.yml')
  const params = z.object({ params: z.record(z.string(), z.record(z.string(), z.unknown())) }).safeParse(raw)
    .data?.params
  const sources = { stage, parameters: { ...params?.default, ...params?.[stage] }, file }
  return parseServerless(resolveVariables(raw, sources, 'serverless.yml'))
}

/** @param resolved what serverless.yml says, without variables. @throws DeploymentError */
export function parseServerless(resolved: unknown): ServerlessDocument {
  const parsed = document.safeParse(resolved)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message }) => `serverless.yml: ${path.join('.')}: ${message}`)
  throw new DeploymentError(problems.join('\n'))
}

function parseFile(root: string, path: string): unknown {
  try {
    return parse(readFileSync(join(root, path), 'utf8'), { merge: true })
  } catch (error) {
    throw new DeploymentError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}
