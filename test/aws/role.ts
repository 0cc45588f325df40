/**
 * A role, held against what its function did. Pure. In: infra/aws/roles.yml as parsed, calls as recorded, and those that Lambda itself makes
 * with the role. Out: what was done and is not allowed, what is allowed and was not done, what is allowed on everything.
 */
import * as z from 'zod'
import { tracingStatement } from '../../infra/aws/tracingPlugin.ts'
import { networkInterfaceActions } from '../../infra/aws/vpc.ts'
import type { Deployment, FunctionDeployment } from '../../infra/local/cloud/deployment.ts'

/** What was done to what: a table's, queue's, log group's or secret's name as the deployment has it. */
export interface Call {
  readonly action: string
  readonly resource: string
}

const arn = z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.literal('Arn')]) }).transform((it) => it['Fn::GetAtt'][0])
const pattern = z.object({ 'Fn::Sub': z.string() }).transform((it) => it['Fn::Sub'])
const resource = z.union([arn, pattern, z.string()])
const statement = z.strictObject({
  Effect: z.enum(['Allow', 'Deny']),
  Action: z.array(z.string().regex(/^[a-z0-9-]+:[A-Z][A-Za-z]+$/)).min(1),
  Resource: z.union([resource.transform((one) => [one]), z.array(resource).min(1)]),
  Condition: z.unknown().optional(),
})
export const statementsShape = z.array(statement)
export const role = z.strictObject({
  Type: z.literal('AWS::IAM::Role'),
  Properties: z.strictObject({
    AssumeRolePolicyDocument: z.unknown(),
    Policies: z.tuple([
      z.strictObject({
        PolicyName: z.string(),
        PolicyDocument: z.object({ Version: z.literal('2012-10-17'), Statement: statementsShape }),
      }),
    ]),
  }),
})
export const rolesFile = z.object({ Resources: z.record(z.string(), role) })
export type Statement = z.infer<typeof statement>

/** By the function's name. */
export const statementsOf = (file: z.infer<typeof rolesFile>): ReadonlyMap<string, readonly Statement[]> =>
  new Map(
    Object.entries(file.Resources).map(([id, { Properties }]) => [
      `${id.charAt(0).toLowerCase()}${id.slice(1).replace(/Role$/, '')}`,
      Properties.Policies[0].PolicyDocument.Statement,
    ]),
  )

/** What Lambda does for a function: its log, and the queue that starts it. */
export const callsOfLambda = ({ name, sources }: FunctionDeployment, { queues, stage }: Named): readonly Call[] => [
  ...['logs:CreateLogStream', 'logs:PutLogEvents'].map((action) => ({ action, resource: logGroup(stage, name) })),
  ...sources.flatMap(({ queue }) =>
    ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'].map((action) => ({
      action,
      resource: queues.find(({ id }) => id === queue)?.name ?? queue,
    })),
  ),
]

/** And where it is attached to a VPC. */
export const callsOfLambdaInVpc: readonly Call[] = networkInterfaceActions.map((action) => ({ action, resource: '*' }))

/** A deployment, and what its resources are called and its parameters are. */
export interface Named extends Pick<Deployment, 'tables' | 'queues'> {
  readonly stage: string
  readonly parameters: Readonly<Record<string, string>>
}

const logGroup = (stage: string, name: string): string => `/aws/lambda/bridgekeeper-${stage}-${name}`

/** @param allowed a resource's id, or the pattern of a secret's ARN */
function isOf(allowed: string, { resource: name }: Call, { tables, queues, stage, parameters }: Named): boolean {
  const [, secret] =
    /^arn:\$\{AWS::Partition\}:secretsmanager:\$\{AWS::Region\}:\$\{AWS::AccountId\}:secret:(.+)$/.exec(allowed) ?? [
      undefined,
      undefined,
    ]
  if (secret !== undefined) {
    const written = secret.replace(/\$\{param:(\w+)\}/g, (_, parameter: string) => parameters[parameter] ?? '?')
    return written.endsWith('/*') ? name.startsWith(written.slice(0, -1)) : name === written
  }
  if (allowed === '*') return name === '*'
  const [, logged] = /^(\w+)LogGroup$/.exec(allowed) ?? []
  if (logged !== undefined) return name === logGroup(stage, `${logged.charAt(0).toLowerCase()}${logged.slice(1)}`)
  return [...tables, ...queues].some((each) => each.id === allowed && each.name === name)
}

const pairs = (statements: readonly Statement[]): readonly Call[] =>
  statements
    .filter(({ Effect }) => Effect === 'Allow')
    .flatMap(({ Action, Resource }) => Action.flatMap((action) => Resource.map((one) => ({ action, resource: one }))))

export const text = ({ action, resource: name }: Call): string => `${action} ${name}`

export interface Differences {
  /** Done, and not allowed. */
  readonly missing: readonly string[]
  /** Allowed, and not done. */
  readonly excess: readonly string[]
}

export function differences(statements: readonly Statement[], calls: readonly Call[], named: Named): Differences {
  const allowed = pairs(statements)
  const isAllowed = (call: Call): boolean =>
    allowed.some((one) => one.action === call.action && isOf(one.resource, call, named))
  const isDone = (one: Call): boolean =>
    calls.some((call) => call.action === one.action && isOf(one.resource, call, named))
  return {
    missing: [...new Set(calls.filter((call) => !isAllowed(call)).map(text))],
    excess: [...new Set(allowed.filter((one) => !isDone(one)).map(text))],
  }
}

/** Actions that AWS has for no resource, or that Lambda asks for on all: nothing else may be allowed on everything. */
const withoutResource: ReadonlySet<string> = new Set<string>([...networkInterfaceActions, ...tracingStatement.Action])

/** A secret for each cloud, by a parameter's name. */
const secretsOfClouds =
  /^arn:\$\{AWS::Partition\}:secretsmanager:\$\{AWS::Region\}:\$\{AWS::AccountId\}:secret:[^*]+\/\*$/

/** What is allowed on more than it names. */
export const unbounded = (statements: readonly Statement[]): readonly string[] =>
  pairs(statements)
    .filter(({ action, resource: name }) => {
      if (name === '*') return !withoutResource.has(action)
      return name.includes('*') && !(action.startsWith('secretsmanager:') && secretsOfClouds.test(name))
    })
    .map(text)
