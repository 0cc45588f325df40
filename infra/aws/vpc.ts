/**
 * Whether the functions are attached to a VPC. In: two parameters of serverless.yml, identifiers with commas between them; both empty: to
 * none. Out: what Serverless's `provider.vpc` takes, and what every role then has to allow for Lambda. Pure.
 */

export interface Attached {
  readonly subnetIds: readonly string[]
  readonly securityGroupIds: readonly string[]
}

/** Thrown for parameters that name no VPC. */
export class VpcUnusable extends Error {
  override readonly name = 'VpcUnusable'
}

/** Lambda's own bounds. */
const kinds = {
  subnets: { prefix: 'subnet', most: 16 },
  securityGroups: { prefix: 'sg', most: 5 },
} as const

/** @throws VpcUnusable */
export function attachedTo(subnets: string, securityGroups: string): Attached | undefined {
  if (subnets.trim() === '' && securityGroups.trim() === '') return undefined
  return {
    subnetIds: identifiers('subnets', subnets),
    securityGroupIds: identifiers('securityGroups', securityGroups),
  }
}

function identifiers(name: keyof typeof kinds, text: string): readonly string[] {
  const { prefix, most } = kinds[name]
  const like = `${prefix}-0123abcd`
  const found = text.split(',').map((each) => each.trim())
  const wrong = found.find((each) => !new RegExp(`^${prefix}-[0-9a-f]{8,32}$`).test(each))
  const problem = ((): string | undefined => {
    if (text.trim() === '') return 'is empty: functions in a VPC need subnets and securityGroups, those in none neither'
    if (wrong !== undefined) return `has ${JSON.stringify(wrong.slice(0, 64))}: write identifiers like ${like},${like}`
    if (new Set(found).size < found.length) return 'names one twice: leave one out'
    if (found.length > most) return `names ${found.length}: Lambda takes ${most} at most`
    return undefined
  })()
  if (problem !== undefined) throw new VpcUnusable(`the parameter ${name} ${problem} (docs/aws.md).`)
  return found
}

/** AWSLambdaVPCAccessExecutionRole's, without its rights to logs. AWS has them for all network interfaces only. */
export const networkInterfaceActions = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
] as const

/** Lambda itself makes the interfaces with the function's role; the function's own code may not. */
export const networkInterfaceStatements = [
  { Effect: 'Allow', Action: networkInterfaceActions, Resource: '*' },
  {
    Effect: 'Deny',
    Action: networkInterfaceActions,
    Resource: '*',
    Condition: {
      ArnLike: {
        'lambda:SourceFunctionArn': {
          'Fn::Sub': `arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:*`,
        },
      },
    },
  },
] as const
