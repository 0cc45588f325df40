import { describe, expect, it } from 'vitest'
import { attachedTo, networkInterfaceActions, networkInterfaceStatements } from '../../infra/aws/vpc.ts'

const subnet = (n: number): string => `subnet-0123456789abcde${n.toString(16).padStart(2, '0')}`

describe('the VPC that the parameters name', () => {
  it('is none where both are empty', () => {
    expect(attachedTo('', ' ')).toBeUndefined()
  })

  it('has its subnets and security groups', () => {
    expect(attachedTo('subnet-0123abcd, subnet-0123abce', 'sg-0123abcd')).toEqual({
      subnetIds: ['subnet-0123abcd', 'subnet-0123abce'],
      securityGroupIds: ['sg-0123abcd'],
    })
  })

  it.each([
    [
      'subnets alone',
      'subnet-0123abcd',
      '',
      'the parameter securityGroups is empty: functions in a VPC need subnets and',
    ],
    ['security groups alone', '', 'sg-0123abcd', 'the parameter subnets is empty: functions in a VPC need subnets and'],
    [
      'a name',
      'private-a',
      'sg-0123abcd',
      'the parameter subnets has "private-a": write identifiers like subnet-0123abcd,',
    ],
    [
      'a subnet for a group',
      'subnet-0123abcd',
      'subnet-0123abcd',
      'the parameter securityGroups has "subnet-0123abcd": ',
    ],
    ['a comma too many', 'subnet-0123abcd,', 'sg-0123abcd', 'the parameter subnets has "": write identifiers like'],
    ['one twice', 'subnet-0123abcd,subnet-0123abcd', 'sg-0123abcd', 'the parameter subnets names one twice'],
    ['seventeen', Array.from({ length: 17 }, (_, n) => subnet(n)).join(), 'sg-0123abcd', 'names 17: Lambda takes 16'],
  ])('is refused for %s', (_what, subnets, securityGroups, told) => {
    expect(() => attachedTo(subnets, securityGroups)).toThrow(told)
  })

  it('needs what Lambda needs to make an interface, and keeps it from the function’s own code', () => {
    const [allow, deny] = networkInterfaceStatements
    expect([allow.Effect, deny.Effect]).toEqual(['Allow', 'Deny'])
    expect(deny.Action).toBe(networkInterfaceActions)
    expect(deny.Condition.ArnLike['lambda:SourceFunctionArn']['Fn::Sub']).toMatch(/:function:\*$/)
    expect(allow).not.toHaveProperty('Condition')
  })
})
