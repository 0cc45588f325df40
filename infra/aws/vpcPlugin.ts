/**
 * Attaches every function to the VPC that the parameters name, if they name one. In: `custom.vpc` of serverless.yml. Out: `provider.vpc`, and
 * in each role what Lambda needs for it; without parameters nothing is changed.
 */
import { allowInEveryRole, type Resource } from './everyRole.ts'
import { type Attached, attachedTo, networkInterfaceStatements, VpcUnusable } from './vpc.ts'

interface Serverless {
  readonly service: {
    readonly provider: { vpc?: Attached }
    readonly custom: { readonly vpc: { readonly subnets: string; readonly securityGroups: string } }
    readonly resources: { readonly Resources: Readonly<Record<string, Resource>> }
  }
  /** Its own errors are told by their message alone. */
  readonly classes: { readonly Error: new (message: string) => Error }
}

class VpcPlugin {
  readonly hooks: Readonly<Record<string, () => void>>

  constructor({ service, classes }: Serverless) {
    const attached = (): Attached | undefined => {
      const { subnets, securityGroups } = service.custom.vpc
      try {
        return attachedTo(subnets, securityGroups)
      } catch (error) {
        throw error instanceof VpcUnusable ? new classes.Error(error.message) : error
      }
    }
    this.hooks = {
      initialize: () => {
        const vpc = attached()
        if (vpc === undefined) return
        service.provider.vpc = vpc
        allowInEveryRole(service.resources.Resources, networkInterfaceStatements)
      },
    }
  }
}

export default VpcPlugin
