/**
 * A role, held against what its function did. Pure. In: infra/aws/roles.yml as parsed, calls as recorded. Out: what was done and is not
 * allowed, and what is allowed and was not done. What a function's event sources and its log need is done by Lambda itself.
 */
import * as z from 'zod'

/** What was done to what: a table's, queue's or secret's name as the deployment has it. */
export interface Call {
  readonly action: string
  readonly resource: string
}

const arn = z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.literal('Arn')]) }).transform((it) => it['Fn::GetAtt'][0])
const pattern = z.object({ 'Fn::Sub': z.string() }).transform((it) => it['Fn::Sub'])
const resource = z.union([arn, pattern])
const statement = z.strictObject({
  Effect: z.literal('Allow'),
  Action: z.array(z.string()).min(1),
  Resource: z.union([resource.transform((one) => [one]), z.array(resource)]),
})
const role = z.object({
  Type: z.literal('AWS::IAM::Role'),
  Properties: z.object({
    Policies: z.tuple([z.object({ PolicyDocument: z.object({ Statement: z.array(statement) }) })]),
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

/** Done by Lambda for every function, and for one that a queue starts. */
const byLambda = new Set([
  'logs:CreateLogStream',
  'logs:PutLogEvents',
  'sqs:ReceiveMessage',
  'sqs:DeleteMessage',
  'sqs:GetQueueAttributes',
])

/** `DiffQueue` is `bridgekeeper-test-diff.fifo`, `Table` is `bridgekeeper-test`, a secret is what its pattern says after `:secret:`. */
function isOf(allowed: string, { resource: name }: Call, parameters: Readonly<Record<string, string>>): boolean {
  const [, secret] = /:secret:(.+)$/.exec(allowed) ?? []
  if (secret !== undefined) {
    const written = secret.replace(/\$\{param:(\w+)\}/g, (_, parameter: string) => parameters[parameter] ?? '?')
    return written.endsWith('/*') ? name.startsWith(written.slice(0, -1)) : name === written
  }
  const [, queue] = /^(\w+)Queue$/.exec(allowed) ?? []
  if (queue === undefined) return allowed === 'Table' && name === 'bridgekeeper-test'
  return name === `bridgekeeper-test-${queue.charAt(0).toLowerCase()}${queue.slice(1)}.fifo`
}

const pairs = (statements: readonly Statement[]): readonly Call[] =>
  statements.flatMap(({ Action, Resource }) =>
    Action.flatMap((action) => Resource.map((one) => ({ action, resource: one }))),
  )

export interface Differences {
  /** Done, and not allowed. */
  readonly missing: readonly string[]
  /** Allowed, and not done. */
  readonly excess: readonly string[]
}

/** @param parameters of serverless.yml, by name */
export function differences(
  statements: readonly Statement[],
  calls: readonly Call[],
  parameters: Readonly<Record<string, string>>,
): Differences {
  const allowed = pairs(statements)
  const isAllowed = (call: Call): boolean =>
    allowed.some((one) => one.action === call.action && isOf(one.resource, call, parameters))
  const isDone = (one: Call): boolean =>
    byLambda.has(one.action) || calls.some((call) => call.action === one.action && isOf(one.resource, call, parameters))
  const text = ({ action, resource: name }: Call): string => `${action} ${name}`
  return {
    missing: [...new Set(calls.filter((call) => !isAllowed(call)).map(text))],
    excess: [...new Set(allowed.filter((one) => !isDone(one)).map(text))],
  }
}
