/** Traces of X-Ray for every function, if the parameter `tracing` asks for them. In: `custom.tracing` of serverless.yml. Out: `provider.tracing`, and in each role what Lambda needs to write them. */

/** AWSXRayDaemonWriteAccess's, as far as Lambda uses it. AWS has them for no resource of its own. */
export const tracingStatement = {
  Effect: 'Allow',
  Action: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
  Resource: '*',
} as const

interface Role {
  readonly Type: string
  readonly Properties?: {
    readonly Policies?: readonly { readonly PolicyDocument: { Statement: readonly unknown[] } }[]
  }
}

interface Serverless {
  readonly service: {
    readonly provider: { tracing?: { readonly lambda: true } }
    readonly custom: { readonly tracing: unknown }
    readonly resources: { readonly Resources: Readonly<Record<string, Role>> }
  }
}

class TracingPlugin {
  readonly hooks: Readonly<Record<string, () => void>>

  constructor({ service }: Serverless) {
    this.hooks = {
      initialize: () => {
        if (String(service.custom.tracing) !== 'true') return
        service.provider.tracing = { lambda: true }
        const roles = Object.values(service.resources.Resources).filter(({ Type }) => Type === 'AWS::IAM::Role')
        for (const { PolicyDocument: document } of roles.flatMap(({ Properties }) => Properties?.Policies ?? []))
          document.Statement = [...document.Statement, tracingStatement]
      },
    }
  }
}

export default TracingPlugin
